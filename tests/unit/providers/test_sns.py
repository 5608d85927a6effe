"""Whom do we believe when somebody posts what looks like a notification of Amazon SNS?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from providers import sns
from providers.errors import BadSignature
from providers.messages import ReceiptRequest
from providers.testing import NOW
from tests.support.sns import CONFIRM, TOPIC, certificate, posted


class Web:
    """What can be fetched, and what was."""

    def __init__(self, document: bytes | None = None) -> None:
        self.document = certificate() if document is None else document
        self.fetched: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.document


def request(body: bytes, web: Web | None = None) -> ReceiptRequest:
    return ReceiptRequest(body, {}, "https://example.com/hooks/ses/t", NOW, (web or Web()).fetch)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"])
@pytest.mark.parametrize("subject", [None, "Amazon SES"])
def test_what_sns_signed_is_believed(version: str, kind: str, subject: str | None) -> None:
    fields = {"Subject": subject} if kind == "Notification" else {}
    sns.verify(TOPIC, request(posted({"a": "Zoë"}, at=NOW, version=version, kind=kind, **fields)))


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Type", "Token", "SubscribeURL"])
def test_what_was_changed_after_signing_is_not_believed(field: str) -> None:
    envelope = orjson.loads(posted("x", at=NOW, kind="SubscriptionConfirmation"))
    other = {"Timestamp": "2030-01-02T03:04:06.000Z", "Type": "UnsubscribeConfirmation"}
    envelope[field] = other.get(field, envelope[field] + "x")
    with pytest.raises(BadSignature, match="does not match"):
        sns.verify(TOPIC, request(orjson.dumps(envelope)))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"TopicArn": TOPIC + "2"}, "another topic"),
        ({"TopicArn": None}, "another topic"),
        ({"SigningCertURL": "https://sns.us-east-1.amazonaws.com/a.pem"}, "not the topic's own"),
        ({"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/a.pem"}, "not the topic's own"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"}, "not the topic's own"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem"}, "not the topic's own"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:8443/a.pem"}, "not the topic's own"),
        ({"SigningCertURL": "https://[/"}, "not the topic's own"),
        ({"SigningCertURL": None}, "not the topic's own"),
        ({"SignatureVersion": "3"}, "malformed"),
        ({"SignatureVersion": []}, "malformed"),
        ({"Type": "Gossip"}, "malformed"),
        ({"Timestamp": None}, "too old"),
    ],
)
def test_what_points_elsewhere_is_refused_before_anything_is_fetched(changed: dict[str, Any], why: str) -> None:
    web = Web()
    with pytest.raises(BadSignature, match=why):
        sns.verify(TOPIC, request(posted("x", at=NOW, **changed), web))
    assert web.fetched == []


@pytest.mark.parametrize("minutes", [-70, 70])
def test_what_is_older_than_sns_repeats_is_refused(minutes: int) -> None:
    with pytest.raises(BadSignature, match="too old"):
        sns.verify(TOPIC, request(posted("x", at=NOW + timedelta(minutes=minutes))))
    sns.verify(TOPIC, request(posted("x", at=NOW - timedelta(minutes=60))))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b'{"TopicArn": 7}'])
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignature):
        sns.verify(TOPIC, request(body))


def test_without_a_topic_nothing_is_believed() -> None:
    with pytest.raises(BadSignature, match="names no topic"):
        sns.verify("", request(posted("x", at=NOW)))


def test_what_is_not_a_certificate_proves_nothing() -> None:
    with pytest.raises(BadSignature, match="not a certificate"):
        sns.verify(TOPIC, request(posted("x", at=NOW), Web(b"<html>")))


def test_a_certificate_is_fetched_once() -> None:
    web, url = Web(), "https://sns.eu-west-1.amazonaws.com/once.pem"
    for _ in range(3):
        sns.verify(TOPIC, request(posted("x", at=NOW, SigningCertURL=url), web))
    assert web.fetched == [url]


def test_a_new_subscription_is_confirmed_and_nothing_else_is() -> None:
    web = Web()
    for kind in ("Notification", "UnsubscribeConfirmation", "SubscriptionConfirmation"):
        sns.confirm(TOPIC, request(posted("x", at=NOW, kind=kind), web))
    assert web.fetched == [CONFIRM]


def test_a_subscription_is_confirmed_at_its_own_regions_host_only() -> None:
    web, elsewhere = Web(), "https://169.254.169.254/latest/meta-data"
    body = posted("x", at=NOW, kind="SubscriptionConfirmation", SubscribeURL=elsewhere)
    with pytest.raises(BadSignature, match="not the topic's own"):
        sns.confirm(TOPIC, request(body, web))
    assert web.fetched == []


@pytest.mark.parametrize("arn", ["x", "arn:aws:sqs:eu-west-1:1:x", "arn:aws:sns:evil.example/:1:x", "arn:aws:sns::1:x"])
def test_what_is_no_topic_is_refused_when_it_is_entered(arn: str) -> None:
    with pytest.raises(ValueError, match="ARN of an SNS topic"):
        sns.host_of(arn)


def test_a_topic_in_china_has_its_hosts_there() -> None:
    assert sns.host_of("arn:aws-cn:sns:cn-north-1:1:x") == "sns.cn-north-1.amazonaws.com.cn"
