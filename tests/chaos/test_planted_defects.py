"""Would `make chaos` notice? The same faults and the same checker, on a service with a mistake planted in it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command

from ops.chaos.checker import Evidence, Row, Verdict, check
from ops.chaos.eyes import Eyes
from ops.chaos.processes import Process
from ops.chaos.sink_log import SinkLog
from ops.chaos.tcp_proxy import TcpProxy
from techrar.core.mode import Mode
from techrar.dispatch.clock import KEEP_MONTHS
from techrar.ledger import partitions
from techrar.ledger.states import State
from techrar.merchants.services import Actor
from techrar.routing.services import create_account
from tests.factories import Person
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.chaos, pytest.mark.rabbitmq, pytest.mark.timeout(240)]
COUNT, CALLS_AT_ONCE = 3000, 12
SECRET = "whsec_bWluZSBpcyBsb25nZXIgYW5kIHNlY3JldCE="
#: An envelope that nobody claimed for so long is nobody's; a dispatcher waits a minute to be sure.
STRANDED_SECONDS = 12
HURRY = """
UPDATE envelope SET check_at = now() WHERE NOT on_ladder AND check_at > now()
  AND reserved_at < now() - %(seconds)s * interval '1 second' RETURNING id
"""
PART_SECONDS, REST_SECONDS = 15, 60
#: What each mistake comes to.
FOUND = {
    "acknowledged_before_the_claim": "stranded",
    "published_before_it_is_reserved": "stranded",
    "an_outcome_without_its_fence": "twice",
    "a_lost_tally_delta": "unbalanced",
    "no_sweeper_of_leases": "stuck",
    "a_false_confirm_is_trusted": "stranded",
}


class Stage:
    """A dispatcher and two consumers, each behind proxies, and a sink."""

    def __init__(self, stack: ExitStack, defect: str, ledger: Ledger, folder: Path, port: int) -> None:
        self.ledger, self.eyes, self.log = ledger, Eyes(ledger.dsn), SinkLog(folder / "calls")
        (folder / "calls").touch()
        self.since = UUID(int=0)
        self.stranded: set[UUID] = set()
        self.database = stack.enter_context(TcpProxy(os.environ["DATABASE_URL"]))
        self.broker = stack.enter_context(TcpProxy(os.environ["AMQP_URL"]))
        words = ("-m", "tests.chaos.broken", defect)
        common = {"TRANSPORT": "amqp", "PYTHONPATH": ".:platform"}
        sink = ("-m", "ops.chaos.sink", "--port", str(port), "--log", str(folder / "calls"))
        stack.enter_context(Process(*sink, log=folder / "sink", **common))
        consume = (*words, "consumers", "deliver", "--lane", "bulk", "--channel", "webhook")
        far = common | {"DATABASE_URL": self.database.url}
        self.one = stack.enter_context(Process(*consume, log=folder / "one", **common))
        stack.enter_context(Process(*consume, log=folder / "two", **far))
        stack.enter_context(Process(*words, "dispatch", log=folder / "dispatch", **common, AMQP_URL=self.broker.url))

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            self.log.read()
            self.stranded |= {row.id for row in self.eyes.ask(HURRY, {"seconds": STRANDED_SECONDS})}
            time.sleep(0.1)
        return True

    def taken(self, count: int) -> None:
        """Or as far as it gets: some mistakes let nothing through but what a sweeper finds."""
        self.wait(lambda: len(self.log.first) >= count, PART_SECONDS)

    def kill_a_consumer(self) -> Counter[UUID]:
        pid = self.one.kill()
        in_flight = self.eyes.cut_short(pid)
        self.eyes.end_leases(pid)
        self.one.start()
        return in_flight

    def lose_answers_of_the_database(self) -> None:
        """What a consumer writes is written, but it never learns of it."""
        self.database.stall(to_server=False)
        time.sleep(0.5)
        self.database.cut()
        self.database.flow()

    def cut_the_dispatcher_off(self) -> None:
        self.broker.refuse()
        self.broker.cut()
        time.sleep(1)
        self.broker.accept()


def verdict_on(stage: Stage, accepted: set[UUID]) -> Verdict:
    """Every fault once, in the middle of the work, and then rest."""
    stage.taken(100)
    stage.cut_the_dispatcher_off()
    stage.taken(300)
    stage.lose_answers_of_the_database()
    stage.taken(500)
    in_flight = stage.kill_a_consumer()
    stage.wait(lambda: not stage.eyes.pending(stage.since), REST_SECONDS)
    stage.log.read()
    return check(
        Evidence(
            accepted=accepted,
            calls=stage.log.calls,
            rows=stage.eyes.rows(stage.since),
            in_flight=in_flight,
            idempotent=accepted,
            stranded=stage.stranded,
            unbalanced=stage.eyes.unbalanced(),
        )
    )


@pytest.fixture
def accepted(transactional_db: None, alice: Person, ledger: Ledger, unused_tcp_port: int) -> set[UUID]:
    create_account(
        merchant_id=alice.merchant.id,
        mode=Mode.LIVE,
        channel="webhook",
        provider="signed",
        name="sink",
        config={"secret": SECRET},
        actor=Actor("system:test"),
        now=datetime.now(UTC),
        concurrency=CALLS_AT_ONCE,
    )
    call_command("topology", verbosity=0)
    content = {"webhook": {"payload": {"hello": "{{ name }}"}}}
    address = f"http://127.0.0.1:{unused_tcp_port}/bulk/{{n}}"
    return set(
        ledger.accept(
            COUNT, merchant=alice.merchant.id, mode=Mode.LIVE, channel="webhook", address=address, content=content
        )
    )


@pytest.fixture
def judged(
    accepted: set[UUID], ledger: Ledger, tmp_path: Path, unused_tcp_port: int
) -> Iterator[Callable[[str], Verdict]]:
    with ExitStack() as stack:
        yield lambda defect: verdict_on(Stage(stack, defect, ledger, tmp_path, unused_tcp_port), accepted)


def test_the_service_as_it_is_passes(judged: Callable[[str], Verdict]) -> None:
    assert judged("nothing").wrong == {}


@pytest.mark.parametrize("defect", FOUND)
def test_a_planted_defect_is_caught(judged: Callable[[str], Verdict], defect: str) -> None:
    assert judged(defect).wrong.get(FOUND[defect], 0) > 0


@pytest.fixture
def months(ledger: Ledger) -> Iterator[None]:
    before = partitions.existing(ledger.connection, "delivery")
    yield
    for month in before:
        partitions.make_ahead(ledger.connection, now=month, ahead=0)


def lost_in_a_year(ledger: Ledger) -> int:
    """What is still to be sent when the installation's retention is over."""
    ids = ledger.accept(20)
    later = datetime.now(UTC) + timedelta(days=31 * (KEEP_MONTHS + 2))
    partitions.drop_old(ledger.connection, now=later, keep_months=KEEP_MONTHS)
    rows = {row.id: Row(State(row.state)) for row in ledger.all("SELECT id, state FROM delivery")}
    return check(Evidence(accepted=ids, calls=[], rows=rows)).wrong.get("lost", 0)


def test_a_month_with_something_to_send_outlives_its_retention(ledger: Ledger, months: None) -> None:
    assert lost_in_a_year(ledger) == 0


def test_a_partition_that_is_dropped_too_early_is_caught(
    ledger: Ledger, months: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_pending", lambda _connection, _start: False)
    assert lost_in_a_year(ledger) == 20
