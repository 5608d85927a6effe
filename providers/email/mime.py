"""How does a rendered e-mail look as bytes?

Headers are made from parts that cannot break out of their line, and the same delivery always has the same Message-ID,
so that a receiver can recognise a second copy.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from types import MappingProxyType
from typing import Any
from uuid import UUID

# Not every server takes 8-bit bodies; encoded ones pass everywhere.
_ASCII = SMTP.clone(cte_type="7bit")
_UNICODE = SMTPUTF8.clone(cte_type="7bit")
_BODY_TAG = re.compile(r"<body[^>]{0,2000}>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class From:
    address: str
    name: str = ""
    reply_to: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def message_id(delivery_id: UUID, sender: From) -> str:
    return f"<{delivery_id}@{sender.domain}>"


def build(
    *,
    delivery_id: UUID,
    to: str,
    sender: From,
    content: Mapping[str, Any],
    now: datetime,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The whole message. `extra` are headers of ASCII words that must not be folded, such as long addresses."""
    policy = _ASCII if f"{to}{sender.address}{sender.reply_to}".isascii() else _UNICODE
    mail = EmailMessage(policy=policy)
    mail["Subject"] = line(content["subject"])
    mail["From"] = address(sender.address, sender.name)
    mail["To"] = address(to)
    if sender.reply_to:
        mail["Reply-To"] = address(sender.reply_to)
    mail["Date"] = now
    mail["Message-ID"] = message_id(delivery_id, sender)
    mail["X-Delivery-Id"] = str(delivery_id)
    text, markup = content.get("text"), with_preheader(content.get("html"), content.get("preheader"))
    if text:
        mail.set_content(text)
    if markup and text:
        mail.add_alternative(markup, subtype="html")
    elif markup:
        mail.set_content(markup, subtype="html")
    return b"".join(f"{key}: {value}\r\n".encode("ascii") for key, value in extra.items()) + mail.as_bytes()


def line(text: str) -> str:
    """What may stand in a header: control characters and line separators become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def with_preheader(markup: str | None, preheader: str | None) -> str | None:
    """The preheader as a hidden first line: in-boxes show it beside the subject, readers do not."""
    if not markup or not preheader:
        return markup
    hidden = f'<div style="display:none;max-height:0;overflow:hidden">{html.escape(line(preheader))}</div>'
    tag = _BODY_TAG.search(markup)
    at = tag.end() if tag else 0
    return markup[:at] + hidden + markup[at:]


def address(spec: str, name: str = "") -> Address:
    local, _, domain = line(spec).rpartition("@")
    return Address(display_name=line(name), username=local, domain=domain)


def encoded(who: Address) -> str:
    """An address as it stands in a header: a name in other letters than ASCII is encoded."""
    name = who.display_name if who.display_name.isascii() else Header(who.display_name, "utf-8", maxlinelen=0).encode()
    return str(who) if name == who.display_name else f"{name} <{who.addr_spec}>"
