"""What holds for every e-mail vendor: what arrives there, and what its answers and its silence mean."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from providers import testing
from providers.base import Message, Outcome, Provider
from providers.email.mime import From
from providers.http import Network
from providers.registry import channel
from tests.support.email_vendors import SENDER, VENDORS, Mail, Vendor, json_reply
from tests.support.http_receiver import Received, Receiver, Reply
from tests.support.vendor import https_vendor

every_vendor = pytest.mark.parametrize("at", VENDORS.values(), ids=list(VENDORS))
batching = pytest.mark.parametrize(
    "at", [v for v in VENDORS.values() if v.cls.capabilities.max_batch > 1], ids=lambda v: v.cls.key
)
UNSUBSCRIBE = "https://t.example.com/u/" + "x" * 300 + "?a=1&b=2"


@asynccontextmanager
async def account(at: Vendor, *replies: Reply, **config: Any) -> AsyncIterator[tuple[Provider, Receiver]]:
    async with https_vendor(*replies, names=(at.host,)) as (receiver, net):
        yield connected(at, net, **config), receiver


def connected(at: Vendor, net: Network, **config: Any) -> Provider:
    return at.cls(at.cls.Config.model_validate({**at.config, **SENDER, **config}), net, now=lambda: testing.NOW)


def mail(n: int = 0, **fields: Any) -> Message:
    return testing.message(channel("email"), f"jane{n}@example.com", **fields)


def page(n: int, *, filler: int = 0) -> dict[str, str]:
    """A campaign's message, as it is rendered for one recipient."""
    name = f"Jane {n} & <Zoë> {{{{n}}}} %recipient.x% \\"
    rows = "".join(f"<tr><td>Row {row} of all { {'a': 1} }</td></tr>\n" for row in range(filler))
    html = f'<html><body class="a">\n<p>Dear {name},</p>\n<table>{rows}</table><a href="https://x.example/{n}">go</a>'
    return {
        "subject": f"Hello {name}",
        "html": html,
        "text": f"Dear {name},\nit is on its way.\n-- \nhttps://x.example/{n}",
    }


def expected(message: Message) -> Mail:
    content = message.content
    unsubscribes = bool(message.unsubscribe_url) and message.category == "marketing"
    return Mail(
        to=message.address,
        sender='"The Shop, Ltd." <shop@example.com>',
        subject=content["subject"],
        html=content.get("html"),
        text=content.get("text"),
        delivery_id=str(message.delivery_id),
        unsubscribe=(f"<{message.unsubscribe_url}>", "List-Unsubscribe=One-Click") if unsubscribes else ("", ""),
    )


def said(outcome: Outcome) -> tuple[str, str]:
    return outcome.kind.value, outcome.reason


def in_order(mails: list[Mail]) -> list[Mail]:
    return sorted(mails, key=lambda one: one.delivery_id)


def check_request(at: Vendor, got: Received, *, bulk: bool = False) -> None:
    name, beginning = at.authorization
    assert (got.method, got.path) == ("POST", at.bulk_path if bulk and at.bulk_path else at.path)
    assert got.headers[name].startswith(beginning)
    assert got.headers["Content-Type"] == at.content_type
    assert got.headers["Host"] == at.host


@every_vendor
async def test_a_message_arrives_with_everything_that_belongs_to_it(at: Vendor) -> None:
    sender = {"address": "orders@example.com", "name": "Zoë", "reply_to": "help@example.com"}
    message = mail(content=page(1), sender=sender)
    async with account(at, at.accepts(1)) as (provider, receiver):
        (outcome,) = await provider.deliver([message])
    (got,) = receiver.received
    check_request(at, got)
    wanted = dataclasses.replace(
        expected(message), sender="Zoë <orders@example.com>", reply_to="help@example.com", unsubscribe=("", "")
    )
    assert at.read(got.body) == [wanted]
    assert said(outcome) == ("accepted", "")
    assert outcome.vendor_id
    assert outcome.detail["status"] in (200, 202)


@every_vendor
@pytest.mark.parametrize("content", [{"subject": "Hi", "text": "Hi."}, {"subject": "Hi", "html": "<p>Hi."}])
async def test_one_body_alone_will_do(at: Vendor, content: dict[str, str]) -> None:
    message = mail(content=content)
    async with account(at, at.accepts(1)) as (provider, receiver):
        await provider.deliver([message])
    assert at.read(receiver.received[0].body) == [expected(message)]


