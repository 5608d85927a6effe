"""Does the publisher call confirmed only what a queue really holds?"""

from __future__ import annotations

import json
import threading
import time
from uuid import UUID

import pytest

from ops.chaos.tcp_proxy import TcpProxy
from techrar.broker.envelope import decode
from techrar.broker.publisher import Publisher
from techrar.broker.topology import work_queues
from tests.support.broker_bench import QUICK_LADDER, Bench, envelope

pytestmark = pytest.mark.rabbitmq


def names(bench: Bench, lane: str = "email") -> set[UUID]:
    return {found.name for found in bench.drain_lane(lane)}


def test_a_batch_is_confirmed_and_is_there(bench: Bench, publisher: Publisher) -> None:
    batch = [envelope(priority=n % 3) for n in range(300)]
    done = publisher.publish(batch, deadline=5)
    assert done.confirmed == {e.publish_id for e in batch} == names(bench)
    assert (done.failed, done.error, done.blocked) == (frozenset(), "", False)


def test_nothing_to_publish_needs_no_broker(bench: Bench) -> None:
    publisher = Publisher("amqp://127.0.0.1:1/", bench.profile)
    assert publisher.publish([], deadline=1).error == ""


def test_a_message_is_persistent_names_itself_and_carries_only_ids(bench: Bench, publisher: Publisher) -> None:
    sent = envelope(priority=2, ids=3)
    publisher.publish([sent], deadline=5)
    (found,) = bench.drain_lane("email")
    assert decode(found.body) == sent
    assert found.properties["delivery_mode"] == 2
    assert found.properties["message_id"] == str(sent.publish_id)
    assert found.properties["type"] == "techrar.envelope"
    assert found.properties["content_type"] == "application/json"
    assert found.properties["priority"] == 2
    assert found.properties["application_headers"]["envelope-version"] == 1
    values = set(json.loads(found.body)["ids"])
    assert values == {str(i) for i in sent.ids}


def test_what_no_queue_takes_is_returned_and_its_neighbours_are_confirmed(bench: Bench, publisher: Publisher) -> None:
    lost, good = envelope("fax"), [envelope(), envelope("sms")]
    done = publisher.publish([good[0], lost, good[1]], deadline=5)
    assert done.returned == {lost.publish_id} == done.failed
    assert done.confirmed == {e.publish_id for e in good}
    assert "no queue took 1 message(s): run `manage.py topology`" in done.error


def test_a_missing_exchange_confirms_nothing_and_the_next_publish_is_unharmed(
    bench: Bench, publisher: Publisher
) -> None:
    bench.channel.exchange_delete("deliver")
    done = publisher.publish([envelope()], deadline=5)
    assert (done.confirmed, len(done.unknown)) == (frozenset(), 1)
    assert "no exchange 'deliver'" in done.error
    bench.declare()
    time.sleep(done.retry_in)
    assert publisher.publish([envelope()], deadline=5).error == ""


def test_a_full_queue_refuses_instead_of_dropping(bench: Bench, publisher: Publisher) -> None:
    (queue,) = work_queues("email.urgent", bench.profile)
    bench.channel.queue_delete(queue)
    arguments = {"x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish"}
    bench.channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
    bench.channel.queue_bind(queue, exchange="deliver", routing_key="email.urgent")
    batch = [envelope("email.urgent", 3) for _ in range(3)]
    done = publisher.publish(batch, deadline=5)
    assert done.confirmed == names(bench, "email.urgent")
    assert done.refused == {e.publish_id for e in batch} - done.confirmed
    assert len(done.refused) >= 1
    assert "refused" in done.error


def test_a_retry_waits_and_comes_back_to_its_queue_with_its_priority(bench: Bench, publisher: Publisher) -> None:
    sent = envelope("sms", 2, ids=2)
    began = time.monotonic()
    assert publisher.publish_retry(sent, QUICK_LADDER[1], deadline=5).confirmed == {sent.publish_id}
    assert bench.waiting("sms") == 0
    home = work_queues("sms", bench.profile)[0]
    bench.wait_for(home, 1)
    assert 0.36 <= time.monotonic() - began < 2
    (found,) = bench.drain(home)
    assert decode(found.body) == sent
    assert (found.properties["priority"], found.redelivered) == (2, False)


def test_a_dead_letter_is_shown_with_its_reason(bench: Bench, publisher: Publisher) -> None:
    sent = envelope("sms.urgent", 3)
    assert publisher.publish_dead(sent, "retries exhausted", deadline=5).confirmed == {sent.publish_id}
    (found,) = bench.drain("dead.sms")
    assert decode(found.body) == sent
    assert found.properties["application_headers"]["reason"] == "retries exhausted"


def test_a_broker_that_was_wiped_is_whole_again_by_itself(bench: Bench) -> None:
    publisher = Publisher(bench.url, bench.profile, topology=bench.topology)
    assert publisher.publish([envelope()], deadline=5).error == ""
    bench.wipe()
    first = publisher.publish([envelope()], deadline=5)
    assert first.confirmed == frozenset()
    time.sleep(first.retry_in)
    sent = envelope()
    assert publisher.publish([sent], deadline=5).confirmed == {sent.publish_id} == names(bench)
    publisher.close()


def test_queues_that_vanish_without_their_exchange_are_declared_when_a_message_comes_back(bench: Bench) -> None:
    publisher = Publisher(bench.url, bench.profile, topology=bench.topology)
    assert publisher.publish([envelope()], deadline=5).error == ""
    for queue in bench.topology.queues:
        bench.channel.queue_delete(queue.name)
    assert len(publisher.publish([envelope()], deadline=5).returned) == 1
    assert publisher.publish([envelope()], deadline=5).error == ""
    publisher.close()


def test_what_cannot_be_declared_is_said_once_and_publishing_goes_on(
    bench: Bench, proxy: TcpProxy, caplog: pytest.LogCaptureFixture
) -> None:
    for queue in ("dead.sms", "dead.email"):
        bench.channel.queue_delete(queue)
        bench.channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-max-length": 3})
    publisher = Publisher(proxy.url, bench.profile, topology=bench.topology)
    for _ in range(3):
        assert publisher.publish([envelope()], deadline=5).error == ""
        proxy.cut()
        time.sleep(0.05)
    publisher.close()
    (said,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "2 thing(s) at the broker are not as planned" in said
    assert "queue 'dead.email' differs" in said


def test_a_publisher_belongs_to_one_thread(publisher: Publisher) -> None:
    publisher.publish([envelope()], deadline=5)
    errors: list[str] = []

    def elsewhere() -> None:
        with pytest.raises(RuntimeError) as caught:
            publisher.publish([envelope()], deadline=5)
        errors.append(str(caught.value))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert errors == ["a Publisher belongs to one thread: give each thread its own"]


def test_of_several_servers_one_that_answers_is_found(bench: Bench, proxy: TcpProxy) -> None:
    publisher = Publisher(f"amqp://guest:guest@127.0.0.1:1/;{proxy.url}", bench.profile)
    first = publisher.publish([envelope()], deadline=5)
    assert first.retry_in > 0
    time.sleep(first.retry_in)
    sent = envelope()
    assert publisher.publish([sent], deadline=5).confirmed == {sent.publish_id}
    publisher.close()
