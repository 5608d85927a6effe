"""Real processes, killed and cut off in the middle of the work; an independent log of what reached the vendor."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pika
import pytest
from django.core.management import call_command

from ops.chaos.processes import BULK, DISPATCH, Process
from providers.registry import channels
from techrar.broker.topology import Profile, plan
from techrar.core.ids import delivery_id
from techrar.core.mode import Mode
from techrar.merchants.services import Actor
from techrar.routing.services import create_account
from tests.factories import Person
from tests.support.engine import until
from tests.support.http_receiver import Receiver
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
COUNT = 4000
SECRET = "whsec_bWluZSBpcyBsb25nZXIgYW5kIHNlY3JldCE="
CALLS_AT_ONCE = 16
#: Outcomes that were there and not yet committed: a few milliseconds of them.
UNWRITTEN = 100


def prepare(alice: Person, now: datetime) -> None:
    create_account(
        merchant_id=alice.merchant.id,
        mode=Mode.LIVE,
        channel="webhook",
        provider="signed",
        name="sink",
        config={"secret": SECRET},
        actor=Actor("system:test"),
        now=now,
        concurrency=CALLS_AT_ONCE,
    )


def accept(alice: Person, url: str, count: int) -> set[UUID]:
    """Through the API, as a merchant's program does it."""
    alice.mode = Mode.LIVE
    content = {"webhook": {"payload": {"hello": "{{ name }}"}}}
    accepted: set[UUID] = set()
    for start in range(0, count, 500):
        messages = [{"to": {"url": url}, "data": {"name": f"n{n}"}} for n in range(start, start + 500)]
        answer = alice.post("/v1/notifications/batch", {"defaults": {"content": content}, "messages": messages})
        assert answer.status_code == 202, answer.content
        accepted |= {delivery_id(UUID(item["id"]), 1) for item in answer.json()["items"]}
    return accepted


@pytest.fixture
def accepted(transactional_db: None, alice: Person, ledger: Ledger, unused_tcp_port: int) -> set[UUID]:
    """What a live merchant asked to be sent to the sink."""
    prepare(alice, datetime.now(UTC))
    call_command("topology", verbosity=0)
    return accept(alice, f"http://127.0.0.1:{unused_tcp_port}/hook", COUNT)


async def test_nothing_is_lost_when_consumers_and_the_dispatcher_are_killed(
    accepted: set[UUID], ledger: Ledger, tmp_path: Path, unused_tcp_port: int
) -> None:
    transport = {"TRANSPORT": "ledger"}
    async with Receiver(port=unused_tcp_port) as sink:
        with (
            Process(*DISPATCH, log=tmp_path / "dispatch", **transport) as dispatcher,
            Process(*BULK, log=tmp_path / "one", **transport) as one,
        ):
            for part in (400, 1200, 2400):
                await sink.wait_for(part, within=60)
                end_lease_of(ledger, one.kill())
                dispatcher.kill()
                ledger.make_overdue()
                one.start()
                dispatcher.start()
            await until(lambda: settle(ledger) == {"sent": COUNT}, 240)
            assert one.stop() == 0, one.said
            assert dispatcher.stop() == 0, dispatcher.said
        check(ledger, sink, accepted, kills=3)


@pytest.mark.rabbitmq
async def test_everything_is_sent_although_the_broker_forgets_everything(
    accepted: set[UUID], ledger: Ledger, tmp_path: Path, unused_tcp_port: int, amqp_url: str
) -> None:
    transport = {"TRANSPORT": "amqp"}
    async with Receiver(port=unused_tcp_port) as sink:
        with (
            Process(*DISPATCH, log=tmp_path / "dispatch", **transport) as dispatcher,
            Process(*BULK, log=tmp_path / "one", **transport) as one,
            Process(*BULK, log=tmp_path / "two", **transport) as two,
        ):
            await sink.wait_for(800, within=60)
            wipe_broker(amqp_url)
            await sink.wait_for(1200, within=90)
            end_lease_of(ledger, two.kill())
            await until(lambda: settle(ledger) == {"sent": COUNT}, 240)
            assert [p.stop() for p in (one, dispatcher)] == [0, 0]
        check(ledger, sink, accepted, kills=1)


def wipe_broker(url: str) -> None:
    """Delete every queue with what is in it."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for queue in plan(list(channels()), Profile.CLASSIC).queues:
            channel.queue_delete(queue.name)


def end_lease_of(ledger: Ledger, pid: int) -> None:
    """As if the lease's time had passed: only that of the process that is gone."""
    ledger.connection.execute(
        "UPDATE claim SET lease_until = now() - interval '1 hour' WHERE process LIKE '%%:' || %s", (str(pid),)
    )


def settle(ledger: Ledger) -> dict[str, int]:
    """What was published and lost is looked for after a minute; a test does not wait that long."""
    ledger.connection.execute(
        "UPDATE envelope SET check_at = now() WHERE reserved_at < now() - interval '5 seconds' AND NOT on_ladder"
    )
    return ledger.states()


def check(ledger: Ledger, sink: Receiver, accepted: set[UUID], kills: int) -> None:
    """Lost none, none that was not asked for, doubled only what was in flight at a kill, and each of those flagged."""
    seen = Counter(UUID(request.headers["webhook-id"]) for request in sink.received)
    assert set(seen) == accepted
    doubled = [i for i, n in seen.items() if n > 1]
    assert len(doubled) <= kills * (CALLS_AT_ONCE + UNWRITTEN)
    assert all(ledger.row(i).possible_duplicate for i in doubled)
    ledger.assert_balanced()
