"""What each e-mail vendor expects, answers and makes of a request.

`read` does what the vendor would: it takes the request apart, puts each recipient's values where the tags are, and
says which messages leave. A request that lacks what the vendor requires fails here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import parse_qs

import orjson

from providers.base import Provider
from providers.email.mailgun import Mailgun
from providers.email.postmark import Postmark
from providers.email.resend import Resend
from providers.email.sendgrid import SendGrid
from providers.email.ses import Ses
from tests.support.http_receiver import Reply


@dataclass(frozen=True)
class Mail:
    """One message as it would leave the vendor."""

    to: str
    sender: str
    subject: str
    html: str | None
    text: str | None
    delivery_id: str
    reply_to: str = ""
    unsubscribe: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Vendor:
    cls: type[Provider]
    config: dict[str, Any]
    host: str
    path: str
    authorization: tuple[str, str]  #: a header, and what it must begin with
    content_type: str
    accepts: Callable[[int], Reply]
    read: Callable[[bytes], list[Mail]]
    bulk_path: str = ""


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, orjson.dumps(value), headers)


def address(given: str) -> str:
    """The same spelling whatever quoting was used."""
    parsed = message_from_string(f"From: {given}\r\n\r\n", policy=default)["From"].addresses[0]
    return str(Address(parsed.display_name, parsed.username, parsed.domain))


def _unsubscribe(headers: dict[str, str]) -> tuple[str, str]:
    return headers.get("List-Unsubscribe", ""), headers.get("List-Unsubscribe-Post", "")


def _person(given: dict[str, str]) -> str:
    local, _, domain = given["email"].rpartition("@")
    return str(Address(given.get("name", ""), local, domain))


def read_sendgrid(body: bytes) -> list[Mail]:
    call = orjson.loads(body)
    people = call["personalizations"]
    addresses = [person["to"][0]["email"] for person in people]
    assert len(people) <= 1_000
    assert len(set(addresses)) == len(addresses), "SendGrid takes each address once"
    assert [part["type"] for part in call["content"]] in (["text/plain"], ["text/html"], ["text/plain", "text/html"])
    mails = []
    for person in people:
        tags = person.get("substitutions", {})
        assert sum(len(k) + len(v.encode()) for k, v in tags.items()) <= 10_000
        parts = {part["type"]: part["value"] for part in call["content"]}
        for tag, value in tags.items():
            parts = {kind: text.replace(tag, value) for kind, text in parts.items()}
        mails.append(
            Mail(
                to=person["to"][0]["email"],
                sender=_person(call["from"]),
                subject=person.get("subject") or call["subject"],
                html=parts.get("text/html"),
                text=parts.get("text/plain"),
                delivery_id={**call.get("custom_args", {}), **person.get("custom_args", {})}["delivery_id"],
                reply_to=(call.get("reply_to_list") or [call.get("reply_to", {})])[0].get("email", ""),
                unsubscribe=_unsubscribe(person.get("headers") or call.get("headers", {})),
            )
        )
    return mails


def read_mailgun(body: bytes) -> list[Mail]:
    fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True)
    variables = orjson.loads(fields["recipient-variables"][0]) if "recipient-variables" in fields else {}
    assert len(fields["to"]) <= 1_000
    assert variables or len(fields["to"]) == 1, "without variables all recipients see each other"
    assert not variables or set(variables) == set(fields["to"])
    mails = []
    for to in fields["to"]:
        own = variables.get(to, {})

        def value(name: str, own: dict[str, str] = own) -> str | None:
            if name not in fields:
                return None
            tag = re.compile(r"%recipient\.([^%]+)%")
            return tag.sub(lambda found: own[found[1]], fields[name][0]) if own else fields[name][0]

        mails.append(
            Mail(
                to=to,
                sender=address(fields["from"][0]),
                subject=value("subject") or "",
                html=value("html"),
                text=value("text"),
                delivery_id=value("v:delivery_id") or "",
                reply_to=value("h:Reply-To") or "",
                unsubscribe=(value("h:List-Unsubscribe") or "", value("h:List-Unsubscribe-Post") or ""),
            )
        )
    return mails


def read_postmark(body: bytes) -> list[Mail]:
    items = orjson.loads(body)
    items = items if isinstance(items, list) else [items]
    assert len(items) <= 500
    return [
        Mail(
            to=item["To"],
            sender=address(item["From"]),
            subject=item["Subject"],
            html=item.get("HtmlBody"),
            text=item.get("TextBody"),
            delivery_id=item["Metadata"]["delivery_id"],
            reply_to=item.get("ReplyTo", ""),
            unsubscribe=_unsubscribe({header["Name"]: header["Value"] for header in item.get("Headers", [])}),
        )
        for item in items
    ]


def read_resend(body: bytes) -> list[Mail]:
    item = orjson.loads(body)
    tags = {tag["name"]: tag["value"] for tag in item.get("tags", [])}
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", word) for pair in tags.items() for word in pair)
    return [
        Mail(
            to=item["to"][0],
            sender=address(item["from"]),
            subject=item["subject"],
            html=item.get("html"),
            text=item.get("text"),
            delivery_id=tags.get("delivery_id", ""),
            reply_to=(item.get("reply_to") or [""])[0],
            unsubscribe=_unsubscribe(item.get("headers", {})),
        )
    ]


def read_ses(body: bytes) -> list[Mail]:
    call = orjson.loads(body)
    if "BulkEmailEntries" not in call:
        raw = base64.b64decode(call["Content"]["Raw"]["Data"])
        (tag,) = call["EmailTags"]
        return [read_mime(raw, delivery_id=tag["Value"])]
    assert len(body) <= 1_000_000
    assert len(call["BulkEmailEntries"]) <= 50
    template = call["DefaultContent"]["Template"]["TemplateContent"]
    mails = []
    for entry in call["BulkEmailEntries"]:
        data = orjson.loads(entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"])

        def filled(name: str, data: dict[str, str] = data) -> str | None:
            return (
                re.sub(r"\{\{(.*?)\}\}", lambda found, data=data: data[found[1]], template[name])
                if name in template
                else None
            )

        headers = {header["Name"]: header["Value"] for header in entry["ReplacementHeaders"]}
        (tag,) = entry["ReplacementTags"]
        assert headers["X-Delivery-Id"] == tag["Value"]
        mails.append(
            Mail(
                to=entry["Destination"]["ToAddresses"][0],
                sender=address(call["FromEmailAddress"]),
                subject=filled("Subject") or "",
                html=filled("Html"),
                text=filled("Text"),
                delivery_id=tag["Value"],
                reply_to=(call.get("ReplyToAddresses") or [""])[0],
                unsubscribe=_unsubscribe(headers),
            )
        )
    return mails


def read_mime(raw: bytes, *, delivery_id: str = "") -> Mail:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    return Mail(
        to=mail["To"].addresses[0].addr_spec,
        sender=str(mail["From"].addresses[0]),
        subject=str(mail["Subject"]),
        html=_body(html),
        text=_body(text),
        delivery_id=delivery_id or str(mail["X-Delivery-Id"]),
        reply_to=str(mail["Reply-To"] or ""),
        unsubscribe=(str(mail["List-Unsubscribe"] or ""), str(mail["List-Unsubscribe-Post"] or "")),
    )


def _body(part: Any) -> str | None:
    """Mail ends its lines in its own way, and its last one always."""
    return part.get_content().replace("\r\n", "\n").removesuffix("\n") if part else None


SENDER = {"from_address": "shop@example.com", "from_name": "The Shop, Ltd."}

VENDORS = {
    "sendgrid": Vendor(
        cls=SendGrid,
        config={"api_key": "SG.secret"},
        host="api.sendgrid.com",
        path="/v3/mail/send",
        authorization=("Authorization", "Bearer SG.secret"),
        content_type="application/json",
        accepts=lambda count: Reply(202, b"", {"X-Message-Id": "14c5d75ce93.dfd.64b469"}),
        read=read_sendgrid,
    ),
    "mailgun": Vendor(
        cls=Mailgun,
        config={"api_key": "key-secret", "domain": "mg.example.com"},
        host="api.mailgun.net",
        path="/v3/mg.example.com/messages",
        authorization=("Authorization", "Basic " + base64.b64encode(b"api:key-secret").decode()),
        content_type="application/x-www-form-urlencoded",
        accepts=lambda count: json_reply({"id": "<2015.1@mg.example.com>", "message": "Queued. Thank you."}),
        read=read_mailgun,
    ),
    "postmark": Vendor(
        cls=Postmark,
        config={"server_token": "token-secret", "message_stream": "broadcast"},
        host="api.postmarkapp.com",
        path="/email/batch",
        authorization=("X-Postmark-Server-Token", "token-secret"),
        content_type="application/json",
        accepts=lambda count: json_reply(
            [
                {
                    "To": f"jane{n}@example.com",
                    "SubmittedAt": "2014-02-17T07:25:01.4178645-05:00",
                    "MessageID": f"b7bc2f4a-e38e-4336-af7d-{n:012}",
                    "ErrorCode": 0,
                    "Message": "OK",
                }
                for n in range(count)
            ]
        ),
        read=read_postmark,
    ),
    "resend": Vendor(
        cls=Resend,
        config={"api_key": "re_secret"},
        host="api.resend.com",
        path="/emails",
        authorization=("Authorization", "Bearer re_secret"),
        content_type="application/json",
        accepts=lambda count: json_reply({"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}),
        read=read_resend,
    ),
    "ses": Vendor(
        cls=Ses,
        config={
            "region": "eu-west-1",
            "access_key_id": "AKIAEXAMPLE",
            "secret_access_key": "secret",
            "configuration_set": "receipts",
        },
        host="email.eu-west-1.amazonaws.com",
        path="/v2/email/outbound-emails",
        bulk_path="/v2/email/outbound-bulk-emails",
        authorization=("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/"),
        content_type="application/json",
        accepts=lambda count: json_reply(
            {"MessageId": "010201-0"}
            if count == 1
            else {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": f"010201-{n}"} for n in range(count)]}
        ),
        read=read_ses,
    ),
}
