"""Which addresses make a sandbox do what?

One table: the word in an e-mail address, a token, an id or the end of a web address, and a number at the end of a phone
number. The documentation's table is made from this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Throttled, Transient
from providers.messages import Reason, ReceiptKind
from providers.sandbox_receipts import Told

DELIVERED = Told(ReceiptKind.DELIVERED)
OPENED, CLICKED, READ = Told(ReceiptKind.OPENED), Told(ReceiptKind.CLICKED), Told(ReceiptKind.READ)
COMPLAINED = Told(ReceiptKind.COMPLAINED, Reason.BLOCKED, permanent=True)
HARD_BOUNCE = Told(ReceiptKind.BOUNCED, Reason.INVALID_ADDRESS, permanent=True)
SOFT_BOUNCE = Told(ReceiptKind.BOUNCED, Reason.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Behaviour:
    meaning: str  #: one sentence for the documentation
    number: int  #: the same word at the end of a phone number: 555 01nn
    receipts: tuple[Told, ...] = (DELIVERED,)
    failure: ProviderError | None = None
    once: bool = False  #: fails the first time only
    slow: bool = False
    late: bool = False
    bug: bool = False


MAGIC: dict[str, Behaviour] = {
    "delivered": Behaviour("accepted, then delivered", 0),
    "bounce": Behaviour("accepted, then bounced for good: the address is dead", 1, (HARD_BOUNCE,)),
    "softbounce": Behaviour("accepted, then bounced this time: the mailbox is full", 2, (SOFT_BOUNCE,)),
    "complain": Behaviour("delivered, then reported as spam", 3, (DELIVERED, COMPLAINED)),
    "opened": Behaviour("delivered, then opened", 4, (DELIVERED, OPENED)),
    "clicked": Behaviour("delivered, opened, then a link is clicked", 5, (DELIVERED, OPENED, CLICKED)),
    "read": Behaviour("delivered, then read", 6, (DELIVERED, READ)),
    "slow": Behaviour("accepted after some seconds (`slow_ms`), then delivered", 7, slow=True),
    "flaky": Behaviour(
        "the first attempt fails before anything is sent, the next is delivered",
        8,
        failure=Transient(Reason.CONNECTION, "sandbox: connection refused"),
        once=True,
    ),
    "throttled": Behaviour(
        "the first attempt is told to wait 2 seconds, the next is delivered",
        9,
        failure=Throttled(Reason.RATE, "sandbox: too many requests", retry_after=2.0),
        once=True,
    ),
    "ambiguous": Behaviour(
        "the connection breaks after the request was written, and nothing more is heard",
        10,
        (),
        Ambiguous(Reason.CONNECTION, "sandbox: the connection broke"),
    ),
    "lostanswer": Behaviour(
        "the connection breaks after the request was written, but the message is delivered",
        11,
        (DELIVERED,),
        Ambiguous(Reason.CONNECTION, "sandbox: the connection broke"),
    ),
    "timeout": Behaviour(
        "no answer in time", 12, (), Ambiguous(Reason.TIMEOUT, "sandbox: no answer in time"), late=True
    ),
    "misconfigured": Behaviour(
        "the credentials are refused, which pauses the account",
        13,
        (),
        Misconfigured(Reason.CREDENTIALS, "sandbox: the key was revoked"),
    ),
    "rejected": Behaviour(
        "refused at once: there is no such address",
        14,
        (),
        Permanent(Reason.INVALID_ADDRESS, "sandbox: no such address"),
    ),
    "crash": Behaviour("a bug in the adapter: it fails with an exception nobody expected", 15, (), bug=True),
}
_NUMBERS = {behaviour.number: word for word, behaviour in MAGIC.items()}
_WORD = re.compile(r"([A-Za-z]+)(?![A-Za-z.])")
_FICTITIOUS = re.compile(r"55501(\d\d)\Z")


def leading_word(address: str) -> str:
    """`bounce@…`, `bounce+42@…`, `bounce-42`, `bounce_42`, but not `bounce.smith@…`."""
    found = _WORD.match(address)
    return found[1].lower() if found else ""


def path_word(address: str) -> str:
    """`https://…/bounce`, `https://…/bounce-42?x=1`."""
    return leading_word(re.split(r"[?#]", address, maxsplit=1)[0].rstrip("/").rpartition("/")[2])


def number_word(address: str) -> str:
    """The last digits of a number that is reserved for fiction: `+1 202 555 0101` bounces."""
    found = _FICTITIOUS.search(address)
    return _NUMBERS.get(int(found[1]), "") if found else ""
