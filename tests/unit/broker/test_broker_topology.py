"""Is the plan right before any broker sees it?"""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

import pytest

from techrar.broker.topology import (
    JITTER,
    LADDER,
    RETRY_HEADER,
    Profile,
    broker_priority,
    channel_of,
    plan,
    retry_rung,
    routing_key,
    step_for,
    work_queues,
)

BOTH = pytest.mark.parametrize("profile", list(Profile))


def names(profile: Profile) -> set[str]:
    return {queue.name for queue in plan(["email"], profile).queues}


def test_a_classic_channel_has_two_work_queues_and_one_for_its_dead() -> None:
    mine = {name for name in names(Profile.CLASSIC) if "email" in name}
    assert mine == {"deliver.email.urgent", "deliver.email", "dead.email"}


def test_a_quorum_channel_has_one_bulk_queue_for_each_priority() -> None:
    mine = {name for name in names(Profile.QUORUM) if "deliver" in name}
    assert mine == {"deliver.email.urgent", "deliver.email.p1", "deliver.email.p2", "deliver.email.p3"}


@BOTH
def test_every_step_of_the_ladder_has_a_queue_for_each_jitter_with_one_fixed_delay(profile: Profile) -> None:
    delays = {q.name: q.arguments["x-message-ttl"] for q in plan(["email"], profile).queues if "retry" in q.name}
    assert len(delays) == len(LADDER) * len(JITTER)
    assert (delays["retry.5s.a"], delays["retry.5s.b"], delays["retry.5s.c"]) == (4500, 5000, 5500)
    assert delays["retry.15m.b"] == 900_000


@BOTH
def test_a_retry_keeps_the_routing_key_that_leads_back_to_its_queue(profile: Profile) -> None:
    for queue in plan(["email"], profile).queues:
        if queue.name.startswith("retry."):
            assert queue.arguments["x-dead-letter-exchange"] == "deliver"
            assert "x-dead-letter-routing-key" not in queue.arguments


@BOTH
def test_no_queue_but_the_dead_ones_ever_drops_a_message(profile: Profile) -> None:
    for queue in plan(["email", "sms"], profile).queues:
        expected = "drop-head" if queue.name.startswith("dead.") else "reject-publish"
        assert queue.arguments["x-overflow"] == expected
        assert ("x-max-length" in queue.arguments) == queue.name.startswith("dead.")


@BOTH
def test_the_kind_of_queue_is_said_because_a_virtual_host_may_have_another_default(profile: Profile) -> None:
    assert {queue.arguments["x-queue-type"] for queue in plan(["email"], profile).queues} == {profile.value}


def test_only_the_classic_bulk_queue_sorts_inside_because_quorum_queues_refuse_the_argument() -> None:
    for profile, expected in ((Profile.CLASSIC, {"deliver.email"}), (Profile.QUORUM, set())):
        assert {q.name for q in plan(["email"], profile).queues if "x-max-priority" in q.arguments} == expected


def test_quorum_retries_are_handed_over_with_confirmation_and_never_given_up() -> None:
    for queue in plan(["email"], Profile.QUORUM).queues:
        assert queue.arguments["x-delivery-limit"] == 1_000_000
        if queue.name.startswith("retry."):
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"


@BOTH
def test_every_queue_is_bound_once_to_an_exchange_of_the_plan(profile: Profile) -> None:
    topology = plan(["email", "in_app"], profile)
    assert Counter(b.queue for b in topology.bindings) == Counter(q.name for q in topology.queues)
    assert {b.exchange for b in topology.bindings} == {e.name for e in topology.exchanges}


@BOTH
@pytest.mark.parametrize("lane", ["email", "email.urgent"])
@pytest.mark.parametrize("priority", range(4))
def test_what_is_published_lands_in_a_queue_that_the_lane_reads(profile: Profile, lane: str, priority: int) -> None:
    key = routing_key(lane, priority, profile)
    bound = {b.routing_key: b.queue for b in plan(["email"], profile).bindings if b.exchange == "deliver"}
    assert bound[key] in work_queues(lane, profile)


def test_quorum_work_is_split_by_priority_most_urgent_first() -> None:
    assert [routing_key("sms", p, Profile.QUORUM) for p in (3, 2, 1, 0)] == ["sms.p1", "sms.p1", "sms.p2", "sms.p3"]
    assert work_queues("sms", Profile.QUORUM) == ("deliver.sms.p1", "deliver.sms.p2", "deliver.sms.p3")
    assert routing_key("sms.urgent", 3, Profile.QUORUM) == "sms.urgent"


def test_retries_spread_over_the_jitter_queues_and_each_has_a_binding() -> None:
    rungs = Counter(retry_rung(LADDER[1], uuid4()) for _ in range(3000))
    bound = {b.arguments[RETRY_HEADER] for b in plan(["email"], Profile.CLASSIC).bindings if b.exchange == "retry"}
    assert set(rungs) == {"5s.a", "5s.b", "5s.c"} <= bound
    assert min(rungs.values()) > 800
    same = UUID(int=5)
    assert retry_rung(LADDER[0], same) == retry_rung(LADDER[0], same)


@pytest.mark.parametrize(
    ("seconds", "name"), [(0.2, "1s"), (1, "1s"), (1.1, "5s"), (61, "5m"), (900, "15m"), (901, None)]
)
def test_a_wait_takes_the_first_step_that_is_long_enough(seconds: float, name: str | None) -> None:
    step = step_for(seconds)
    assert (step.name if step else None) == name


def test_our_most_urgent_priority_is_the_brokers_largest() -> None:
    assert [broker_priority(level) for level in (0, 1, 2, 3)] == [3, 2, 1, 0]


def test_a_lane_knows_its_channel() -> None:
    assert [channel_of(lane) for lane in ("in_app", "in_app.urgent")] == ["in_app", "in_app"]


@pytest.mark.parametrize("name", ["", "email.urgent", "E-Mail", "1st", "web push"])
def test_a_channel_that_cannot_name_a_queue_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a queue"):
        plan([name], Profile.CLASSIC)