@every_vendor
@pytest.mark.parametrize("category", ["marketing", "social", "transactional", "security"])
async def test_only_what_people_can_do_without_carries_unsubscribe_headers(at: Vendor, category: str) -> None:
    message = mail(category=category, unsubscribe_url=UNSUBSCRIBE)
    async with account(at, at.accepts(1)) as (provider, receiver):
        await provider.deliver([message])
    (arrived,) = at.read(receiver.received[0].body)
    wanted = (f"<{UNSUBSCRIBE}>", "List-Unsubscribe=One-Click")
    assert arrived.unsubscribe == (wanted if category in ("marketing", "social") else ("", ""))


@batching
async def test_a_campaigns_messages_travel_together_and_each_keeps_its_own_words(at: Vendor) -> None:
    count = min(at.cls.capabilities.max_batch, 200)
    batch = [
        mail(n, content=page(n, filler=100), category="marketing", unsubscribe_url=f"https://t.example.com/u/{n}")
        for n in range(count)
    ]
    async with account(at, at.accepts(count)) as (provider, receiver):
        outcomes = await provider.deliver(batch)
    (got,) = receiver.received
    check_request(at, got, bulk=True)
    assert in_order(at.read(got.body)) == in_order([expected(message) for message in batch])
    assert {said(outcome) for outcome in outcomes} == {("accepted", "")}


@batching
async def test_a_full_batch_is_one_call_with_an_answer_for_each(at: Vendor) -> None:
    count = at.cls.capabilities.max_batch
    async with account(at, at.accepts(count)) as (provider, receiver):
        outcomes = await provider.deliver([mail(n) for n in range(count)])
    assert len(receiver.received) == 1
    assert [said(outcome) for outcome in outcomes] == [("accepted", "")] * count


@batching
async def test_what_cannot_share_a_call_does_not(at: Vendor) -> None:
    """Other senders, other parts, the same address twice."""
    batch = [
        mail(0, content=page(0)),
        mail(0, content=page(1)),
        mail(1, content={"subject": "Hi", "text": "Only text."}),
        mail(2, content=page(2), sender={"address": "other@example.com"}),
        mail(3, content=page(3, filler=3)),
    ]
    answers = [at.accepts(5)] if at.cls.key == "postmark" else [at.accepts(1)] * 5
    async with account(at, *answers) as (provider, receiver):
        outcomes = await provider.deliver(batch)
    arrived = [one for got in receiver.received for one in at.read(got.body)]
    other = str(From("other@example.com", "The Shop, Ltd.").address)
    assert {one.delivery_id: (one.html, one.text, one.to) for one in arrived} == {
        str(one.delivery_id): (one.content.get("html"), one.content.get("text"), one.address) for one in batch
    }
    assert [one.to for one in arrived if other in one.sender] == ["jane2@example.com"]
    assert [said(outcome) for outcome in outcomes] == [("accepted", "")] * 5


@every_vendor
@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html><body>Welcome</body></html>", {"Content-Type": "text/html"}),
        Reply(200, b""),
        Reply(202, b""),
        Reply(204, b""),
        Reply(200, b'{"id": "49a3999c-0ce1", "mess'),
        Reply(200, b"Mailgun Magnificent API"),
        *(
            json_reply(value)
            for value in (
                {},
                [],
                None,
                7,
                "Queued",
                {"id": 7, "message": ["Queued"], "MessageId": {}},
                [{"ErrorCode": "0", "MessageID": 5}],
                [{"ErrorCode": 0}],
                [None],
                [[]],
                {"ErrorCode": 0, "MessageID": "x"},
            )
        ),
    ],
    ids=str,
)
async def test_a_surprising_yes_is_never_taken_for_one(at: Vendor, reply: Reply) -> None:
    async with account(at, reply) as (provider, receiver):
        (outcome,) = await provider.deliver([mail()])
    assert len(receiver.received) == 1
    assert said(outcome) == ("ambiguous", "unexpected_answer")


