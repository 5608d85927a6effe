"""What does an answer come to that is not a plain yes?

A vendor's file has a table from its codes to our errors. What the table does not know is judged by the HTTP status, and
what nobody can read is never taken for a yes or for a final no.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Throttled, Transient
from providers.http import Answer
from providers.messages import Reason
from providers.redact import redact

Refusal = tuple[type[ProviderError], Reason]
#: What most tables are made of.
ACCOUNT: Refusal = (Misconfigured, Reason.ACCOUNT)
BLOCKED: Refusal = (Permanent, Reason.BLOCKED)
CONTENT: Refusal = (Permanent, Reason.CONTENT_REFUSED)
CREDENTIALS: Refusal = (Misconfigured, Reason.CREDENTIALS)
LATER: Refusal = (Transient, Reason.VENDOR_ERROR)
NOBODY: Refusal = (Permanent, Reason.INVALID_ADDRESS)
SLOWER: Refusal = (Throttled, Reason.RATE)
UNREACHABLE: Refusal = (Permanent, Reason.UNREACHABLE)
#: A refusal for one of these says that the address itself is of no more use.
FINAL = frozenset({Reason.INVALID_ADDRESS, Reason.BLOCKED})

GATEWAY = {502, 504}  # somebody in between, who may have handed our request on before losing the vendor
TRY_AGAIN = {408, 425}


def refusal(
    answer: Answer,
    now: datetime,
    *,
    table: Mapping[str, Refusal],
    code: str,
    said: str = "",
    waits: Mapping[str, float] | None = None,
    otherwise: Refusal | None = None,
) -> ProviderError:
    """`code` is the vendor's word as text, empty when there is none; `waits` how long to wait where it never says.

    `otherwise` is what a code means that is not in the table, where HTTP statuses mean nothing.
    """
    words = f"the vendor said {code}: {redact(said, limit=200)}" if code else f"the vendor answered {answer.status}"
    wait = answer.retry_after(now) or (waits or {}).get(code)
    kind, reason = table.get(code) or (otherwise if code else None) or _by_status(answer.status, bool(code))
    return kind(reason, words.removesuffix(": "), retry_after=wait, **answer.summary)


def _by_status(status: int, readable: bool) -> Refusal:
    if status == 429:
        return Throttled, Reason.RATE
    if status == 401 or (status == 403 and readable):
        return Misconfigured, Reason.CREDENTIALS
    if status < 300 or status in GATEWAY:
        return Ambiguous, Reason.UNEXPECTED_ANSWER
    if status >= 500 or status in TRY_AGAIN:
        return Transient, Reason.VENDOR_ERROR
    if readable and status >= 400:
        return Permanent, Reason.CONTENT_REFUSED
    return Transient, Reason.UNEXPECTED_ANSWER


def fields(body: bytes) -> dict[str, Any]:
    """A JSON object; empty when it is anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """A word or a number out of JSON as text; empty when it is anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a JSON list; none when it is anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
