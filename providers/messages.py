"""What goes into a provider and what comes out of it?

Plain frozen values, so that the engine, the receipts endpoint and every vendor's file speak of the same things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class OutcomeKind(StrEnum):
    """What one provider call came to, for one message. The engine branches on this and on nothing else."""

    ACCEPTED = "accepted"  #: the vendor took it
    RETRY = "retry"  #: nothing was sent; try again later, not before `retry_after`
    THROTTLED = "throttled"  #: too fast; wait `retry_after`, without using an attempt
    REJECTED = "rejected"  #: this message to this address will never work
    MISCONFIGURED = "misconfigured"  #: the account is wrong, not the message
    AMBIGUOUS = "ambiguous"  #: it may or may not have been sent


class ReceiptKind(StrEnum):
    """What a vendor tells us later."""

    SENT = "sent"  #: handed on by the vendor
    DELIVERED = "delivered"  #: arrived
    BOUNCED = "bounced"  #: will never arrive; `permanent` says whether the address is dead
    COMPLAINED = "complained"  #: reported as spam
    UNSUBSCRIBED = "unsubscribed"  #: asked for no more
    OPENED = "opened"  #: displayed, as far as a picture can tell
    CLICKED = "clicked"  #: a link was followed
    READ = "read"  #: the recipient's app says so
    UNKNOWN = "unknown"  #: a vendor word we have no word for; the raw payload is kept


class Reason(StrEnum):
    """Why, in our words; stable, documented in docs/providers/README.md, kept on the delivery."""

    INVALID_ADDRESS = "invalid_address"  #: nobody is there: the address is suppressed
    UNSUBSCRIBED = "unsubscribed"  #: the recipient told the vendor or carrier to stop: the address is suppressed
    UNREACHABLE = "unreachable"  #: refused or full right now; says nothing final about the address
    BLOCKED = "blocked"  #: the receiving side does not want it
    FORBIDDEN_TARGET = "forbidden_target"  #: an address that merchants may not make us connect to
    CONTENT_REFUSED = "content_refused"  #: too large, spam, malformed
    UNSUPPORTED = "unsupported"  #: the vendor cannot express this message
    CREDENTIALS = "credentials"  #: wrong or expired credentials
    ACCOUNT = "account"  #: suspended, unpaid, or set up wrongly
    RATE = "rate"  #: too many at once for the account
    RECIPIENT_RATE = "recipient_rate"  #: too many to one recipient: says nothing about the account
    CONNECTION = "connection"  #: no connection, or it broke
    TIMEOUT = "timeout"  #: no answer in time
    VENDOR_ERROR = "vendor_error"  #: the vendor says that it failed
    UNEXPECTED_ANSWER = "unexpected_answer"  #: an answer nobody can read, or a bug in the adapter


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered delivery, ready for a vendor."""

    delivery_id: UUID
    channel: str
    address: str
    content: Mapping[str, Any]
    sender: Mapping[str, str] = field(default_factory=dict)  #: `address`, `name`, `reply_to`: those that are set
    metadata: Mapping[str, str] = field(default_factory=dict)
    category: str = "transactional"
    attempt: int = 1
    receipt_url: str = ""  #: where the vendor should post receipts for this account
    address_since: datetime | None = None  #: when the address was last registered, where that is known
    unsubscribe_url: str = ""  #: takes a one-click POST (RFC 8058); empty when there is none


@dataclass(frozen=True, slots=True)
class Outcome:
    delivery_id: UUID
    kind: OutcomeKind
    reason: str = ""  #: a `Reason`; empty when accepted
    vendor_id: str = ""
    retry_after: float | None = None  #: seconds; a lower bound for RETRY and THROTTLED
    detail: Mapping[str, Any] = field(default_factory=dict)  #: redacted request and answer, for the timeline
    latency_ms: int = 0
    cost_micros: int = 0
    currency: str = ""

    def timed(self, latency_ms: int) -> Outcome:
        """The same, with how long it took. By hand: `dataclasses.replace` costs several times as much."""
        return Outcome(
            self.delivery_id,
            self.kind,
            self.reason,
            self.vendor_id,
            self.retry_after,
            self.detail,
            latency_ms,
            self.cost_micros,
            self.currency,
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's later word about one message, in our words."""

    event_id: str  #: unique per provider: the same word twice has the same id
    kind: ReceiptKind
    at: datetime
    delivery_id: UUID | None = None  #: when the vendor echoes it
    vendor_id: str = ""
    reason: str = ""
    permanent: bool = False
    machine: bool = False  #: the vendor says that no person opened or clicked
    raw: Mapping[str, Any] = field(default_factory=dict)


def _no_way_out(url: str) -> bytes:
    raise LookupError(f"nothing was given to fetch {url} with")


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """What was posted to `/hooks/{provider}/{account token}`, byte for byte: signatures cover exactly this."""

    body: bytes
    headers: Mapping[str, str]
    url: str  #: as the vendor sees it (the public one); some vendors sign it
    received_at: datetime
    #: Gets a document that a vendor names, such as its certificate. The adapter checks first whose address it is.
    fetch: Callable[[str], bytes] = _no_way_out

    def header(self, name: str) -> str:
        """A header whatever its case, or an empty string."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Capabilities:
    max_batch: int = 1  #: messages per call
    concurrency: int = 64  #: calls in flight per process
    timeout: float = 10.0  #: seconds a call may take, all in
    receipts: bool = False  #: tells us later what became of a message
    echoes_delivery_id: bool = False  #: receipts carry our id, so that they match before the outcome is stored
    idempotent: bool = False  #: the receiving side drops a second call with the same delivery id
    sandbox: bool = False  #: never reaches a real person: the only kind test mode may use
    own_server: bool = False  #: each address is a server of its own: when one fails, that says nothing about others
