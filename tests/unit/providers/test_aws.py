"""Do we sign as Amazon wants? Against the published test suite of Signature Version 4, and Amazon's library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers import aws

SUITE: dict[str, Any] = {
    "who": aws.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"),
    "service": "service",
    "now": datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
}
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SPACES = {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "names", "signature"),
    [
        pytest.param(
            *("GET", "/", {}, b"", "host;x-amz-date"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            id="get-vanilla",
        ),
        pytest.param(
            *("POST", "/", {}, b"", "host;x-amz-date"),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            *("POST", "/", FORM, b"Param1=value1", "content-type;host;x-amz-date"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            *("GET", "/?Param2=value2&Param1=value1", {}, b"", "host;x-amz-date"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            id="get-vanilla-query-order-key-case",
        ),
        pytest.param(
            *("GET", "/?Param1=value2&Param1=Value1", {}, b"", "host;x-amz-date"),
            "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
            id="get-vanilla-query-order-value",
        ),
        pytest.param(
            *("GET", f"/?{UNRESERVED}={UNRESERVED}", {}, b"", "host;x-amz-date"),
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
            id="get-vanilla-query-unreserved",
        ),
        pytest.param(
            *("GET", "/\u1234", {}, b"", "host;x-amz-date"),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            id="get-utf8",
        ),
        pytest.param(
            *("GET", "/", SPACES, b"", "host;my-header1;my-header2;x-amz-date"),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            id="get-header-value-trim",
        ),
    ],
)
def test_the_published_signatures_come_out(
    method: str, path: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    sent = aws.signed(method, f"https://example.amazonaws.com{path}", body, headers=headers, **SUITE)
    assert sent["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        f" SignedHeaders={names}, Signature={signature}"
    )
    assert (sent["Host"], sent["X-Amz-Date"]) == ("example.amazonaws.com", "20150830T123600Z")
    assert headers.items() <= sent.items()


def test_the_same_moment_on_another_clock_gives_the_same_signature() -> None:
    elsewhere = {**SUITE, "now": SUITE["now"].astimezone(timezone(timedelta(hours=13)))}
    signatures = {
        aws.signed("GET", "https://example.amazonaws.com/", b"", headers={}, **given)["Authorization"]
        for given in (SUITE, elsewhere)
    }
    assert len(signatures) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
        "https://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com/?Version=2&Action=a%20b&empty=&Action=A%2Fb",
    ],
)
@pytest.mark.parametrize("body", [b"", '{"name": "Zoë"}'.encode()])
def test_the_signature_is_that_of_amazons_own_library(url: str, body: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    who = aws.Credentials("AKIAEXAMPLE", "wJalr/K7MDENG+bPx", "eu-west-1")
    request = AWSRequest("POST", url, data=body, headers=kind)
    with time_machine.travel(SUITE["now"], tick=False):
        SigV4Auth(Credentials(who.access_key_id, who.secret_access_key), "ses", who.region).add_auth(request)
    ours = aws.signed("POST", url, body, who=who, service="ses", now=SUITE["now"], headers=kind)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
