"""Does the bench's vendor write down what it was given before it says so, and misbehave as told?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from ops.bench.sink import entries
from ops.bench.world import SinkProcess


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SinkProcess]:
    sink = SinkProcess(tmp_path / "sink.log")
    yield sink
    sink.process.terminate()
    sink.process.wait(10)


def post(sink: SinkProcess, path: str, body: bytes = b"{}") -> int:
    target = urlsplit(sink.url)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=5)
    connection.request("POST", path, body)
    status = connection.getresponse().status
    connection.close()
    return status


def test_each_id_is_written_as_often_as_it_came(sink: SinkProcess) -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    assert post(sink, f"/one/{one.hex}") == 200
    assert post(sink, "/batch", json.dumps([one.hex, two.hex, three.hex]).encode()) == 200
    assert sink.seen == 4
    assert [i for i, _ in entries(sink.log)] == [one, one, two, three]
    assert all(abs(monotonic() - at) < 60 for _, at in entries(sink.log))
    sink.tell("/forget")
    assert sink.seen == 0
    assert list(entries(sink.log)) == []


def test_what_fails_was_not_sent_and_what_is_reset_was(sink: SinkProcess) -> None:
    sink.behave(failing=1.0)
    assert post(sink, f"/one/{uuid4().hex}") == 503
    assert sink.seen == 0
    sink.behave(resetting=1.0)
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        post(sink, f"/one/{uuid4().hex}")
    assert sink.seen == 1


def test_it_takes_its_time_when_told(sink: SinkProcess) -> None:
    sink.behave(latency=0.2)
    began = monotonic()
    assert post(sink, f"/one/{uuid4().hex}") == 200
    assert monotonic() - began >= 0.2
