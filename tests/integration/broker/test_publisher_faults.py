"""What does the publisher say when the network or the broker fails in the middle?"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from ops.chaos.tcp_proxy import TcpProxy
from techrar.broker.link import Link
from techrar.broker.publisher import Publisher, connect
from tests.support.broker_bench import BLOCKED_FRAME, UNBLOCKED_FRAME, Bench, envelope

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def far(bench: Bench, proxy: TcpProxy) -> Iterator[Publisher]:
    """A publisher whose network can be hurt."""
    publisher = Publisher(proxy.url, bench.profile)
    assert publisher.publish([envelope("sms")], deadline=5).error == ""
    yield publisher
    proxy.flow()
    publisher.close()


def held(bench: Bench) -> set[UUID]:
    return {found.name for found in bench.drain_lane("email")}


def test_a_publish_never_outlasts_its_deadline(far: Publisher, proxy: TcpProxy) -> None:
    proxy.stall()
    began = time.monotonic()
    done = far.publish([envelope()], deadline=0.3)
    assert 0.25 < time.monotonic() - began < 0.8
    assert len(done.unknown) == 1
    assert "within the time given" in done.error


def test_connecting_to_a_server_that_says_nothing_keeps_the_deadline_too(bench: Bench, proxy: TcpProxy) -> None:
    proxy.stall()
    publisher = Publisher(proxy.url, bench.profile)
    began = time.monotonic()
    done = publisher.publish([envelope()], deadline=0.3)
    assert time.monotonic() - began < 0.8
    assert len(done.unsent) == 1
    assert done.error.startswith("no broker")


def test_a_server_that_falls_silent_after_the_handshake_keeps_the_deadline_too(bench: Bench, proxy: TcpProxy) -> None:
    connection = connect(proxy.url, timeout=5, name="test")
    proxy.stall()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Link(connection, deadline=began + 0.3)
    assert time.monotonic() - began < 0.8
    connection.collect()


def test_an_answer_to_an_older_message_confirms_nothing(far: Publisher, proxy: TcpProxy, bench: Bench) -> None:
    """The trap: two confirms time out, their late answers arrive, and a message that never left counts as taken."""
    proxy.stall(to_client=True, to_server=False)
    first, second = envelope(), envelope()
    assert far.publish([first], deadline=0.2).confirmed == frozenset()
    time.sleep(0.2)
    assert far.publish([second], deadline=0.2).confirmed == frozenset()
    proxy.flow()
    proxy.stall(to_server=True, to_client=False)
    time.sleep(0.4)
    third = envelope()
    assert far.publish([third], deadline=0.3).confirmed == frozenset()
    assert third.publish_id not in held(bench)


def test_a_connection_that_breaks_in_the_middle_confirms_only_what_arrived(
    far: Publisher, proxy: TcpProxy, bench: Bench
) -> None:
    proxy.cut_after(to_server=300_000)
    batch = [envelope() for _ in range(3000)]
    done = far.publish(batch, deadline=5)
    assert done.error.startswith("publishing failed")
    assert len(done.confirmed) < 3000
    assert done.confirmed | done.unknown | done.unsent == {e.publish_id for e in batch}
    time.sleep(0.2)
    found = held(bench)
    assert done.confirmed <= found
    assert 0 < len(found) < 3000


def test_a_connection_lost_between_two_publishes_costs_nothing(far: Publisher, proxy: TcpProxy) -> None:
    proxy.cut()
    time.sleep(0.05)
    sent = envelope()
    assert far.publish([sent], deadline=5).confirmed == {sent.publish_id}


def test_a_broker_that_is_away_is_said_at_once_and_left_in_peace_for_a_while(
    far: Publisher, proxy: TcpProxy, bench: Bench
) -> None:
    proxy.refuse()
    proxy.cut()
    began, pauses = time.monotonic(), []
    for _ in range(3):
        done = far.publish([envelope()], deadline=5)
        assert len(done.unsent) == 1
        assert done.retry_in > 0
        pauses.append(done.retry_in)
        time.sleep(done.retry_in)
    assert time.monotonic() - began < 2
    assert pauses[-1] > pauses[0]
    again = far.publish([envelope()], deadline=5)
    waiting = far.publish([envelope()], deadline=5)
    assert again.error.startswith("no broker")
    assert waiting.error == "no broker, waiting to try again"
    proxy.accept()
    time.sleep(waiting.retry_in)
    sent = envelope()
    assert far.publish([sent], deadline=5).confirmed == {sent.publish_id}


def test_a_broker_that_blocks_in_the_middle_is_said_at_once_and_publishing_resumes(
    far: Publisher, bench: Bench, proxy: TcpProxy
) -> None:
    proxy.stall(to_client=False)
    timer = threading.Timer(0.1, proxy.say, [BLOCKED_FRAME])
    timer.start()
    began = time.monotonic()
    done = far.publish([envelope()], deadline=10)
    assert time.monotonic() - began < 1
    assert (done.blocked, len(done.unknown), "blocked" in done.error) == (True, 1, True)
    connections = proxy.accepted
    again = far.publish([envelope(), envelope()], deadline=10)
    assert (again.blocked, len(again.unsent)) == (True, 2)
    assert proxy.accepted == connections, "a blocked broker gathers no heap of connections"
    proxy.flow()
    proxy.say(UNBLOCKED_FRAME)
    end = time.monotonic() + 5
    while far.blocked:
        assert time.monotonic() < end
    sent = envelope()
    assert far.publish([sent], deadline=5).confirmed == {sent.publish_id}
    assert proxy.accepted == connections + 1, "late answers to what was written before the alarm confirm nothing"
    assert sent.publish_id in held(bench)


@pytest.mark.chaos
def test_a_broker_in_memory_alarm_is_said_quickly_and_publishing_resumes(
    far: Publisher, bench: Bench, proxy: TcpProxy, rabbitmqctl: Callable[..., str]
) -> None:
    rabbitmqctl("set_vm_memory_high_watermark", "0.0001")
    try:
        began = time.monotonic()
        done = far.publish([envelope()], deadline=10)
        assert time.monotonic() - began < 3
        assert (done.blocked, done.confirmed, "blocked" in done.error) == (True, frozenset(), True)
        assert far.blocked
        connections = proxy.accepted
        again = far.publish([envelope(), envelope()], deadline=10)
        assert (again.blocked, len(again.unsent)) == (True, 2)
        assert proxy.accepted == connections, "a blocked broker gathers no heap of connections"
    finally:
        rabbitmqctl("set_vm_memory_high_watermark", "0.4")
    end = time.monotonic() + 5
    while far.blocked and time.monotonic() < end:
        time.sleep(0.05)
    sent = envelope()
    assert far.publish([sent], deadline=5).confirmed == {sent.publish_id}
    assert sent.publish_id in held(bench)


def test_a_forked_child_opens_its_own_connection_and_leaves_the_parents_alone(bench: Bench, proxy: TcpProxy) -> None:
    script = textwrap.dedent(
        """
        import os, sys
        from tests.support.broker_bench import envelope
        from techrar.broker.publisher import Publisher
        from techrar.broker.topology import Profile

        publisher = Publisher(sys.argv[1], Profile(sys.argv[2]))
        assert not publisher.publish([envelope()], deadline=5).error
        child = os.fork()
        if child == 0:
            done = publisher.publish([envelope(), envelope()], deadline=5)
            publisher.close()
            os._exit(0 if len(done.confirmed) == 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        done = publisher.publish([envelope()], deadline=5)
        assert len(done.confirmed) == 1, done
        publisher.close()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, proxy.url, bench.profile],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert proxy.accepted == 2, "one connection each: the parent's survived its child"
    assert len(held(bench)) == 4
