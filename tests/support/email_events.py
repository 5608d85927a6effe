"""What each e-mail vendor posts, signed as it does, and what each event means in our words."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from providers import signing
from providers.base import ReceiptRequest
from tests.support import sns

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISO = "2030-01-02T03:04:05.000Z"
DELIVERY = UUID("01920000-0000-7000-8000-000000000001")
OURS = {"delivery_id": str(DELIVERY)}
LISTED = [{"name": "delivery_id", "value": str(DELIVERY)}]  # as Resend also spells tags
RESEND_SECRET = signing.new_secret()


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def sendgrid_public() -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(sendgrid_key().public_key().public_bytes(serialization.Encoding.DER, kind)).decode()


def sendgrid(event: Any, at: datetime = NOW) -> ReceiptRequest:
    body, moment = orjson.dumps(event), str(int(at.timestamp()))
    signature = sendgrid_key().sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": moment,
    }
    return _request(body, headers)


def mailgun(event: Any, at: datetime = NOW) -> ReceiptRequest:
    moment, token = str(int(at.timestamp())), hashlib.sha256(orjson.dumps(event)).hexdigest()[:50]
    signature = hmac.new(b"mailgun-key", f"{moment}{token}".encode(), "sha256").hexdigest()
    block = {"timestamp": moment, "token": token, "signature": signature}
    return _request(orjson.dumps({"signature": block, "event-data": event}), {})


def postmark(event: Any, at: datetime = NOW) -> ReceiptRequest:
    login = base64.b64encode(b"hook:postmark-password").decode()
    return _request(orjson.dumps(event), {"Authorization": f"Basic {login}"})


def resend(event: Any, at: datetime = NOW) -> ReceiptRequest:
    """Signed by the reference implementation of the scheme."""
    body = orjson.dumps(event)
    signature = Webhook(RESEND_SECRET).sign("msg_1", at, body.decode())
    return _request(body, {"svix-id": "msg_1", "svix-timestamp": str(int(at.timestamp())), "svix-signature": signature})


def ses(event: Any, at: datetime = NOW) -> ReceiptRequest:
    body = sns.posted(event, at=at)
    envelope = orjson.loads(body)
    headers = {"x-amz-sns-message-type": envelope["Type"], "x-amz-sns-message-id": envelope["MessageId"]}
    return _request(body, headers)


def _request(body: bytes, headers: dict[str, str]) -> ReceiptRequest:
    headers = {"Content-Type": "application/json", **headers}
    return ReceiptRequest(body, headers, "https://example.com/hooks/x/t", NOW, lambda url: sns.certificate())


@dataclass(frozen=True)
class Event:
    vendor: str
    body: Any
    kind: str  #: in our words
    anymail: str | None  #: in anymail's, where it knows the event
    reason: str = ""
    permanent: bool = False

    @property
    def request(self) -> ReceiptRequest:
        return SIGNED[self.vendor](self.body)


SIGNED: dict[str, Callable[..., ReceiptRequest]] = {
    "sendgrid": lambda event, at=NOW: sendgrid([event], at),
    "mailgun": mailgun,
    "postmark": postmark,
    "resend": resend,
    "ses": ses,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "sendgrid": {"api_key": "SG.x", "verification_key": sendgrid_public()},
    "mailgun": {"api_key": "key", "domain": "mg.example.com", "signing_key": "mailgun-key"},
    "postmark": {"server_token": "t", "webhook_username": "hook", "webhook_password": "postmark-password"},
    "resend": {"api_key": "re_x", "signing_secret": RESEND_SECRET},
    "ses": {"region": "eu-west-1", "access_key_id": "A", "secret_access_key": "s", "topic_arn": sns.TOPIC},
}


def _sendgrid(event: str, **fields: Any) -> dict[str, Any]:
    given = {"email": "jane@example.com", "timestamp": SECONDS, "smtp-id": "<14c5@ismtpd>", "sg_event_id": f"e-{event}"}
    return {**given, "event": event, "sg_message_id": "14c5.dfd.64b4.filter0001.16648.5515.0", **OURS, **fields}


def _mailgun(event: str, **fields: Any) -> dict[str, Any]:
    headers = {"headers": {"message-id": "20130503182626.18666.16540@mg.example.com", "to": "jane@example.com"}}
    given = {"event": event, "id": "x", "timestamp": SECONDS + 0.5, "recipient": "jane@example.com", "message": headers}
    return {**given, "user-variables": OURS, **fields}


def _failed(reason: str, severity: str = "permanent") -> dict[str, Any]:
    return _mailgun("failed", severity=severity, reason=reason)


def _postmark(record: str, time: str, **fields: Any) -> dict[str, Any]:
    given = {"RecordType": record, "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Metadata": OURS, time: ISO}
    return {**given, "Recipient": "jane@example.com", **fields}


def _bounce(kind: str) -> dict[str, Any]:
    return _postmark("Bounce", "BouncedAt", Type=kind, ID=4)


def _resend(word: str, **data: Any) -> dict[str, Any]:
    given = {"email_id": "56761188-7520-42d8-8898-ff6fc54ce618", "to": ["jane@example.com"], "tags": OURS}
    return {"type": word, "created_at": ISO, "data": {**given, **data}}


def _ses(event: str, place: str, **fields: Any) -> dict[str, Any]:
    mail = {"messageId": "0102-0", "destination": ["jane@example.com"], "tags": {"delivery_id": [str(DELIVERY)]}}
    person = [{"emailAddress": "jane@example.com"}]
    people = {"bouncedRecipients": person, "complainedRecipients": person, "recipients": ["jane@example.com"]}
    return {"eventType": event, "mail": mail, place: {"timestamp": ISO, **people, **fields}}


EVENTS = [
    Event("sendgrid", _sendgrid("processed"), "sent", "queued"),
    Event("sendgrid", _sendgrid("delivered", response="250 OK"), "delivered", "delivered"),
    Event("sendgrid", _sendgrid("deferred", response="400 later"), "unknown", "deferred", "unreachable"),
    Event("sendgrid", _sendgrid("bounce", type="bounce"), "bounced", "bounced", "invalid_address", permanent=True),
    Event("sendgrid", _sendgrid("bounce", type="blocked"), "bounced", "bounced", "blocked"),
    Event("sendgrid", _sendgrid("dropped", reason="Bounced Address"), "bounced", "rejected", "invalid_address", True),
    Event("sendgrid", _sendgrid("dropped", reason="Unsubscribed Address"), "bounced", "rejected", "blocked"),
    Event("sendgrid", _sendgrid("spamreport"), "complained", "complained"),
    Event("sendgrid", _sendgrid("unsubscribe"), "unsubscribed", "unsubscribed"),
    Event("sendgrid", _sendgrid("group_unsubscribe"), "unsubscribed", "unsubscribed"),
    Event("sendgrid", _sendgrid("group_resubscribe"), "unknown", "subscribed"),
    Event("sendgrid", _sendgrid("open", useragent="x"), "opened", "opened"),
    Event("sendgrid", _sendgrid("click", url="https://example.com/"), "clicked", "clicked"),
    Event("mailgun", _mailgun("accepted"), "sent", "queued"),
    Event("mailgun", _mailgun("delivered"), "delivered", "delivered"),
    Event("mailgun", _failed("bounce"), "bounced", "bounced", "invalid_address", permanent=True),
    Event("mailgun", _failed("generic"), "bounced", "bounced", "unreachable"),
    Event("mailgun", _failed("suppress-complaint"), "bounced", "bounced", "blocked"),
    Event("mailgun", _failed("generic", "temporary"), "unknown", "deferred", "unreachable"),
    Event("mailgun", _mailgun("rejected", reject={"reason": "Sandbox"}), "bounced", "rejected", "unreachable"),
    Event("mailgun", _mailgun("opened"), "opened", "opened"),
    Event("mailgun", _mailgun("clicked", url="https://example.com/"), "clicked", "clicked"),
    Event("mailgun", _mailgun("unsubscribed"), "unsubscribed", "unsubscribed"),
    Event("mailgun", _mailgun("complained"), "complained", "complained"),
    Event("postmark", _postmark("Delivery", "DeliveredAt"), "delivered", "delivered"),
    Event("postmark", _bounce("HardBounce"), "bounced", "bounced", "invalid_address", True),
    Event("postmark", _bounce("SoftBounce"), "bounced", "bounced", "unreachable"),
    Event("postmark", _bounce("Blocked"), "bounced", "rejected", "blocked"),
    Event("postmark", _bounce("Transient"), "unknown", "deferred", "unreachable"),
    Event("postmark", _bounce("AutoResponder"), "unknown", "autoresponded"),
    Event("postmark", _postmark("SpamComplaint", "BouncedAt", Type="SpamComplaint", ID=4), "complained", "complained"),
    Event("postmark", _postmark("Open", "ReceivedAt"), "opened", "opened"),
    Event("postmark", _postmark("Click", "ReceivedAt", OriginalLink="https://example.com/"), "clicked", "clicked"),
    Event(
        "postmark",
        _postmark("SubscriptionChange", "ChangedAt", SuppressSending=True, SuppressionReason="ManualSuppression"),
        "unsubscribed",
        "unsubscribed",
    ),
    Event("postmark", _postmark("SubscriptionChange", "ChangedAt", SuppressSending=False), "unknown", "subscribed"),
    Event("resend", _resend("email.sent"), "sent", "sent"),
    Event("resend", _resend("email.delivered"), "delivered", "delivered"),
    Event("resend", _resend("email.delivery_delayed"), "unknown", "deferred", "unreachable"),
    Event(
        "resend",
        _resend("email.bounced", bounce={"type": "Permanent", "subType": "General", "message": "hard bounce message"}),
        "bounced",
        "bounced",
        "invalid_address",
        permanent=True,
    ),
    Event(
        "resend",
        _resend("email.bounced", bounce={"type": "Transient", "subType": "MailboxFull", "message": "bounce message"}),
        "bounced",
        "bounced",
        "unreachable",
    ),
    Event("resend", _resend("email.suppressed"), "bounced", None, "blocked"),
    Event("resend", _resend("email.failed", failed={"reason": "x"}), "bounced", None, "vendor_error"),
    Event("resend", _resend("email.complained"), "complained", "complained"),
    Event("resend", _resend("email.opened"), "opened", "opened"),
    Event("resend", _resend("email.clicked", tags=LISTED), "clicked", "clicked"),
    Event("ses", _ses("Send", "send"), "sent", "sent"),
    Event("ses", _ses("Delivery", "delivery"), "delivered", "delivered"),
    Event("ses", _ses("Bounce", "bounce", bounceType="Permanent", bounceSubType="General"), "bounced", "bounced",
          "invalid_address", permanent=True),
    Event("ses", _ses("Bounce", "bounce", bounceType="Transient", bounceSubType="MailboxFull"), "bounced", "bounced",
          "unreachable"),
    Event("ses", _ses("Complaint", "complaint"), "complained", "complained"),
    Event("ses", _ses("Reject", "reject", reason="Bad content"), "bounced", "rejected", "content_refused"),
    Event("ses", _ses("Rendering Failure", "failure", errorMessage="x"), "bounced", "failed", "content_refused"),
    Event("ses", _ses("Open", "open"), "opened", "opened"),
    Event("ses", _ses("Click", "click", link="https://example.com/"), "clicked", "clicked"),
    Event("ses", _ses("DeliveryDelay", "deliveryDelay"), "unknown", "unknown", "unreachable"),
]  # fmt: skip
