"""Does django-anymail, which knows these vendors well, send the same requests and read the same events?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any
from urllib.parse import urlencode, urljoin

import orjson
import pytest
from anymail.message import AnymailMessage
from django.test import RequestFactory

from providers import testing
from providers.base import Message
from providers.http import Answer, Network
from providers.registry import channel
from tests.support import email_events
from tests.support.email_events import CONFIGS, DELIVERY, EVENTS, NOW, Event
from tests.support.email_vendors import VENDORS, Mail, Vendor, read_mime

pytestmark = pytest.mark.filterwarnings("ignore:django-anymail has dropped official support for SendGrid")

UNSUBSCRIBE = {"List-Unsubscribe": "<https://t.example.com/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
OPTIONS: dict[str, dict[str, Any]] = {
    "sendgrid": {"api_key": "SG.secret"},
    "mailgun": {"api_key": "key-secret", "sender_domain": "mg.example.com"},
    "postmark": {"server_token": "token-secret"},
    "resend": {"api_key": "re_secret"},
}
NAMES = {"sendgrid": "SendGrid", "mailgun": "Mailgun", "postmark": "Postmark", "resend": "Resend", "ses": "AmazonSES"}
MODULES = {"ses": "amazon_ses"}


class Recorder(Network):
    """Keeps the request, in place of making it."""

    def __init__(self) -> None:
        self.url, self.body, self.headers = "", b"", dict[str, str]()

    async def request(self, method: str, url: str, **given: Any) -> Answer:
        self.url, self.body, self.headers = url, given["body"], dict(given["headers"])
        return Answer(500, {}, b"")


def message() -> Message:
    content = {"subject": "Hello Zoë", "text": "Hi Zoë,\nit is there.", "html": "<p>Hi Zoë</p>"}
    sender = {"address": "shop@example.com", "name": "The Shop, Ltd.", "reply_to": "help@example.com"}
    return testing.message(
        channel("email"),
        "jane@example.com",
        content=content,
        sender=sender,
        category="marketing",
        unsubscribe_url="https://t.example.com/u/1",
    )


def anymails(one: Message) -> AnymailMessage:
    found = AnymailMessage(
        one.content["subject"],
        one.content["text"],
        '"The Shop, Ltd." <shop@example.com>',
        [one.address],
        reply_to=["help@example.com"],
        headers=dict(UNSUBSCRIBE),
    )
    found.attach_alternative(one.content["html"], "text/html")
    found.metadata = {"delivery_id": str(one.delivery_id)}
    return found


async def ours(at: Vendor, one: Message) -> Recorder:
    net = Recorder()
    (outcome,) = await at.cls(at.cls.Config.model_validate(at.config), net, now=lambda: NOW).deliver([one])
    assert outcome.kind == "retry"
    return net


@pytest.mark.parametrize("key", list(OPTIONS))
async def test_the_same_message_gives_the_same_request(key: str) -> None:
    at, one = VENDORS[key], message()
    backend = import_module(f"anymail.backends.{key}").EmailBackend(**OPTIONS[key])
    params = backend.build_message_payload(anymails(one), {}).get_request_params(backend.api_url)
    theirs = params["data"] if key != "mailgun" else urlencode(params["data"], doseq=True)
    got = await ours(at, one)
    endpoint = urljoin(backend.api_url, params["url"])
    assert got.url == (endpoint + "/batch" if key == "postmark" else endpoint)  # ours is a batch of one there
    assert _same_login(params, got.headers)
    (mine,), (other,) = at.read(got.body), at.read(theirs.encode() if isinstance(theirs, str) else theirs)
    if key == "resend":  # anymail keeps metadata in a header, which Resend does not give back
        other = replace(other, delivery_id=mine.delivery_id)
    assert mine == other


def _same_login(params: dict[str, Any], headers: dict[str, str]) -> bool:
    if params.get("auth"):
        from requests.auth import _basic_auth_str

        return bool(headers["Authorization"] == _basic_auth_str(*params["auth"]))
    names = ("Authorization", "X-Postmark-Server-Token")
    return [params["headers"].get(name) for name in names] == [headers.get(name) for name in names]


async def test_the_same_message_gives_ses_the_same_mime() -> None:
    from anymail.backends.amazon_ses import EmailBackend

    one = message()
    options = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "y"}
    backend = EmailBackend(client_params=options)
    payload = backend.build_message_payload(anymails(one), {})
    payload.finalize_payload()
    got = await ours(VENDORS["ses"], one)
    theirs: Mail = read_mime(payload.params["Content"]["Raw"]["Data"], delivery_id=str(one.delivery_id))
    assert VENDORS["ses"].read(got.body) == [theirs]
    assert orjson.loads(got.body)["Destination"] == payload.params["Destination"]


#: Their word for each of ours, where it is not the same one.
KINDS = {
    "queued": "sent",
    "deferred": "unknown",
    "rejected": "bounced",
    "failed": "bounced",
    "subscribed": "unknown",
    "autoresponded": "unknown",
}


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning")
@pytest.mark.parametrize(
    "event", [e for e in EVENTS if e.anymail], ids=lambda event: f"{event.vendor}-{event.kind}-{event.anymail}"
)
def test_the_same_post_gives_the_same_event(event: Event) -> None:
    request, vendor = event.request, event.vendor
    module = import_module(f"anymail.webhooks.{MODULES.get(vendor, vendor)}")
    keys: dict[str, dict[str, str]] = {
        "sendgrid": {"tracking_webhook_verification_key": email_events.sendgrid_public()},
        "mailgun": {"webhook_signing_key": "mailgun-key"},
        "postmark": {"webhook_secret": "hook:postmark-password"},
    }
    view = getattr(module, f"{NAMES[vendor]}TrackingWebhookView")(**keys.get(vendor, {}))
    headers = {name: value for name, value in request.headers.items() if name != "Content-Type"}
    posted = RequestFactory().post("/", request.body, content_type="application/json", headers=headers)
    view.run_validators(posted)
    (theirs,) = view.parse_events(posted)
    cls = VENDORS[vendor].cls
    config = cls.Config.model_validate(CONFIGS[vendor])
    cls.verify(config, request)
    (receipt,) = cls.parse_receipts(config, request)
    assert theirs.event_type == event.anymail
    assert receipt.kind == KINDS.get(theirs.event_type, theirs.event_type)
    assert abs(receipt.at - theirs.timestamp) < timedelta(seconds=1)
    if vendor != "postmark":  # it gives most events no id
        assert receipt.event_id == theirs.event_id
    if vendor not in ("ses", "resend"):  # anymail keeps metadata in headers there
        assert str(receipt.delivery_id) == theirs.metadata["delivery_id"] == str(DELIVERY)
    if vendor in ("postmark", "resend", "ses"):
        assert receipt.vendor_id == theirs.message_id
