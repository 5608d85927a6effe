"""Amazon SES, version 2 of its API: single and bulk, and its events by way of SNS."""

from __future__ import annotations

import base64
from collections.abc import Hashable, Sequence
from typing import Any

import orjson
from pydantic import Field, field_validator

from providers import aws, reading, sns
from providers.base import (
    ApiKey,
    Capabilities,
    Message,
    Outcome,
    Provider,
    ProviderConfig,
    Reason,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    accepted,
)
from providers.email import mime, skeleton
from providers.email.sending import (
    Call,
    FromAddress,
    FromName,
    grouped,
    in_calls,
    parts_of,
    portions,
    sender_of,
    time_left,
    unsubscribe_headers,
)
from providers.errors import Ambiguous, ProviderError
from providers.http import Answer
from providers.redact import redact
from providers.refusals import ACCOUNT, CONTENT, CREDENTIALS, LATER, QUOTA_WAIT, SLOWER, UNCLEAR, Refusal, refusal

CALL_BYTES = 700_000  # SES takes 1 MB of template and data in one call
REFUSED = {401: CREDENTIALS, 403: CREDENTIALS, 404: ACCOUNT, 413: CONTENT}
ERRORS: dict[str, Refusal] = {
    "TooManyRequestsException": SLOWER,
    "ThrottlingException": SLOWER,
    "LimitExceededException": SLOWER,  # the daily quota
    "SendingPausedException": ACCOUNT,
    "AccountSuspendedException": ACCOUNT,
    "MailFromDomainNotVerifiedException": ACCOUNT,
    "NotFoundException": ACCOUNT,
    "MessageRejected": CONTENT,
    "BadRequestException": CONTENT,
}
#: `Status` of one message of a bulk call.
STATUSES: dict[str, Refusal] = {
    "MESSAGE_REJECTED": CONTENT,
    "INVALID_PARAMETER": CONTENT,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": ACCOUNT,
    "CONFIGURATION_SET_NOT_FOUND": ACCOUNT,
    "CONFIGURATION_SET_SENDING_PAUSED": ACCOUNT,
    "TEMPLATE_NOT_FOUND": ACCOUNT,
    "ACCOUNT_SUSPENDED": ACCOUNT,
    "ACCOUNT_SENDING_PAUSED": ACCOUNT,
    "INVALID_SENDING_POOL_NAME": ACCOUNT,
    "ACCOUNT_THROTTLED": SLOWER,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": SLOWER,
    "TRANSIENT_FAILURE": LATER,
    "FAILED": LATER,
}
WAITS = dict.fromkeys(("LimitExceededException", "ACCOUNT_DAILY_QUOTA_EXCEEDED"), QUOTA_WAIT)
#: An event's type: what it is, and where the event keeps what there is to say about it.
KINDS = {
    "Send": (ReceiptKind.SENT, "send"),
    "Delivery": (ReceiptKind.DELIVERED, "delivery"),
    "Bounce": (ReceiptKind.BOUNCED, "bounce"),
    "Complaint": (ReceiptKind.COMPLAINED, "complaint"),
    "Reject": (ReceiptKind.BOUNCED, "reject"),
    "Rendering Failure": (ReceiptKind.BOUNCED, "failure"),
    "Open": (ReceiptKind.OPENED, "open"),
    "Click": (ReceiptKind.CLICKED, "click"),
    "DeliveryDelay": (ReceiptKind.UNKNOWN, "deliveryDelay"),
}
WHY = {
    "Reject": Reason.CONTENT_REFUSED,
    "Rendering Failure": Reason.CONTENT_REFUSED,
    "DeliveryDelay": Reason.UNREACHABLE,
    "Bounce": Reason.UNREACHABLE,
}


