"""What does an answer come to that is not the vendor's yes?

A vendor's file has tables from its codes to refusals. What no row decides is judged here, by one rule for all vendors,
which docs/adding-a-provider.md states: what nobody can read is never taken for a yes or for a final no.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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
ENOUGH: Refusal = (Throttled, Reason.RECIPIENT_RATE)
LATER: Refusal = (Transient, Reason.VENDOR_ERROR)
NOBODY: Refusal = (Permanent, Reason.INVALID_ADDRESS)
SLOWER: Refusal = (Throttled, Reason.RATE)
STOPPED: Refusal = (Permanent, Reason.UNSUBSCRIBED)
UNCLEAR: Refusal = (Ambiguous, Reason.UNEXPECTED_ANSWER)
UNREACHABLE: Refusal = (Permanent, Reason.UNREACHABLE)
UNREAD: Refusal = (Transient, Reason.UNEXPECTED_ANSWER)
#: A refusal for one of these says that the address itself is of no more use.
FINAL = frozenset({Reason.INVALID_ADDRESS, Reason.BLOCKED, Reason.UNSUBSCRIBED})

#: From somebody in between, who may have handed our request on before losing the vendor; the last two are Cloudflare's.
GATEWAY = frozenset({502, 504, 520, 524})
TRY_AGAIN = {408, 425}
QUOTA_WAIT = 3_600.0  # seconds until asking again whether a used-up daily or monthly quota is there again


def of_status(status: int, *, theirs: bool = False) -> Refusal:
    """For an answer that no table knows; `theirs` when its body is the vendor's all the same."""
    if status == 429:
        return SLOWER
    if status < 300 or status in GATEWAY:
        return UNCLEAR
    if status >= 500 or status in TRY_AGAIN:
        return LATER
    if status == 401 or (status == 403 and theirs):
        return CREDENTIALS
    return CONTENT if theirs and status >= 400 else UNREAD


def refusal(
    answer: Answer,
    now: datetime,
    *,
    code: str = "",
    said: str = "",
    codes: Mapping[str, Refusal] | None = None,
    statuses: Mapping[int, Refusal] | None = None,
    waits: Mapping[str, float] | None = None,
    theirs: bool | None = None,
) -> ProviderError:
    """The error to raise.

    `code` is the vendor's word as text, empty when there is none. Then the body is nobody's, unless `theirs` says that
    it is the vendor's. `statuses` is for what is the vendor's. `waits` are the seconds to wait where it never says.
    """
    known = bool(code) if theirs is None else theirs
    found = (codes or {}).get(code) if code else None
    if found is None and known:
        found = (statuses or {}).get(answer.status)
    words = (
        f"the vendor said {code[:80]}: {redact(said, limit=200)}" if code else f"the vendor answered {answer.status}"
    )
    return failed(
        found or of_status(answer.status, theirs=known),
        answer,
        words.removesuffix(": "),
        now=now,
        at_least=(waits or {}).get(code, 0.0),
    )


def failed(meaning: Refusal, answer: Answer, said: str, *, now: datetime, at_least: float = 0.0) -> ProviderError:
    """The error of this meaning. `at_least` are the seconds to wait when the answer's header names fewer, or none."""
    kind, reason = meaning
    wait = max(answer.retry_after(now) or 0.0, at_least) if kind in (Throttled, Transient) else 0.0
    return kind(reason, said, retry_after=wait or None, **answer.summary)
