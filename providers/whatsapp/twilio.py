"""WhatsApp over Twilio: approved templates by their content SID, or text within an open conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import Field, StringConstraints

from providers.base import Message, Reason
from providers.errors import Permanent
from providers.twilio import TwilioConfig, TwilioMessages, sent_by
from providers.whatsapp.parameters import filled

ContentSid = Annotated[str, StringConstraints(pattern="^HX[0-9a-f]{32}$")]


class TwilioWhatsApp(TwilioMessages):
    key = "twilio"
    channel = "whatsapp"

    class Config(TwilioConfig):
        templates: dict[str, ContentSid] = Field(
            {},
            description="The content SID (HX…) of each template, by name and language: order_shipped/en_US.",
        )

    def form(self, message: Message) -> dict[str, str]:
        sender = message.sender.get("address") or self.config.sender
        return {"To": f"whatsapp:{message.address}", **sent_by(sender, "whatsapp:"), **self._content(message.content)}

    def _content(self, content: Mapping[str, Any]) -> dict[str, str]:
        if not content.get("template"):
            return {"Body": content["text"]}
        name = f"{content['template']}/{content['language']}"
        sid = self.config.templates.get(name)
        if sid is None:
            raise Permanent(Reason.UNSUPPORTED, f"the account's settings name no content SID for template {name}")
        variables = {name or str(place): value for place, (name, value) in enumerate(filled(content), 1)}
        return {"ContentSid": sid, **({"ContentVariables": orjson.dumps(variables).decode()} if variables else {})}
