"""SMS over Amazon SNS: `Publish` to a phone number. It tells nothing later.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode

from pydantic import Field

from providers import aws
from providers.base import ApiKey, Capabilities, Message, Outcome, Provider, ProviderConfig, WithoutReceipts, accepted
from providers.http import Answer
from providers.prices import Prices, cost
from providers.refusals import ACCOUNT, CONTENT, CREDENTIALS, LATER, NOBODY, SLOWER, STOPPED, Refusal, refusal
from providers.sms import segments

API = "https://sns.{region}.amazonaws.com/"
CODES: dict[str, Refusal] = {
    "Throttled": SLOWER,
    "Throttling": SLOWER,
    "ThrottlingException": SLOWER,
    "RequestThrottled": SLOWER,
    "InvalidParameter": CONTENT,
    "ParameterValueInvalid": CONTENT,
    "ValidationException": CONTENT,
    "ValidationError": CONTENT,
    "OptedOut": STOPPED,
    "AuthorizationError": ACCOUNT,
    "AccessDenied": ACCOUNT,
    "AccessDeniedException": ACCOUNT,
    "OptInRequired": ACCOUNT,
    "UserError": ACCOUNT,  # the SMS sandbox of a new account
    "ExpiredToken": CREDENTIALS,
    "IncompleteSignature": CREDENTIALS,
    "InvalidClientTokenId": CREDENTIALS,
    "InvalidSecurity": CREDENTIALS,
    "MissingAuthenticationToken": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "InternalError": LATER,
    "InternalFailure": LATER,
    "ServiceUnavailable": LATER,
}


class SnsSms(WithoutReceipts, Provider):
    key = "sns"
    channel = "sms"
    title = "Amazon SNS"
    capabilities = Capabilities(concurrency=20, timeout=12.0)

    class Config(ProviderConfig):
        access_key_id: str = Field(
            pattern=r"^\w{16,128}$",
            description="Of an IAM user that may call sns:Publish.",
            examples=["AKIAIOSFODNN7EXAMPLE"],
        )
        secret_access_key: ApiKey = Field(description="Beside the access key.", examples=["wJalrXUtnFEMI"])
        region: str = Field(
            pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", description="Where SMS is set up: eu-west-1.", examples=["eu-west-1"]
        )
        sender: str = Field(
            "",
            max_length=20,
            description="Number or name of messages that name no other; Amazon's choice if empty.",
        )
        sms_type: Literal["Transactional", "Promotional"] = Field(
            "Transactional", description="Reliability first, or price first."
        )
        prices: Prices | None = Field(None, description="What the contract says a segment costs, by country.")

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        config, words = self.config, message.content["text"]
        form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": message.address, "Message": words}
        form |= _attributes(message.sender.get("address") or config.sender, config.sms_type)
        url, body = API.format(region=config.region), urlencode(form).encode()
        who = aws.Credentials(config.access_key_id, config.secret_access_key.get_secret_value(), config.region)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        headers = aws.signed("POST", url, body, who=who, service="sns", now=self.now(), headers=kind)
        answer = await self.net.request("POST", url, body=body, headers=headers, timeout=10.0)
        vendor_id = _word("MessageId", answer)
        if not answer.ok or not vendor_id:
            code, said = _word("Code", answer), _word("Message", answer)
            codes = {**CODES, "InvalidParameter": NOBODY} if "PhoneNumber" in said else CODES
            raise refusal(answer, self.now(), code=code, said=said, codes=codes)
        size = segments.measure(words)
        price = cost(config.prices, message.address, size.count)
        return [accepted(message, vendor_id, cost=price, units=size.count, **answer.summary)]


def _attributes(sender: str, sms_type: str) -> dict[str, str]:
    """Everything about an SMS but its text and number travels as a message attribute."""
    given = {"AWS.SNS.SMS.SMSType": sms_type}
    if sender:
        number = re.fullmatch(r"\+?\d{5,15}", sender)
        given["AWS.MM.SMS.OriginationNumber" if number else "AWS.SNS.SMS.SenderID"] = sender
    fields: dict[str, str] = {}
    for place, (name, value) in enumerate(given.items(), 1):
        entry = f"MessageAttributes.entry.{place}"
        fields |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return fields


def _word(name: str, answer: Answer) -> str:
    """What stands in this element of Amazon's XML; it is flat enough to be read without a parser."""
    found = re.search(rf"<{name}>([^<>]*)</{name}>", answer.body.decode(errors="replace"))
    return found[1].strip() if found else ""
