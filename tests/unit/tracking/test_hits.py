"""Nobody waits for a database because of an open or a click, and what is lost is said."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DataError, OperationalError

from providers.base import ReceiptKind
from techrar.receipts.services import Seen
from techrar.tracking import hits as module
from techrar.tracking.hits import Hits


def seen() -> Seen:
    return Seen(ReceiptKind.OPENED, uuid4(), 1, 0, datetime(2031, 1, 1, tzinfo=UTC), uuid4().hex)


class Database:
    def __init__(self) -> None:
        self.away = False
        self.rows: list[Seen] = []
        self.written = threading.Event()

    def write(self, batch: Sequence[Seen]) -> None:
        if self.away:
            raise OperationalError("no route to host")
        self.rows += batch
        self.written.set()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> Hits:
    """Without its thread: the test says when it writes."""
    hits = Hits(database.write)
    monkeypatch.setattr(hits, "_start", lambda: None)
    return hits


def test_what_came_is_written_soon_and_in_order(database: Database) -> None:
    hits, said = Hits(database.write), [seen() for _ in range(3)]
    for one in said:
        hits.add(one)
    assert database.written.wait(10.0)
    assert hits.flush()
    assert database.rows == said


def test_while_the_database_is_away_everything_waits(
    waiting: Hits, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    said = [seen(), seen()]
    database.away = True
    waiting.add(said[0])
    assert not waiting.flush()
    waiting.add(said[1])
    database.away = False
    assert waiting.flush()
    assert database.rows == said
    assert "1 opens and clicks wait for the database" in caplog.text


def test_what_does_not_fit_is_lost_and_the_log_says_how_much(
    waiting: Hits, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    for _ in range(8):
        waiting.add(seen())
    with caplog.at_level(logging.ERROR):
        assert waiting.flush()
    assert len(database.rows) == 5
    assert "3 opens and clicks were lost" in caplog.text


def test_what_cannot_be_written_is_said_and_keeps_nobody_waiting(
    waiting: Hits, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(batch: Sequence[Seen]) -> None:
        raise DataError("no such thing")

    waiting.write = refuse
    waiting.add(seen())
    assert waiting.flush()
    assert "1 opens and clicks cannot be written, and are lost" in caplog.text


def test_a_process_that_ends_without_the_database_says_what_it_loses(
    waiting: Hits, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.away = True
    waiting.add(seen())
    waiting._end()
    assert "1 opens and clicks are lost" in caplog.text
