"""One test per row of each e-mail vendor's table of errors, with the bodies that the vendor sends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers import testing
from providers.base import Message, Outcome
from providers.registry import channel
from tests.support.email_vendors import SENDER, VENDORS, json_reply
from tests.support.http_receiver import Received, Reply
from tests.support.vendor import https_vendor


def mail(n: int = 0, **fields: Any) -> Message:
    return testing.message(channel("email"), f"jane{n}@example.com", **fields)


async def deliver(
    key: str, batch: list[Message], *replies: Reply, **config: Any
) -> tuple[list[Outcome], list[Received]]:
    at = VENDORS[key]
    async with https_vendor(*replies, names=(at.host,)) as (receiver, net):
        given = at.cls.Config.model_validate({**at.config, **SENDER, **config})
        outcomes = await at.cls(given, net, now=lambda: testing.NOW).deliver(batch)
    return outcomes, receiver.received


def said(outcome: Outcome) -> tuple[str, str]:
    return outcome.kind.value, outcome.reason


def sendgrid_errors(*fields: str | None) -> dict[str, Any]:
    return {"errors": [{"message": "Does not contain a valid address.", "field": f, "help": None} for f in fields]}


ACCOUNT, KEY = ("misconfigured", "account"), ("misconfigured", "credentials")
CONTENT, ADDRESS = ("rejected", "content_refused"), ("rejected", "invalid_address")
RATE, AGAIN, UNCLEAR = ("throttled", "rate"), ("retry", "vendor_error"), ("ambiguous", "unexpected_answer")

ROWS = [
    ("sendgrid", json_reply(sendgrid_errors("from"), 400), CONTENT),
    ("sendgrid", json_reply(sendgrid_errors("personalizations.0.to.0.email"), 400), CONTENT),
    ("sendgrid", json_reply({"errors": [{"message": "authorization required", "field": None}]}, 401), KEY),
    ("sendgrid", json_reply({"errors": [{"message": "too many bad requests", "field": None}]}, 403), ACCOUNT),
    ("sendgrid", json_reply({"errors": [{"message": "Request Entity Too Large"}]}, 413), CONTENT),
    ("sendgrid", json_reply({"errors": [{"message": "too many requests"}]}, 429), RATE),
    ("sendgrid", json_reply({"errors": [{"message": "internal"}]}, 500), AGAIN),
    ("sendgrid", Reply(503), AGAIN),
    ("sendgrid", Reply(200, b"", {"X-Message-Id": "sandbox"}), UNCLEAR),
    ("mailgun", json_reply({"message": "to parameter is not a valid address"}, 400), CONTENT),
    ("mailgun", Reply(401, b"Forbidden"), KEY),
    ("mailgun", json_reply({"message": "account disabled"}, 402), ACCOUNT),
    ("mailgun", json_reply({"message": "Domain not found: mg.example.com"}, 404), ACCOUNT),
    ("mailgun", json_reply({"message": "message too large"}, 413), CONTENT),
    ("mailgun", json_reply({"message": "Too many requests"}, 429), RATE),
    ("mailgun", json_reply({"message": "internal"}, 500), AGAIN),
    ("mailgun", json_reply({"id": "<x@y>", "message": "Rejected"}), UNCLEAR),
    *(
        ("postmark", json_reply([{"ErrorCode": code, "Message": "jane0@example.com: no"}]), wanted)
        for code, wanted in {
            10: KEY, 100: AGAIN, 300: CONTENT, 400: ACCOUNT, 401: ACCOUNT, 405: ACCOUNT, 406: ADDRESS, 410: CONTENT,
            412: ACCOUNT, 413: ACCOUNT, 429: RATE, 1_234: CONTENT,
        }.items()
    ),
    ("postmark", json_reply({"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied"}, 401), KEY),
    ("postmark", json_reply({"ErrorCode": 412, "Message": "awaits approval"}, 422), ACCOUNT),
    ("postmark", json_reply({"ErrorCode": 410, "Message": "Too many batch messages"}, 422), CONTENT),
    ("postmark", json_reply({"ErrorCode": 100, "Message": "maintenance"}, 503), AGAIN),
    ("postmark", json_reply([{"Message": "delivery may be delayed.", "MessageID": "m"}]), ("accepted", "")),
    *(
        ("resend", json_reply({"statusCode": status, "name": name, "message": "no"}, status), wanted)
        for status, name, wanted in [
            (400, "validation_error", CONTENT),
            (401, "missing_api_key", KEY),
            (401, "restricted_api_key", KEY),
            (403, "invalid_api_key", KEY),
            (403, "validation_error", ACCOUNT),
            (404, "not_found", ACCOUNT),
            (409, "invalid_idempotent_request", UNCLEAR),
            (409, "concurrent_idempotent_requests", UNCLEAR),
            (422, "missing_required_field", CONTENT),
            (429, "rate_limit_exceeded", RATE),
            (429, "daily_quota_exceeded", RATE),
            (500, "application_error", AGAIN),
        ]
    ),
    *(
        ("ses", json_reply({"message": "no"}, status, **{"x-amzn-ErrorType": f"{name}:http://x/"}), want)
        for status, name, want in [
            (429, "TooManyRequestsException", RATE),
            (400, "LimitExceededException", RATE),
            (400, "ThrottlingException", RATE),
            (400, "SendingPausedException", ACCOUNT),
            (400, "AccountSuspendedException", ACCOUNT),
            (400, "MailFromDomainNotVerifiedException", ACCOUNT),
            (400, "MessageRejected", CONTENT),
            (400, "BadRequestException", CONTENT),
            (404, "NotFoundException", ACCOUNT),
            (403, "InvalidSignatureException", KEY),
            (403, "UnrecognizedClientException", KEY),
            (500, "InternalFailure", AGAIN),
        ]
    ),
    ("ses", json_reply({"__type": "com.amazon#AccountSuspendedException", "message": "no"}, 400), ACCOUNT),
]  # fmt: skip


@pytest.mark.parametrize(("key", "reply", "wanted"), ROWS, ids=lambda value: str(value)[:60])
async def test_each_row_of_a_vendors_errors(key: str, reply: Reply, wanted: tuple[str, str]) -> None:
    (outcome,), received = await deliver(key, [mail()], reply)
    assert said(outcome) == wanted
    assert len(received) == 1
    assert "jane0" not in str(outcome.detail)


@pytest.mark.parametrize(
    ("key", "reply"),
    [
        ("resend", json_reply({"name": "monthly_quota_exceeded"}, 429)),
        ("ses", json_reply({}, 400, **{"x-amzn-ErrorType": "LimitExceededException"})),
    ],
)
async def test_a_quota_that_is_used_up_is_asked_about_once_an_hour(key: str, reply: Reply) -> None:
    (outcome,), _ = await deliver(key, [mail()], reply)
    assert (said(outcome), outcome.retry_after) == (RATE, 3_600.0)


async def test_sendgrid_refuses_a_call_for_one_address_and_the_others_go_without_it() -> None:
    batch = [mail(n) for n in range(5)]
    refusals = [
        json_reply(sendgrid_errors("personalizations.1.to.0.email", "personalizations.3.to.0.email"), 400),
        json_reply(sendgrid_errors("personalizations.2.to.0.email"), 400),
    ]
    outcomes, received = await deliver("sendgrid", batch, *refusals, VENDORS["sendgrid"].accepts(2))
    assert [said(outcome)[0] for outcome in outcomes] == ["accepted", "rejected", "accepted", "rejected", "rejected"]
    assert [[m.to for m in VENDORS["sendgrid"].read(got.body)] for got in received] == [
        [one.address for one in batch],
        [batch[at].address for at in (0, 2, 4)],
        [batch[at].address for at in (0, 2)],
    ]


async def test_sendgrid_breaks_off_after_it_refused_some_and_only_the_others_are_unclear() -> None:
    refusal = json_reply(sendgrid_errors("personalizations.0.to.0.email"), 400)
    outcomes, _ = await deliver("sendgrid", [mail(n) for n in range(3)], refusal, Reply(cut=True))
    assert [said(outcome)[0] for outcome in outcomes] == ["rejected", "ambiguous", "ambiguous"]


async def test_sendgrid_gets_what_differs_too_much_in_a_call_of_its_own() -> None:
    contents = [{"subject": "Hi", "html": f"<p>{word}</p>"} for word in ("short", "long " * 3_000, "brief")]
    batch = [mail(n, content=content) for n, content in enumerate(contents)]
    ok = VENDORS["sendgrid"].accepts(1)
    outcomes, received = await deliver("sendgrid", batch, ok, ok)
    assert sorted(len(VENDORS["sendgrid"].read(got.body)) for got in received) == [1, 2]
    assert {said(outcome) for outcome in outcomes} == {("accepted", "")}


async def test_what_fails_in_one_call_of_a_batch_is_not_the_end_of_another() -> None:
    batch = [mail(0), mail(1, content={"subject": "Hi", "text": "Hi"})]
    outcomes, _ = await deliver("mailgun", batch, Reply(500), Reply(401))
    assert sorted(said(outcome)[0] for outcome in outcomes) == ["misconfigured", "retry"]


async def test_mailgun_refuses_a_call_for_one_address_and_the_others_go_without_it() -> None:
    at, batch = VENDORS["mailgun"], [mail(n) for n in range(8)]
    no, yes = json_reply({"message": "to parameter is not a valid address"}, 400), at.accepts(1)
    # The sixth: all, first half, second half, its first half, one, one, its second half.
    outcomes, received = await deliver("mailgun", batch, no, yes, no, no, yes, no, yes)
    assert [len(at.read(got.body)) for got in received] == [8, 4, 4, 2, 1, 1, 2]
    assert [outcome.delivery_id for outcome in outcomes if said(outcome) == CONTENT] == [batch[5].delivery_id]
    assert [said(outcome)[0] for outcome in outcomes].count("accepted") == 7


async def test_mailgun_is_not_asked_again_for_what_no_recipient_is_to_blame_for() -> None:
    no = json_reply({"message": "from parameter is not a valid address"}, 400)
    outcomes, received = await deliver("mailgun", [mail(n) for n in range(8)], no)
    assert ({said(outcome) for outcome in outcomes}, len(received)) == ({CONTENT}, 1)


async def test_postmark_answers_for_each_message_of_a_batch() -> None:
    items = [
        {"ErrorCode": 0, "Message": "OK", "MessageID": "m-0"},
        {"ErrorCode": 406, "Message": "You tried to send to jane1@example.com, which is inactive."},
        {"ErrorCode": 300, "Message": "Invalid email request"},
        "what?",
    ]
    outcomes, _ = await deliver("postmark", [mail(n) for n in range(4)], json_reply(items))
    assert [said(outcome) for outcome in outcomes] == [("accepted", ""), ADDRESS, CONTENT, UNCLEAR]
    assert outcomes[0].vendor_id == "m-0"
    assert "j***@example.com" in outcomes[1].detail["answer"]


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("key", ["postmark", "ses"])
async def test_a_number_of_answers_that_is_not_the_number_of_messages_says_nothing(key: str, count: int) -> None:
    items = [{"ErrorCode": 0, "MessageID": "m", "Status": "SUCCESS", "MessageId": "m"}] * count
    reply = json_reply(items if key == "postmark" else {"BulkEmailEntryResults": items})
    outcomes, _ = await deliver(key, [mail(0), mail(1)], reply)
    assert {said(outcome) for outcome in outcomes} == {UNCLEAR}


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("MESSAGE_REJECTED", CONTENT),
        ("INVALID_PARAMETER", CONTENT),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", ACCOUNT),
        ("CONFIGURATION_SET_NOT_FOUND", ACCOUNT),
        ("CONFIGURATION_SET_SENDING_PAUSED", ACCOUNT),
        ("TEMPLATE_NOT_FOUND", ACCOUNT),
        ("INVALID_SENDING_POOL_NAME", ACCOUNT),
        ("ACCOUNT_SUSPENDED", ACCOUNT),
        ("ACCOUNT_SENDING_PAUSED", ACCOUNT),
        ("ACCOUNT_THROTTLED", RATE),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", RATE),
        ("TRANSIENT_FAILURE", AGAIN),
        ("FAILED", AGAIN),
        ("SOMETHING_NEW", UNCLEAR),
        (None, UNCLEAR),
    ],
)
async def test_ses_says_for_each_message_of_a_bulk_call_what_became_of_it(
    status: str | None, wanted: tuple[str, str]
) -> None:
    results = [{"Status": "SUCCESS", "MessageId": "m-0"}, {"Status": status, "Error": "no"}]
    outcomes, _ = await deliver("ses", [mail(0), mail(1)], json_reply({"BulkEmailEntryResults": results}))
    assert [said(outcome) for outcome in outcomes] == [("accepted", ""), wanted]


async def test_every_status_that_ses_has_is_in_the_table() -> None:
    """As Amazon's own description of the service lists them."""
    from botocore.session import Session

    from providers.email.ses import ERRORS, STATUSES

    model = Session().get_service_model("sesv2")
    assert set(model.shape_for("BulkEmailStatus").enum) == {"SUCCESS", *STATUSES}  # type: ignore[attr-defined]
    for operation in ("SendEmail", "SendBulkEmail"):
        assert {shape.name for shape in model.operation_model(operation).error_shapes} <= set(ERRORS)


