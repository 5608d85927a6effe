"""What does Amazon SNS get, and what do we make of its answers?"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from providers import aws, testing
from providers.base import Message, Provider
from providers.registry import channel
from providers.sms import sns
from providers.sms.sns import SnsSms
from tests.support.http_receiver import Received, Receiver, Reply
from tests.support.vendor import deliver, form, vendor

ID = "567910cd-659e-55d4-8ccb-5aaf14679dc0"
NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
TAKEN = Reply(
    200,
    f"""<PublishResponse xmlns="{NAMESPACE}">
  <PublishResult>
    <MessageId>{ID}</MessageId>
  </PublishResult>
  <ResponseMetadata>
    <RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId>
  </ResponseMetadata>
</PublishResponse>""".encode(),
    {"Content-Type": "text/xml"},
)


def refused(code: str, status: int = 400, said: str = "No.") -> Reply:
    body = f"""<ErrorResponse xmlns="{NAMESPACE}">
  <Error>
    <Type>Sender</Type>
    <Code>{code}</Code>
    <Message>{said}</Message>
  </Error>
  <RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId>
</ErrorResponse>"""
    return Reply(status, body.encode(), {"Content-Type": "text/xml"})


def account(*replies: Reply, **config: Any) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(SnsSms, sns, *replies, **config)


def message(text: str = "Hello", **fields: Any) -> Message:
    return testing.message(channel("sms"), **{"content": {"text": text}, **fields})


def asked(received: Received) -> dict[str, str]:
    """The form, when it is signed as it arrived."""
    assert (received.method, received.path) == ("POST", "/")
    moment = datetime.strptime(received.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    again = aws.signed(
        "POST",
        f"https://{received.headers['Host']}/",
        received.body,
        who=aws.Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "eu-west-1"),
        service="sns",
        now=moment,
        headers={"Content-Type": received.headers["Content-Type"]},
    )
    assert received.headers["Authorization"] == again["Authorization"]
    assert moment == testing.NOW
    given = form(received)
    assert (given.pop("Action"), given.pop("Version")) == ("Publish", "2010-03-31")
    return given


def attributes(given: dict[str, str]) -> dict[str, str]:
    entries = [key.removesuffix(".Name") for key in given if key.endswith(".Name")]
    assert {given[f"{entry}.Value.DataType"] for entry in entries} == {"String"}
    return {given[f"{entry}.Name"]: given[f"{entry}.Value.StringValue"] for entry in entries}


async def test_a_message_is_published_to_the_number_itself() -> None:
    async with account(TAKEN) as (provider, server):
        outcome = await deliver(provider, message("Grüße & Küsse"))
    given = asked(server.received[0])
    assert (given["PhoneNumber"], given["Message"]) == ("+12025550123", "Grüße & Küsse")
    assert attributes(given) == {"AWS.SNS.SMS.SMSType": "Transactional"}
    assert (outcome.kind, outcome.vendor_id) == ("accepted", ID)


@pytest.mark.parametrize(
    ("sender", "attribute"),
    [
        ("TECHRAR", "AWS.SNS.SMS.SenderID"),
        ("+12025550100", "AWS.MM.SMS.OriginationNumber"),
        ("12345", "AWS.MM.SMS.OriginationNumber"),
    ],
)
async def test_a_sender_is_a_name_or_a_number(sender: str, attribute: str) -> None:
    async with account(TAKEN, TAKEN, sender=sender, sms_type="Promotional") as (provider, server):
        await deliver(provider, message())
        await deliver(provider, message(sender={"address": "ACME"}))
    first, second = (attributes(asked(received)) for received in server.received)
    assert first == {"AWS.SNS.SMS.SMSType": "Promotional", attribute: sender}
    assert second == {"AWS.SNS.SMS.SMSType": "Promotional", "AWS.SNS.SMS.SenderID": "ACME"}


async def test_every_segment_is_paid() -> None:
    async with account(TAKEN, prices={"currency": "USD", "micros": {"": 6_450}}) as (provider, _):
        outcome = await deliver(provider, message("ж" * 71))
    assert (outcome.cost_micros, outcome.currency) == (12_900, "USD")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refused("Throttled", 429), "throttled", "rate"),
        (refused("Throttling"), "throttled", "rate"),
        (refused("InvalidParameter", said="Invalid parameter: Message too long"), "rejected", "content_refused"),
        (
            refused("InvalidParameter", said="Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to"),
            "rejected",
            "invalid_address",
        ),
        (refused("ParameterValueInvalid"), "rejected", "content_refused"),
        (refused("ValidationError"), "rejected", "content_refused"),
        (refused("OptedOut"), "rejected", "unsubscribed"),
        (refused("AuthorizationError", 403), "misconfigured", "account"),
        (refused("AccessDenied", 403), "misconfigured", "account"),
        (refused("OptInRequired", 403), "misconfigured", "account"),
        (refused("UserError"), "misconfigured", "account"),
        (refused("ExpiredToken", 403), "misconfigured", "credentials"),
        (refused("IncompleteSignature"), "misconfigured", "credentials"),
        (refused("InvalidClientTokenId", 403), "misconfigured", "credentials"),
        (refused("InvalidSecurity", 403), "misconfigured", "credentials"),
        (refused("MissingAuthenticationToken", 403), "misconfigured", "credentials"),
        (refused("SignatureDoesNotMatch", 403), "misconfigured", "credentials"),
        (refused("InternalError", 500), "retry", "vendor_error"),
        (refused("InternalFailure", 500), "retry", "vendor_error"),
        (refused("ServiceUnavailable", 503), "retry", "vendor_error"),
        (refused("SomethingNew"), "rejected", "content_refused"),
        (refused("SomethingNew", 403), "misconfigured", "credentials"),
        (refused("SomethingNew", 500), "retry", "vendor_error"),
    ],
)
async def test_the_code_in_the_answer_decides_what_follows(answer: Reply, kind: str, reason: str) -> None:
    async with account(answer) as (provider, server):
        outcome = await deliver(provider, message())
    assert (outcome.kind.value, outcome.reason) == (kind, reason)
    assert len(server.received) == 1


async def test_the_address_is_that_of_the_region() -> None:
    assert sns.API.format(region="eu-west-1") == "https://sns.eu-west-1.amazonaws.com/"
    for region in ("eu-west-1", "us-gov-east-1"):
        SnsSms.Config.model_validate({"access_key_id": "A" * 20, "secret_access_key": "s", "region": region})
    with pytest.raises(ValueError, match="region"):
        SnsSms.Config.model_validate(
            {"access_key_id": "A" * 20, "secret_access_key": "s", "region": "evil.example/eu-west-1"}
        )
