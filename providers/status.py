"""What does an HTTP status mean, where the vendor says nothing more exact?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Throttled, Transient
from providers.http import Answer
from providers.messages import Reason

#: How a vendor's file writes a refusal in its tables.
Refusal = tuple[type[ProviderError], Reason]

BAD_KEY: Refusal = (Misconfigured, Reason.CREDENTIALS)
BAD_ACCOUNT: Refusal = (Misconfigured, Reason.ACCOUNT)
BAD_MESSAGE: Refusal = (Permanent, Reason.CONTENT_REFUSED)
BAD_ADDRESS: Refusal = (Permanent, Reason.INVALID_ADDRESS)
TOO_FAST: Refusal = (Throttled, Reason.RATE)
TRY_AGAIN: Refusal = (Transient, Reason.VENDOR_ERROR)

QUOTA_WAIT = 3_600.0  # seconds until asking again whether a used-up daily or monthly quota is there again


def failure(answer: Answer, refused: Mapping[int, Refusal], *, now: datetime) -> ProviderError:
    """The error that an answer amounts to which is not the vendor's yes."""
    kind, reason = _meaning(answer.status, refused)
    wait = answer.retry_after(now) if kind in (Throttled, Transient) else None
    return kind(reason, f"the vendor answered {answer.status}", retry_after=wait, **answer.summary)


def _meaning(status: int, refused: Mapping[int, Refusal]) -> Refusal:
    if status in refused:
        return refused[status]
    if status == 429:
        return TOO_FAST
    if status >= 500:
        return TRY_AGAIN
    if status >= 400:
        return BAD_MESSAGE
    return Ambiguous, Reason.UNEXPECTED_ANSWER  # a yes without what belongs to it, or a redirect
