"""What does a mail server see of us, and what do we make of what it says?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dkim
import pytest
from pydantic import ValidationError

from providers import testing
from providers.base import Message, Outcome, OutcomeKind
from providers.email import smtp as smtp_module
from providers.email import smtp_session
from providers.email.smtp import Smtp
from providers.http import Network
from providers.registry import channel
from tests.support.certificates import server_tls
from tests.support.dkim_keys import key, pem, published
from tests.support.mail_server import MailServer


@asynccontextmanager
async def account(port: int, *, allow_private: bool = True, **config: Any) -> AsyncIterator[Smtp]:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "from_address": "shop@example.com", **config}
    net = Network(allow_private=allow_private)
    provider = Smtp(Smtp.Config.model_validate(given), net, now=lambda: testing.NOW)
    try:
        yield provider
    finally:
        await provider.close()
        await net.close()


def mail(to: str = "jane@example.com", **fields: Any) -> Message:
    return testing.message(channel("email"), to, **fields)


async def deliver(provider: Smtp, message: Message | None = None) -> Outcome:
    (outcome,) = await provider.deliver([message or mail()])
    return outcome


def said(outcome: Outcome) -> tuple[str, str]:
    return outcome.kind.value, outcome.reason


async def test_a_message_arrives_with_both_ends_its_words_and_its_delivery() -> None:
    message = mail(sender={"address": "orders@example.com", "name": "The Shop", "reply_to": "help@example.com"})
    async with MailServer() as server, account(server.port) as smtp:
        outcome = await deliver(smtp, message)
    (got,) = server.mails
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.vendor_id == got.parsed["Message-ID"] == f"<{message.delivery_id}@example.com>"
    assert outcome.detail["answer"] == "2.0.0 queued as 4F3A2"
    assert (got.sender, got.recipient) == ("orders@example.com", "jane@example.com")
    assert got.parsed["From"] == "The Shop <orders@example.com>"
    assert got.parsed["Reply-To"] == "help@example.com"
    assert got.parsed["X-Delivery-Id"] == str(message.delivery_id)
    assert got.parsed.get_content().strip() == message.content["html"]


async def test_a_second_attempt_carries_the_same_message_id() -> None:
    message = mail()
    async with MailServer() as server, account(server.port) as smtp:
        await deliver(smtp, message)
        await deliver(smtp, replace(message, attempt=2))
    first, second = (got.parsed["Message-ID"] for got in server.mails)
    assert first == second


async def test_what_is_not_transactional_can_be_unsubscribed_from_with_one_click() -> None:
    url = "https://t.example.com/u/" + "x" * 300
    async with MailServer() as server, account(server.port) as smtp:
        await deliver(smtp, mail(category="marketing", unsubscribe_url=url))
        await deliver(smtp, mail(category="marketing"))
        await deliver(smtp, mail(category="transactional", unsubscribe_url=url))
    given = [(got.parsed["List-Unsubscribe"], got.parsed["List-Unsubscribe-Post"]) for got in server.mails]
    assert given == [(f"<{url}>", "List-Unsubscribe=One-Click"), (None, None), (None, None)]


async def test_what_we_relay_ourselves_is_signed_and_arrives_as_it_was_signed() -> None:
    signing = {"dkim_domain": "example.com", "dkim_selector": "k1", "dkim_private_key": pem(key())}
    text = {"subject": "Hi", "text": "dots:\n.\n..\ntrailing  \n\n"}
    async with MailServer() as server, account(server.port, **signing) as smtp:
        assert said(await deliver(smtp, mail(content=text))) == ("accepted", "")
    assert dkim.verify(server.mails[0].raw, dnsfunc=published)


async def test_bounces_go_where_the_account_says() -> None:
    async with MailServer() as server, account(server.port, bounce_address="bounces@example.com") as smtp:
        await deliver(smtp)
    assert server.mails[0].sender == "bounces@example.com"


async def test_a_session_is_kept_for_the_next_message_and_ended_politely() -> None:
    async with MailServer() as server:
        async with account(server.port) as smtp:
            for _ in range(3):
                assert said(await deliver(smtp)) == ("accepted", "")
            assert len(server.connections) == 1
        assert (len(server.mails), server.quits) == (3, 1)


async def test_calls_at_once_have_a_session_each_and_later_calls_share_them() -> None:
    async with MailServer() as server, account(server.port) as smtp:
        await asyncio.gather(*(deliver(smtp) for _ in range(5)))
        assert len(server.connections) == 5
        await asyncio.gather(*(deliver(smtp) for _ in range(5)))
        assert (len(server.connections), len(server.mails)) == (5, 10)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_connection_is_encrypted_and_signed_in(security: str, tmp_path: Path) -> None:
    tls, authority = server_tls(tmp_path, "localhost")
    contexts: dict[str, Any] = {security: tls}
    login = {"username": "shop", "password": "s3cret", "host": "localhost", "ca_certificate": authority}
    async with (
        MailServer(login=("shop", "s3cret"), **contexts) as server,
        account(server.port, security=security, **login) as smtp,
    ):
        assert said(await deliver(smtp)) == ("accepted", "")
    assert server.logins == [("shop", "s3cret")]


async def test_a_wrong_password_pauses_the_account(tmp_path: Path) -> None:
    tls, authority = server_tls(tmp_path, "localhost")
    login = {"username": "shop", "password": "wrong", "host": "localhost", "ca_certificate": authority}
    async with (
        MailServer(login=("shop", "s3cret"), starttls=tls) as server,
        account(server.port, security="starttls", **login) as smtp,
    ):
        outcome = await deliver(smtp)
    assert said(outcome) == ("misconfigured", "credentials")
    assert outcome.detail["status"] == 535


async def test_a_certificate_nobody_vouches_for_sends_nothing(tmp_path: Path) -> None:
    tls, _ = server_tls(tmp_path, "localhost")
    async with (
        MailServer(starttls=tls) as server,
        account(server.port, security="starttls", host="localhost") as smtp,
    ):
        assert said(await deliver(smtp)) == ("retry", "connection")
    assert server.mails == []


async def test_encryption_that_the_server_does_not_offer_is_not_done_without() -> None:
    async with MailServer() as server, account(server.port, security="starttls") as smtp:
        assert said(await deliver(smtp)) == ("misconfigured", "account")
    assert server.mails == []


@pytest.mark.parametrize(
    ("key", "reply", "outcome"),
    [
        ("jane@example.com", "550 5.1.1 no such user", ("rejected", "invalid_address")),
        ("jane@example.com", "450 4.2.0 greylisted", ("retry", "vendor_error")),
        ("RCPT", "452 4.5.3 too many", ("retry", "vendor_error")),
        ("MAIL", "553 5.7.1 not your address", ("misconfigured", "account")),
        ("DATA", "552 5.3.4 too large", ("rejected", "content_refused")),
        ("DATA", "554 5.7.1 spam", ("rejected", "content_refused")),
        ("DATA", "451 4.7.1 later", ("retry", "vendor_error")),
    ],
)
async def test_after_a_refusal_the_session_serves_the_next_message(
    key: str, reply: str, outcome: tuple[str, str]
) -> None:
    async with MailServer() as server, account(server.port) as smtp:
        server.replies[key] = reply
        refused = await deliver(smtp)
        assert said(refused) == outcome
        assert (refused.retry_after or 300) >= 60
        server.replies.clear()
        assert said(await deliver(smtp, mail("joe@example.com"))) == ("accepted", "")
        assert len(server.connections) == 1


async def test_a_connection_that_breaks_after_the_message_leaves_it_open_whether_it_was_taken() -> None:
    async with MailServer() as server, account(server.port) as smtp:
        server.replies["DATA"] = "cut"
        assert said(await deliver(smtp)) == ("ambiguous", "connection")
        assert len(server.mails) == 1
        server.replies.clear()
        assert said(await deliver(smtp)) == ("accepted", "")


async def test_no_answer_after_the_message_leaves_it_open_and_the_session_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp_session, "DATA_TIMEOUT", 0.2)
    async with MailServer() as server, account(server.port) as smtp:
        server.replies["DATA"] = "hang"
        assert said(await deliver(smtp)) == ("ambiguous", "timeout")
        server.replies.clear()
        assert said(await deliver(smtp)) == ("accepted", "")
        assert len(server.connections) == 2


@pytest.mark.parametrize("key", ["MAIL", "RCPT"])
@pytest.mark.parametrize("fault", ["cut", "hang"])
async def test_trouble_before_the_message_may_be_tried_again(
    key: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_module, "BEFORE_DATA", 0.3)
    async with MailServer() as server, account(server.port) as smtp:
        server.replies[key] = fault
        assert said(await deliver(smtp)) == ("retry", "connection")
        assert server.mails == []


async def test_a_server_that_never_greets_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_module, "BEFORE_DATA", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with account(silent.getsockname()[1]) as smtp:
            assert said(await deliver(smtp)) == ("retry", "connection")


async def test_a_refused_connection_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with account(port) as smtp:
        assert said(await deliver(smtp)) == ("retry", "connection")


@pytest.mark.parametrize("how", ["while it waits", "at the next message"])
async def test_a_session_that_the_server_ended_is_replaced_without_an_attempt_lost(how: str) -> None:
    async with MailServer() as server, account(server.port) as smtp:
        await deliver(smtp)
        if how == "while it waits":
            server.hang_up()
        else:
            cut_first_connection(server)
        assert said(await deliver(smtp)) == ("accepted", "")
        assert (len(server.connections), len(server.mails)) == (2, 2)


def cut_first_connection(server: MailServer) -> None:
    """Only the session that waited is ended, when it is used again."""
    first, answer = server.connections[0], server._reply

    async def reply(connection: Any, key: str, otherwise: str) -> str:
        if connection is first:
            first.transport.abort()
        return await answer(connection, key, otherwise)

    server._reply = reply  # type: ignore[method-assign]


async def test_a_private_mail_server_is_not_connected_to() -> None:
    async with MailServer() as server, account(server.port, allow_private=False) as smtp:
        assert said(await deliver(smtp)) == ("misconfigured", "forbidden_target")
        assert server.connections == []


@pytest.mark.parametrize(("utf8", "outcome"), [(True, ("accepted", "")), (False, ("rejected", "unsupported"))])
async def test_an_address_beyond_ascii_goes_only_to_a_server_that_takes_it(
    utf8: bool, outcome: tuple[str, str]
) -> None:
    async with MailServer(utf8=utf8) as server, account(server.port) as smtp:
        assert said(await deliver(smtp, mail("zoë@example.com"))) == outcome


async def test_without_any_sender_address_nothing_is_sent() -> None:
    async with MailServer() as server, account(server.port, from_address="") as smtp:
        assert said(await deliver(smtp)) == ("misconfigured", "account")
        assert server.connections == []


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"username": "shop", "security": "none"}, ""),
        ({"host": "mail.example.com\r\nX: y"}, "host"),
        ({"from_address": "nobody"}, "from_address"),
        ({"port": 0}, "port"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_config_that_cannot_work_names_its_field(config: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Smtp.Config.model_validate({"host": "mail.example.com", **config})
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]