class Ses(Provider):
    key = "ses"
    channel = "email"
    title = "Amazon SES"
    capabilities = Capabilities(max_batch=50, concurrency=32, timeout=30.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        region: str = Field(
            pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="The AWS region that sends.", examples=["eu-west-1"]
        )
        access_key_id: str = Field(
            pattern=r"^\w+$", description="Of a user who may ses:SendEmail.", examples=["AKIAIOSFODNN7EXAMPLE"]
        )
        secret_access_key: ApiKey = Field(
            description="The key's secret.", examples=["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]
        )
        configuration_set: str = Field("", description="The set whose events come back as receipts.")
        topic_arn: str = Field("", description="The SNS topic of those events; without it no receipts are taken.")
        from_address: FromAddress = ""
        from_name: FromName = ""

        @field_validator("topic_arn")
        @classmethod
        def _a_topic(cls, value: str) -> str:
            if value:
                sns.host_of(value)
            return value

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        calls = [call for group in grouped(batch, self._alike) for call in self._calls(group)]
        return await in_calls(calls, self._call, within=self.capabilities.timeout)

    def _alike(self, message: Message) -> Hashable:
        return sender_of(self.config, message), skeleton.shape(parts_of(message))

    def _calls(self, group: list[Message]) -> list[Call[dict[str, Any]]]:
        if len(group) == 1:
            return [(group, self._single(group[0]))]
        # To SES a template is Handlebars: a merchant's own braces must not be in it.
        shared, values = skeleton.mailing([parts_of(m) for m in group], _tag, reserved="{{")
        entries = [_entry(message, given) for message, given in zip(group, values, strict=True)]
        template = {"Subject": _tag("subject"), **{part.capitalize(): text for part, text in shared.items()}}
        room = CALL_BYTES - len(orjson.dumps(template))
        calls: list[Call[dict[str, Any]]] = []
        for cut in portions([len(orjson.dumps(entry)) for entry in entries], room):
            alone = cut.stop - cut.start == 1
            calls += self._calls(group[cut]) if alone else [(group[cut], self._bulk(group[0], template, entries[cut]))]
        return calls

    def _single(self, message: Message) -> dict[str, Any]:
        sender, content = sender_of(self.config, message), message.content
        raw = mime.build(
            delivery_id=message.delivery_id,
            to=message.address,
            sender=sender,
            content=content,
            now=self.now(),
            extra=unsubscribe_headers(message),
        )
        return {
            **self._once(message),
            "Destination": {"ToAddresses": [message.address]},
            "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
            "EmailTags": _tags(message),
        }

    def _bulk(self, first: Message, template: dict[str, str], entries: list[dict[str, Any]]) -> dict[str, Any]:
        reply_to = sender_of(self.config, first).reply_to
        return {
            **self._once(first),
            **({"ReplyToAddresses": [reply_to]} if reply_to else {}),
            "DefaultContent": {"Template": {"TemplateContent": template, "TemplateData": "{}"}},
            "BulkEmailEntries": entries,
        }

    def _once(self, message: Message) -> dict[str, Any]:
        sender = sender_of(self.config, message)
        name = self.config.configuration_set
        # Encoded, because SES wants ASCII here.
        given = {"FromEmailAddress": mime.encoded(mime.address(sender.address, sender.name))}
        return {**given, "ConfigurationSetName": name} if name else given

    async def _call(self, messages: list[Message], payload: dict[str, Any], until: float) -> list[Outcome]:
        config, bulk = self.config, "BulkEmailEntries" in payload
        url = f"https://email.{config.region}.amazonaws.com/v2/email/outbound-{'bulk-' if bulk else ''}emails"
        body = orjson.dumps(payload)
        who = aws.Credentials(config.access_key_id, config.secret_access_key.get_secret_value(), config.region)
        headers = aws.signed(
            "POST", url, body, who=who, service="ses", now=self.now(), headers={"Content-Type": "application/json"}
        )
        answer = await self.net.request("POST", url, body=body, headers=headers, timeout=time_left(until))
        if answer.status != 200:
            raise self._failure(answer)
        said = answer.json()
        results = (
            reading.dig(said, "BulkEmailEntryResults") if bulk else [{"Status": "SUCCESS", **reading.mapping(said)}]
        )
        if not isinstance(results, list) or len(results) != len(messages):
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer is not one result per message", **answer.summary)
        return [_outcome(message, result, answer) for message, result in zip(messages, results, strict=True)]

    def _failure(self, answer: Answer) -> ProviderError:
        """SES names its errors in a header, and older gateways in the body."""
        given = answer.headers.get("x-amzn-ErrorType", "") or reading.text(
            reading.dig(reading.loose(answer.body), "__type")
        )
        name = given.split(":")[0].rpartition("#")[2]
        return refusal(answer, self.now(), code=name, codes=ERRORS, statuses=REFUSED, waits=WAITS)

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        sns.verify(config.topic_arn, request)

    @classmethod
    def confirm(cls, config: Any, request: ReceiptRequest) -> None:
        sns.confirm(config.topic_arn, request)

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        posted = sns.envelope(request)
        event = reading.loose(reading.text(posted.get("Message")).encode())
        if posted.get("Type") != "Notification" or not isinstance(event, dict):
            return []  # about the subscription, in words for people
        word = reading.text(event.get("eventType") or event.get("notificationType"))
        kind, place = KINDS.get(word, (ReceiptKind.UNKNOWN, ""))
        sent_at = reading.moment(posted.get("Timestamp"), request.received_at)
        dead = word == "Bounce" and reading.dig(event, "bounce", "bounceType") == "Permanent"
        return [
            Receipt(
                event_id=reading.text(posted.get("MessageId")),
                kind=kind,
                at=reading.moment(reading.dig(event, place, "timestamp"), sent_at),
                delivery_id=reading.delivery_id(_our_id(event.get("mail"))),
                vendor_id=reading.text(reading.dig(event, "mail", "messageId")),
                reason=Reason.INVALID_ADDRESS if dead else WHY.get(word, ""),
                permanent=dead,
                raw=event,
            )
        ]


def _tag(name: str) -> str:
    return "{{" + name + "}}"


def _tags(message: Message) -> list[dict[str, str]]:
    return [{"Name": "delivery_id", "Value": str(message.delivery_id)}]


def _entry(message: Message, values: dict[str, str]) -> dict[str, Any]:
    headers = {"X-Delivery-Id": str(message.delivery_id), **unsubscribe_headers(message)}
    data = {"subject": mime.line(message.content["subject"]), **values}
    return {
        "Destination": {"ToAddresses": [message.address]},
        "ReplacementTags": _tags(message),
        "ReplacementHeaders": [{"Name": name, "Value": value} for name, value in headers.items()],
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": orjson.dumps(data).decode()}},
    }


def _outcome(message: Message, result: Any, answer: Answer) -> Outcome:
    status, vendor_id = (reading.text(reading.dig(result, name)) for name in ("Status", "MessageId"))
    detail = {
        **answer.summary,
        "answer": redact(reading.text(reading.dig(result, "Error"))) or answer.summary["answer"],
    }
    if status == "SUCCESS" and vendor_id:
        return accepted(message, vendor_id, **detail)
    kind, reason = STATUSES.get(status, UNCLEAR)
    return kind(reason, f"SES's status {status}", retry_after=WAITS.get(status), **detail).outcome(message)


def _our_id(mail: Any) -> Any:
    """As a tag where a configuration set reports, as a header where the identity does and is told to show them."""
    headers = reading.dig(mail, "headers")
    for header in headers if isinstance(headers, list) else []:
        if reading.text(reading.dig(header, "name")).lower() == "x-delivery-id":
            return reading.dig(header, "value")
    return reading.dig(mail, "tags", "delivery_id", 0)
