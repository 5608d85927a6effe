"""In which ways can a provider call fail?

A closed set: an adapter raises one of these, and `Provider.deliver` turns it into the outcome of the same name.
Anything else that leaves an adapter is a bug and is logged as one.
"""

from __future__ import annotations

from typing import ClassVar

from providers.messages import Message, Outcome, OutcomeKind, Reason


class ProviderError(Exception):
    """Base of the closed set. `detail` is a redacted summary of the exchange for the timeline."""

    kind: ClassVar[OutcomeKind]

    def __init__(
        self, reason: Reason, message: str = "", *, retry_after: float | None = None, **detail: object
    ) -> None:
        super().__init__(message or reason.value)
        self.reason = reason
        self.retry_after = retry_after
        self.detail = detail

    def outcome(self, message: Message) -> Outcome:
        """The same failure as the outcome of one message, for adapters that send several per call."""
        detail = {**self.detail, "message": str(self)} if str(self) != self.reason.value else self.detail
        return Outcome(message.delivery_id, self.kind, self.reason.value, retry_after=self.retry_after, detail=detail)


class Transient(ProviderError):
    """Nothing was sent; trying again may work."""

    kind = OutcomeKind.RETRY


class Throttled(ProviderError):
    """The vendor wants us slower."""

    kind = OutcomeKind.THROTTLED


class Permanent(ProviderError):
    """This message to this address will never work."""

    kind = OutcomeKind.REJECTED


class ForbiddenTarget(Permanent):
    """A merchant's address leads where merchants may not make us connect: private networks, odd ports, plain http."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.FORBIDDEN_TARGET, message)


class Misconfigured(ProviderError):
    """The account is wrong: credentials, permissions, unpaid bill."""

    kind = OutcomeKind.MISCONFIGURED


class Ambiguous(ProviderError):
    """The request was written and no clear answer came back."""

    kind = OutcomeKind.AMBIGUOUS


class BadSignature(Exception):
    """A receipt that the vendor did not sign."""


class BadReceipt(Exception):
    """A receipt that nobody can read, although it is signed."""
