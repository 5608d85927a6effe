"""What do the e-mail vendors' events mean, who may post them, and what if they are not what they should be?"""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from providers.base import Provider, Receipt, ReceiptRequest
from providers.errors import BadReceipt, BadSignature
from providers.registry import providers_of
from tests.support import sns
from tests.support.email_events import CONFIGS, DELIVERY, EVENTS, NOW, SIGNED, Event, sendgrid

FIRST = {event.vendor: event for event in reversed(EVENTS)}
every_vendor = pytest.mark.parametrize("event", FIRST.values(), ids=list(FIRST))


def adapter(vendor: str, **config: Any) -> tuple[type[Provider], Any]:
    cls = providers_of("email")[vendor]
    return cls, cls.Config.model_validate({**CONFIGS[vendor], **config})


def read(vendor: str, request: ReceiptRequest) -> list[Receipt]:
    cls, config = adapter(vendor)
    cls.verify(config, request)
    cls.confirm(config, request)
    return cls.parse_receipts(config, request)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.vendor}-{event.kind}-{event.anymail}")
def test_an_event_says_what_happened_to_which_delivery_and_when(event: Event) -> None:
    (receipt,) = read(event.vendor, event.request)
    assert (receipt.kind.value, receipt.reason, receipt.permanent) == (event.kind, event.reason, event.permanent)
    assert receipt.delivery_id == DELIVERY
    assert abs(receipt.at - NOW) < timedelta(seconds=1)
    assert receipt.vendor_id
    assert receipt.event_id
    assert receipt.raw


@every_vendor
def test_the_same_post_again_has_the_same_id_and_another_event_another(event: Event) -> None:
    request = event.request
    (first,), (again,) = read(event.vendor, request), read(event.vendor, request)
    other = next(one for one in EVENTS if one.vendor == event.vendor and one is not event).request
    assert first.event_id == again.event_id
    if event.vendor == "resend":  # its id is a header, which the tests give
        other = replace(other, headers={**other.headers, "svix-id": "msg_2"})
        receipts = adapter("resend")[0].parse_receipts(None, other)
    else:
        receipts = read(event.vendor, other)
    assert first.event_id != receipts[0].event_id


@every_vendor
def test_another_account_cannot_speak_for_this_one(event: Event) -> None:
    others: dict[str, dict[str, Any]] = {
        "sendgrid": {"verification_key": OTHER_KEY},
        "mailgun": {"signing_key": "another"},
        "postmark": {"webhook_password": "another"},
        "resend": {"signing_secret": "whsec_" + base64.b64encode(b"x" * 24).decode()},
        "ses": {"topic_arn": sns.TOPIC + "2"},
    }
    cls, config = adapter(event.vendor, **others[event.vendor])
    with pytest.raises(BadSignature):
        cls.verify(config, event.request)


@every_vendor
def test_without_a_secret_nothing_is_believed(event: Event) -> None:
    secrets = {
        "sendgrid": "verification_key",
        "mailgun": "signing_key",
        "postmark": "webhook_password",
        "resend": "signing_secret",
        "ses": "topic_arn",
    }
    cls, config = adapter(event.vendor, **{secrets[event.vendor]: ""})
    with pytest.raises(BadSignature):
        cls.verify(config, event.request)


@pytest.mark.parametrize("vendor", ["sendgrid", "resend", "ses"])
def test_a_body_that_was_changed_by_one_byte_is_refused(vendor: str) -> None:
    request = FIRST[vendor].request
    cls, config = adapter(vendor)
    changed = request.body.replace(str(DELIVERY).encode(), str(DELIVERY).replace("1920", "1921").encode())
    assert changed != request.body
    with pytest.raises(BadSignature):
        cls.verify(config, replace(request, body=changed))
    with pytest.raises(BadSignature):
        cls.verify(
            config, replace(request, body=request.body + b" ") if vendor != "ses" else replace(request, body=b"")
        )


@pytest.mark.parametrize(
    ("vendor", "window"),
    [
        ("sendgrid", timedelta(hours=25)),
        ("mailgun", timedelta(hours=12)),
        ("resend", timedelta(minutes=5)),
        ("ses", timedelta(minutes=65)),
    ],
)
def test_an_old_post_is_refused_and_one_that_the_vendor_may_still_repeat_is_not(vendor: str, window: timedelta) -> None:
    cls, config = adapter(vendor)
    event = FIRST[vendor].body
    cls.verify(config, SIGNED[vendor](event, NOW - window + timedelta(seconds=1)))
    for at in (NOW - window - timedelta(seconds=2), NOW + window + timedelta(seconds=2)):
        with pytest.raises(BadSignature, match="too old or from the future"):
            cls.verify(config, SIGNED[vendor](event, at))


