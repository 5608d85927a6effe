"""SMS over Twilio: one call per recipient, receipts to an address that carries our delivery id."""

from __future__ import annotations

from providers.base import Message
from providers.sms import segments
from providers.twilio import TwilioMessages, sent_by


class TwilioSms(TwilioMessages):
    key = "twilio"
    channel = "sms"

    def form(self, message: Message) -> dict[str, str]:
        sender = message.sender.get("address") or self.config.sender
        return {"To": message.address, **sent_by(sender), "Body": message.content["text"]}

    def units(self, message: Message) -> int:
        return segments.measure(message.content["text"]).count
