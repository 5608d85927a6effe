"""In which ways can a provider call fail?

A closed set: an adapter raises one of these, and `Provider.deliver` turns it into the outcome of the same name.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why, in our words; stable, documented in docs/glossary.md, kept on the delivery."""

    INVALID_ADDRESS = "invalid_address"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    CONTENT_REFUSED = "content_refused"
    UNSUPPORTED = "unsupported"
    CREDENTIALS = "credentials"
    ACCOUNT = "account"
    RATE = "rate"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    VENDOR_ERROR = "vendor_error"
    UNEXPECTED_ANSWER = "unexpected_answer"


class ProviderError(Exception):
    """Base of the closed set. `detail` is a redacted summary of the exchange for the timeline."""

    kind = "retry"

    def __init__(self, reason: Reason, message: str = "", *, retry_after: float | None = None, **detail: object) -> None:
        super().__init__(message or reason.value)
        self.reason = reason
        self.retry_after = retry_after
        self.detail = detail


class Transient(ProviderError):
    """Nothing was sent; trying again may work."""

    kind = "retry"


class Throttled(ProviderError):
    """The vendor wants us slower."""

    kind = "throttled"


class Permanent(ProviderError):
    """This message to this address will never work."""

    kind = "rejected"


class Misconfigured(ProviderError):
    """The account is wrong: credentials, permissions, unpaid bill."""

    kind = "misconfigured"


class Ambiguous(ProviderError):
    """The request was written and no clear answer came back."""

    kind = "ambiguous"


class BadSignature(Exception):
    """A receipt that the vendor did not sign."""
