"""Does the topology command make what is planned, and does the check see what is not?"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from techrar.broker import declare
from techrar.broker.publisher import connected
from tests.support.broker_bench import Bench

pytestmark = pytest.mark.rabbitmq


def test_declaring_twice_changes_nothing(bench: Bench) -> None:
    assert declare.apply(bench.connection, bench.topology) == []
    assert declare.check(bench.connection, bench.topology) == []


def test_what_is_missing_is_named(bench: Bench) -> None:
    bench.channel.queue_delete("deliver.email.urgent")
    bench.channel.exchange_delete("retry")
    assert declare.check(bench.connection, bench.topology) == [
        "exchange 'retry' is missing: run `manage.py topology`",
        "queue 'deliver.email.urgent' is missing: run `manage.py topology`",
    ]


def test_a_check_declares_nothing(bench: Bench) -> None:
    bench.wipe()
    everything = len(bench.topology.queues) + len(bench.topology.exchanges)
    assert len(declare.check(bench.connection, bench.topology)) == everything
    assert len(declare.check(bench.connection, bench.topology)) == everything


def test_a_queue_that_is_there_with_other_arguments_is_named_with_the_difference(bench: Bench) -> None:
    bench.channel.queue_delete("deliver.sms.urgent")
    bench.channel.queue_declare("deliver.sms.urgent", durable=True, auto_delete=False, arguments={"x-max-length": 3})
    for act in (declare.check, declare.apply):
        (problem,) = act(bench.connection, bench.topology)
        assert problem.startswith("queue 'deliver.sms.urgent' differs from the plan")
        assert "inequivalent arg" in problem


def test_declaring_repairs_what_is_missing_and_leaves_messages_alone(bench: Bench) -> None:
    bench.put_raw(b"{}", "email.urgent")
    bench.wait_for("deliver.email.urgent", 1)
    bench.channel.queue_delete("dead.email")
    assert declare.apply(bench.connection, bench.topology) == []
    assert declare.check(bench.connection, bench.topology) == []
    assert bench.depth("deliver.email.urgent") == 1


def test_a_user_without_the_right_to_configure_can_check_but_not_declare(
    bench: Bench, rabbitmqctl: Callable[..., str]
) -> None:
    vhost = bench.connection.virtual_host
    reader = f"reader{uuid4().hex[:8]}"
    rabbitmqctl("add_user", reader, reader)
    try:
        rabbitmqctl("set_permissions", "-p", vhost, reader, "", ".*", ".*")
        login = bench.url.partition("://")[2].partition("@")[0]
        with connected(bench.url.replace(login, f"{reader}:{reader}")) as connection:
            assert declare.check(connection, bench.topology) == []
            problems = declare.apply(connection, bench.topology)
        assert problems
        assert all("lacks the configure permission" in problem for problem in problems)
    finally:
        rabbitmqctl("delete_user", reader)


def test_the_command_declares_and_then_finds_everything_as_planned(bench: Bench, settings: Settings) -> None:
    bench.wipe()
    settings.AMQP_URL, settings.BROKER_PROFILE = bench.url, bench.profile
    try:
        with pytest.raises(CommandError, match="not as planned"):
            call_command("topology", check=True, stderr=StringIO())
        out = StringIO()
        call_command("topology", stdout=out)
        call_command("topology", check=True, stdout=out)
        assert "Declared" in out.getvalue()
        assert f"As planned ({bench.profile} profile)" in out.getvalue()
    finally:
        delete_installed(bench)


def delete_installed(bench: Bench) -> None:
    """The command plans for the installed channels, which are more than the bench's."""
    from providers.registry import channels
    from techrar.broker.topology import plan

    for queue in plan(list(channels()), bench.profile).queues:
        bench.channel.queue_delete(queue.name)


def test_without_a_broker_the_command_says_that_none_is_needed(settings: Settings) -> None:
    settings.AMQP_URL = ""
    out = StringIO()
    call_command("topology", stdout=out)
    assert "needs no queues" in out.getvalue()


def test_a_broker_that_is_away_is_one_sentence(settings: Settings) -> None:
    settings.AMQP_URL = "amqp://guest:guest@127.0.0.1:1/"
    with pytest.raises(CommandError, match=r"cannot be asked: .*refused"):
        call_command("topology", check=True)