@every_vendor
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 5}', b'{"ErrorCode": "x"}', b"null", b'{"na'])
@pytest.mark.parametrize("status", [302, 400, 403, 404, 413])
async def test_a_refusal_that_is_not_the_vendors_is_held_against_nobody(at: Vendor, body: bytes, status: int) -> None:
    async with account(at, Reply(status, body)) as (provider, _):
        (outcome,) = await provider.deliver([mail()])
    assert said(outcome) == ("retry", "unexpected_answer")


@every_vendor
async def test_whoever_asks_for_credentials_means_ours(at: Vendor) -> None:
    async with account(at, Reply(401, b"")) as (provider, _):
        (outcome,) = await provider.deliver([mail()])
    assert said(outcome) == ("misconfigured", "credentials")


@every_vendor
@pytest.mark.parametrize("status", [500, 503])
async def test_a_vendor_in_trouble_is_asked_again_later(at: Vendor, status: int) -> None:
    async with account(at, Reply(status, b"<html>", {"Retry-After": "42"})) as (provider, receiver):
        (outcome,) = await provider.deliver([mail()])
    assert (said(outcome), outcome.retry_after) == (("retry", "vendor_error"), 42.0)
    assert len(receiver.received) == 1, "retries are the service's business"


@every_vendor
@pytest.mark.parametrize("status", [502, 504, 520, 524])
async def test_a_gateways_answer_is_unclear_unless_the_vendor_has_it_repeated(at: Vendor, status: int) -> None:
    async with account(at, Reply(status, b"<html>")) as (provider, _):
        (outcome,) = await provider.deliver([mail()])
    again = at.cls.key in ("postmark", "resend")
    assert said(outcome) == (("retry", "vendor_error") if again else ("ambiguous", "unexpected_answer"))


@every_vendor
async def test_too_fast_waits_as_long_as_the_vendor_says(at: Vendor) -> None:
    async with account(at, Reply(429, b"", {"Retry-After": "7"})) as (provider, receiver):
        (outcome,) = await provider.deliver([mail()])
    assert (said(outcome), outcome.retry_after) == (("throttled", "rate"), 7.0)
    assert len(receiver.received) == 1


@every_vendor
async def test_a_connection_that_breaks_leaves_it_open_for_every_message_of_the_call(at: Vendor) -> None:
    batch = [mail(n) for n in range(min(3, at.cls.capabilities.max_batch))]
    async with account(at, Reply(cut=True)) as (provider, receiver):
        outcomes = await provider.deliver(batch)
    assert {said(outcome) for outcome in outcomes} == {("ambiguous", "connection")}
    assert len(receiver.received) == 1


@every_vendor
async def test_without_any_sender_address_nothing_is_sent(at: Vendor) -> None:
    async with account(at, from_address="") as (provider, receiver):
        (outcome,) = await provider.deliver([mail()])
    assert said(outcome) == ("misconfigured", "account")
    assert receiver.received == []


@every_vendor
async def test_nothing_a_merchant_writes_breaks_out_of_the_subject(at: Vendor) -> None:
    content = {"subject": "Hi\r\nBcc: victim@example.com", "text": "x"}
    async with account(at, at.accepts(1)) as (provider, receiver):
        await provider.deliver([mail(content=content)])
    assert at.read(receiver.received[0].body)[0].subject == "Hi Bcc: victim@example.com"


@every_vendor
async def test_a_key_that_was_copied_with_its_line_break_works_and_one_of_two_words_is_refused(at: Vendor) -> None:
    name = next(iter(set(at.config) & {"api_key", "server_token", "secret_access_key"}))
    async with account(at, at.accepts(1), **{name: f" {at.config[name]}\r\n"}) as (provider, receiver):
        (outcome,) = await provider.deliver([mail()])
    assert said(outcome) == ("accepted", "")
    check_request(at, receiver.received[0])
    for wrong in ("", "two words", "schlüssel", "a\nb"):
        with pytest.raises(ValueError, match="must be one word"):
            at.cls.Config.model_validate({**at.config, name: wrong})


@every_vendor
async def test_no_secret_and_no_address_is_kept_of_an_exchange(at: Vendor) -> None:
    async with account(at, Reply(400, b'{"message": "jane0@example.com is not valid"}')) as (provider, _):
        (outcome,) = await provider.deliver([mail()])
    kept = str(outcome.detail)
    assert "jane0" not in kept
    assert "secret" not in kept
    assert "j***@example.com" in kept
