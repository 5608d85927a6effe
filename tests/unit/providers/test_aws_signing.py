"""Do our signatures of requests to Amazon equal those of Amazon's own library?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers import aws

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
        "https://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com/?Version=2&Action=a%20b&empty=&Action=A%2Fb",
    ],
)
@pytest.mark.parametrize("body", [b"", '{"name": "Zoë"}'.encode()])
def test_the_signature_is_the_same(url: str, body: bytes) -> None:
    who = aws.Credentials("AKIAEXAMPLE", "wJalr/K7MDENG+bPx", "eu-west-1")
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    with time_machine.travel(NOW, tick=False):
        SigV4Auth(Credentials(who.access_key_id, who.secret_access_key), "ses", who.region).add_auth(request)
    ours = aws.signed("POST", url, body, who=who, service="ses", now=NOW, content_type="application/json")
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
