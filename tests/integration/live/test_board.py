"""One board for all who look at a run: nobody waits for the slow, and no trouble is kept from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import psycopg
import pytest

from techrar.live import board
from techrar.live.board import Board, watching
from techrar.live.snapshot import Standing


class Reader:
    """A ledger that moves by one at each look, or fails as it is told."""

    def __init__(self) -> None:
        self.n = 0
        self.fails: Exception | None = None

    async def __call__(self) -> Standing:
        if self.fails:
            failure, self.fails = self.fails, None
            raise failure
        self.n += 1
        return Standing("running", "", self.n, 1.0, {"sent": self.n}, [])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACING", "REFRESH", "PAUSE"):
        monkeypatch.setattr(board, name, 0.02)


async def kind_and_seq(texts: object) -> tuple[str, int]:
    said = orjson.loads(await anext(texts))  # type: ignore[call-overload]
    return said["type"], said["seq"]


async def test_who_was_slow_goes_on_with_a_snapshot_of_now() -> None:
    reader = Reader()
    async with watching((1, 1), reader) as found:
        texts = found.texts()
        assert (await kind_and_seq(texts))[0] == "snapshot"
        async with asyncio.timeout(5):
            while reader.n < 5:  # noqa: ASYNC110 the reader sets no event
                await asyncio.sleep(0.01)
        kind, seq = await kind_and_seq(texts)
        assert kind == "snapshot"
        assert seq >= 4
        assert await kind_and_seq(texts) == ("update", seq + 1)


async def test_when_the_database_was_away_it_goes_on_with_a_snapshot() -> None:
    reader = Reader()
    async with watching((1, 2), reader) as found:
        texts = found.texts()
        _, first = await kind_and_seq(texts)
        assert await kind_and_seq(texts) == ("update", first + 1)
        reader.fails = psycopg.OperationalError("gone")
        kinds = [(await kind_and_seq(texts))[0] for _ in range(3)]
        assert "snapshot" in kinds


async def exhausted(texts: AsyncIterator[str]) -> None:
    async for _ in texts:
        pass


async def test_a_bug_reaches_everybody_who_looks() -> None:
    reader = Reader()
    async with watching((1, 3), reader) as found:
        texts = found.texts()
        await anext(texts)
        reader.fails = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(exhausted(texts), 5)


async def test_the_last_one_to_look_away_closes_it() -> None:
    async with watching((1, 4), Reader()) as first:
        async with watching((1, 4), Reader()) as second:
            assert first is second
        assert isinstance(board._boards[(1, 4)], Board)
    assert (1, 4) not in board._boards
