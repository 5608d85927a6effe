"""What does a refusal over HTTP come to?

Every vendor's file has its words in a table of verdicts. This is what the words do not decide: how a verdict becomes an
error, and what a status means when whoever answered does not speak the vendor's language.
"""

from __future__ import annotations

from datetime import datetime

from providers.errors import Ambiguous, ProviderError, Throttled, Transient
from providers.http import Answer
from providers.messages import Reason

Verdict = tuple[type[ProviderError], Reason]


def of_status(status: int) -> Verdict:
    """For an answer without a word that the vendor is known to use."""
    if status == 429:
        return Throttled, Reason.RATE
    if status == 504:  # a gateway stopped waiting for the machine that may have done the work
        return Ambiguous, Reason.UNEXPECTED_ANSWER
    if status >= 500:
        return Transient, Reason.VENDOR_ERROR
    if status < 300:
        return Ambiguous, Reason.UNEXPECTED_ANSWER
    # Refused, but perhaps by somebody on the way: no reason to blame the address, the message or the account.
    return Transient, Reason.UNEXPECTED_ANSWER


def failed(verdict: Verdict, answer: Answer, said: str, *, now: datetime, at_least: float = 0.0) -> ProviderError:
    """The error to raise. `at_least` are the seconds to wait when the answer's header names fewer, or none."""
    kind, reason = verdict
    wait = max(answer.retry_after(now) or 0.0, at_least) if kind in (Throttled, Transient) else 0.0
    return kind(reason, said, retry_after=wait or None, **answer.summary)
