"""How is a request to Amazon signed? Signature Version 4, for requests whose whole body is at hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    region: str


def signed(
    method: str, url: str, body: bytes, *, who: Credentials, service: str, now: datetime, headers: Mapping[str, str]
) -> dict[str, str]:
    """The headers to send: those given, and the ones that prove who sends exactly this, now."""
    parts = urlsplit(url)
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    covered = dict(sorted((name.lower(), " ".join(value.split())) for name, value in sent.items()))
    names = ";".join(covered)
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-_.~%"),
            _query(parts.query),
            *(f"{name}:{value}" for name, value in covered.items()),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{who.region}/{service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + who.secret_access_key.encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    proof = f"{ALGORITHM} Credential={who.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": proof}


def _query(query: str) -> str:
    """In the order of names and values, every byte but letters, digits and `-_.~` escaped."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(query, True))
    return "&".join(f"{name}={value}" for name, value in pairs)
