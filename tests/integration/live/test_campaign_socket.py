"""What a socket on a campaign says: a snapshot first and after every gap, then the whole picture each time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.conf import settings
from redis import Redis

from frontend import sockets
from techrar.campaigns import selectors, services
from techrar.ledger.states import State
from techrar.live import board
from techrar.live.ping import ping
from tests.factories import Person
from tests.integration.live.conftest import Launched
from tests.support.campaigns import ACTOR, House, in_thread
from tests.support.sockets import cookie_of, looking, token_of

NOWHERE = "redis://127.0.0.1:9/0"


async def test_a_member_sees_a_snapshot_at_once(launched: Launched, alice: Person) -> None:
    await in_thread(lambda: launched.move(10))
    async with looking(launched.campaign.id, cookie=await cookie_of(alice)) as looker:
        said = await looker.next()
    assert (said["type"], said["seq"], said["state"]) == ("snapshot", 1, "running")
    assert said["counters"] == {"pending": 20, "delivered": 10}
    assert said["planned"] == sum(said["counters"].values()) == 30
    assert said["expanded"] == 1.0
    assert [variant["name"] for variant in said["variants"]] == ["A", "B"]
    assert sum(n for variant in said["variants"] for n in variant["counters"].values()) == 30


async def test_a_token_in_the_first_message_does_as_well(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        assert (await looker.next())["planned"] == 30


async def test_a_ping_brings_the_whole_picture_within_half_a_second(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        before = await looker.next()
        await asyncio.sleep(0.3)  # past the snapshot that the subscription brings
        for moved in (5, 10, 15):
            await in_thread(lambda: launched.move(5))
            began = time.monotonic()
            ping([launched.watched])
            said = await looker.until(counters={"pending": 30 - moved, "delivered": moved})
            assert time.monotonic() - began < 0.5
            assert said["type"] == "update"
            assert said["seq"] > before["seq"]
        assert said["rate"] > 0
        assert said["eta"] > 0


async def test_however_often_it_moves_five_updates_a_second_are_enough(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        first = await looker.next()
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            ping([launched.watched])
            await asyncio.sleep(0.01)
        await in_thread(lambda: launched.move(1))
        ping([launched.watched])
        last = await looker.until(counters={"pending": 29, "delivered": 1})
    assert 3 <= last["seq"] - first["seq"] <= 8


async def test_a_lost_ping_costs_nothing(launched: Launched, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "REFRESH", 0.3)
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        await in_thread(lambda: launched.move(7))
        assert (await looker.until(counters={"pending": 23, "delivered": 7}))["type"] == "update"


async def test_without_valkey_it_is_only_slower(
    launched: Launched, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "REFRESH", 0.3)
    token = await token_of(alice)
    monkeypatch.setattr(settings, "REDIS_URL", NOWHERE)
    async with looking(launched.campaign.id, token=token) as looker:
        assert (await looker.next())["type"] == "snapshot"
        await in_thread(lambda: launched.move(7))
        await looker.until(counters={"pending": 23, "delivered": 7})


def cut_off() -> int:
    """Valkey hangs up on whoever listens in this worker's database; answers how many did."""
    with Redis.from_url(settings.REDIS_URL) as valkey:
        database = str(valkey.connection_pool.connection_kwargs["db"])
        listening = [c["id"] for c in valkey.client_list(_type="pubsub") if c["db"] == database]
        for client in listening:
            valkey.client_kill_filter(_id=client)
        return len(listening)


async def test_after_a_gap_it_begins_with_a_snapshot(
    launched: Launched, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "PAUSE", 0.05)
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        assert (await looker.next())["type"] == "update"  # subscribed
        assert await in_thread(cut_off) == 1
        assert (await looker.until(type="snapshot"))["seq"] > 1


async def test_a_pause_is_seen_without_waiting_for_a_delivery(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        await in_thread(lambda: services.pause(launched.campaign, actor=ACTOR, now=datetime.now(UTC)))
        assert (await looker.until(state="paused"))["eta"] is None


async def test_the_end_is_seen(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        await in_thread(lambda: launched.move(30, State.SENT))
        await in_thread(launched.house.look)
        assert (await looker.until(state="completed"))["counters"] == {"sent": 30}


async def test_a_draft_is_shown_as_one_until_it_is_launched(
    house: House, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sockets, board):
        monkeypatch.setattr(module, "REFRESH", 0.2)
    draft = await in_thread(house.draft)
    async with looking(draft.id, token=await token_of(alice)) as looker:
        said = await looker.next()
        assert (said["state"], said["planned"], said["seq"]) == ("draft", 0, 0)
        await in_thread(lambda: house.launch(draft))
        await in_thread(house.expand)
        assert (await looker.until(planned=30))["state"] == "running"


async def test_all_who_look_share_one_query(launched: Launched, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    real = selectors.standing
    monkeypatch.setattr(selectors, "standing", lambda run: (asked.append(time.monotonic()), real(run))[1])
    token = await token_of(alice)
    lookers = [looking(launched.campaign.id, token=token) for _ in range(20)]
    here = [await looker.__aenter__() for looker in lookers]
    for looker in here:
        await looker.next()
    await in_thread(lambda: launched.move(3))
    ping([launched.watched])
    for looker in here:
        await looker.until(counters={"pending": 27, "delivered": 3})
    assert all(later - earlier >= board.SPACING * 0.8 for earlier, later in pairwise(asked))
    for looker in lookers:
        await looker.__aexit__(None, None, None)
    assert board._boards == {}