async def test_resend_gets_the_same_key_for_every_attempt_at_a_message() -> None:
    message = mail()
    _, first = await deliver("resend", [message], Reply(500))
    _, second = await deliver("resend", [message], VENDORS["resend"].accepts(1))
    keys = [got.headers["Idempotency-Key"] for got in (*first, *second)]
    assert keys == [str(message.delivery_id)] * 2
    assert first[0].body == second[0].body, "another body under the same key would be refused"
    assert VENDORS["resend"].cls.capabilities.idempotent


async def test_a_region_has_a_host_of_its_own() -> None:
    for key, host in (("mailgun", "api.eu.mailgun.net"), ("sendgrid", "api.eu.sendgrid.com")):
        at = VENDORS[key]
        async with https_vendor(at.accepts(1), names=(host,)) as (receiver, net):
            config = at.cls.Config.model_validate({**at.config, **SENDER, "region": "eu"})
            (outcome,) = await at.cls(config, net).deliver([mail()])
        assert said(outcome) == ("accepted", "")
        assert receiver.received[0].headers["Host"] == host


async def test_ses_names_the_configuration_set_whose_events_come_back() -> None:
    _, received = await deliver("ses", [mail()], VENDORS["ses"].accepts(1))
    assert orjson.loads(received[0].body)["ConfigurationSetName"] == "receipts"