@pytest.mark.parametrize("moment", ["", "x", "-1", "1e9", "²", "9" * 5_000, "٤٢"])
def test_a_time_that_is_none_is_refused(moment: str) -> None:
    cls, config = adapter("sendgrid")
    request = FIRST["sendgrid"].request
    headers = {**request.headers, "X-Twilio-Email-Event-Webhook-Timestamp": moment}
    with pytest.raises(BadSignature):
        cls.verify(config, replace(request, headers=headers))


def test_a_token_of_mailgun_that_was_seen_brings_no_second_event() -> None:
    """Its signature does not cover the event; the receipt's id is what it does cover, and is stored once."""
    posted = orjson.loads(FIRST["mailgun"].request.body)
    forged = {**posted, "event-data": {**posted["event-data"], "event": "failed", "reason": "bounce", "id": "new"}}
    (real,) = read("mailgun", FIRST["mailgun"].request)
    (other,) = read("mailgun", replace(FIRST["mailgun"].request, body=orjson.dumps(forged)))
    assert real.event_id == other.event_id == posted["signature"]["token"]


@pytest.mark.parametrize("scheme", ["", "Bearer x", "Basic", "Basic ====", "Basic \xff", "basic aG9vazo="])
def test_postmark_without_the_right_password_is_refused(scheme: str) -> None:
    cls, config = adapter("postmark")
    with pytest.raises(BadSignature):
        cls.verify(config, replace(FIRST["postmark"].request, headers={"authorization": scheme}))


NONSENSE = [None, 7, "x", [], {}, [[]], [None], {"event": 7}, {"event-data": []}, {"data": []}, {"type": []}]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=str)
@pytest.mark.parametrize("vendor", list(FIRST))
def test_an_event_of_any_shape_is_kept_as_unknown_or_left_out(vendor: str, nonsense: Any) -> None:
    receipts = read(vendor, SIGNED[vendor](nonsense))
    assert {receipt.kind.value for receipt in receipts} <= {"unknown"}
    assert {receipt.delivery_id for receipt in receipts} <= {None}
    assert all(receipt.event_id and receipt.at == NOW for receipt in receipts)


@pytest.mark.parametrize("value", [None, 7, [], {}, "x", True, 1e400, -1e30])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.vendor}-{event.kind}")
def test_no_field_of_a_wrong_type_breaks_anything(event: Event, value: Any) -> None:
    for path in paths(event.body):
        read(event.vendor, SIGNED[event.vendor](changed(event.body, path, value)))


def paths(body: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for key in body if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ():
        found += [(key,), *((key, *rest) for rest in paths(body[key]))]
    return found


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = changed(body[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("vendor", ["postmark", "resend", "sendgrid"])
@pytest.mark.parametrize("body", [b"", b'{"Recor', b"<html>", b"\xff"])
def test_a_body_that_is_not_json_is_said_to_be_unreadable(vendor: str, body: bytes) -> None:
    cls, config = adapter(vendor)
    with pytest.raises(BadReceipt, match="not JSON"):
        cls.parse_receipts(config, replace(FIRST[vendor].request, body=body))


def test_sendgrid_posts_several_events_at_once_and_one_that_is_odd_does_not_stop_the_others() -> None:
    bodies = [event.body for event in EVENTS if event.vendor == "sendgrid"]
    receipts = read("sendgrid", sendgrid([*bodies[:3], None, *bodies[3:]]))
    assert [receipt.delivery_id for receipt in receipts].count(DELIVERY) == len(bodies)
    assert len({receipt.event_id for receipt in receipts}) == len({body["sg_event_id"] for body in bodies}) + 1


def test_ses_finds_our_id_among_the_original_headers_too() -> None:
    headers = [{"name": "Subject", "value": "x"}, {"name": "X-Delivery-ID", "value": str(DELIVERY)}]
    event = {"notificationType": "Delivery", "mail": {"messageId": "0102-0", "headers": headers}, "delivery": {}}
    (receipt,) = read("ses", SIGNED["ses"](event))
    assert (receipt.kind.value, receipt.delivery_id) == ("delivered", DELIVERY)


def test_what_sns_says_about_a_subscription_is_no_receipt() -> None:
    assert read("ses", SIGNED["ses"]("Successfully validated SNS topic for Amazon SES event publishing.")) == []


def test_a_verification_key_that_is_none_is_refused_when_it_is_entered() -> None:
    for wrong in ("x", "AAAA", base64.b64encode(b"x" * 91).decode()):
        with pytest.raises(ValueError, match="must be the verification key"):
            adapter("sendgrid", verification_key=wrong)


#: A public key that belongs to nobody here.
OTHER_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7L"
    "tkBoN79R9Q=="
)
