from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops.local.servers import check_given, choose_transport
from ops.local.trouble import Trouble

HERE = Path("/opt/rabbitmq/sbin")


def test_an_installed_rabbitmq_is_used_and_the_reason_names_it() -> None:
    choice = choose_transport({}, HERE)
    assert (choice.transport, choice.scripts) == ("amqp", HERE)
    assert "/opt/rabbitmq" in choice.reason


def test_without_one_the_ledger_is_read_directly() -> None:
    assert choose_transport({}, None).transport == "ledger"


def test_a_given_server_is_used_and_none_is_started() -> None:
    choice = choose_transport({"AMQP_URL": "amqp://there"}, HERE)
    assert (choice.transport, choice.scripts) == ("amqp", None)


@pytest.mark.parametrize("environ", [{}, {"AMQP_URL": "amqp://there"}])
def test_the_ledger_can_be_forced(environ: dict[str, str]) -> None:
    choice = choose_transport({**environ, "TRANSPORT": "ledger"}, HERE)
    assert (choice.transport, choice.scripts) == ("ledger", None)


def test_amqp_forced_without_a_server_names_what_to_install() -> None:
    with pytest.raises(Trouble, match=r"apt-get install rabbitmq-server.*AMQP_URL"):
        choose_transport({"TRANSPORT": "amqp"}, None)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(Trouble, match="'kafka'"):
        choose_transport({"TRANSPORT": "kafka"}, HERE)


def test_a_given_server_that_does_not_answer_is_one_sentence_without_its_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(
        Trouble, match=rf"DATABASE_URL names 127\.0\.0\.1:{port}, where no PostgreSQL answers"
    ) as trouble:
        check_given("DATABASE_URL", f"postgresql://me:very-secret@127.0.0.1:{port}/db")
    assert "very-secret" not in str(trouble.value)


@pytest.mark.parametrize("url", ["localhost", "postgresql://host:notaport/db"])
def test_what_is_not_a_url_is_refused(url: str) -> None:
    with pytest.raises(Trouble, match="DATABASE_URL"):
        check_given("DATABASE_URL", url)


def test_a_server_on_a_unix_socket_is_taken_at_its_word() -> None:
    check_given("DATABASE_URL", "postgresql:///techrar")
