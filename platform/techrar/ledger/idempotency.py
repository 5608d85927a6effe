"""Has this request been served before?

A key's row is inserted in the transaction of whatever the request does: both are committed or neither is. Whoever comes
second with a key waits at the unique index for the first one's commit, two seconds at most, then inserts nothing and
gets the first one's answer. Only successes are kept: a refused request has changed nothing and may use its key again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import orjson
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from psycopg.errors import LockNotAvailable

from techrar.core.errors import Conflict, IdempotencyInFlight, IdempotencyMismatch, invalid
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.merchants.auth import Principal

HEADER = "Idempotency-Key"
MOST_CHARACTERS = 255
WAIT = "2s"
_KEY = re.compile(rf"[\x20-\x7e]{{1,{MOST_CHARACTERS}}}")
View = TypeVar("View", bound=Callable[..., Any])

#: Inserts nothing without a key, and nothing when the key is taken. The time-out is set for this
#: transaction, and before the insert waits.
CLAIM = f"""
INSERT INTO idempotency (merchant_id, mode, endpoint, key, fingerprint, status, answer)
SELECT %(merchant)s, %(mode)s, %(endpoint)s::text, %(key)s::text, %(fingerprint)s::bytea, 202, %(answer)s::bytea
WHERE %(key)s::text IS NOT NULL AND set_config('lock_timeout', '{WAIT}', true) IS NOT NULL
ON CONFLICT DO NOTHING RETURNING 1
"""

_STORED = """
SELECT fingerprint, status, answer FROM idempotency
WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND endpoint = %(endpoint)s AND key = %(key)s
"""

_KEEP = """
UPDATE idempotency SET status = %(status)s, answer = %(answer)s
WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND endpoint = %(endpoint)s AND key = %(key)s
"""


class SecretShown(Conflict):
    code, title = "secret_not_shown_again", "The secret was in the first answer and is kept nowhere"


@dataclass(frozen=True, slots=True)
class Guard:
    """The caller's key, and what it was used with."""

    merchant_id: int
    mode: Mode
    endpoint: str
    key: str
    fingerprint: bytes

    def values(self, answer: bytes = b"") -> dict[str, Any]:
        """As the statements name them."""
        return {
            "merchant": self.merchant_id,
            "mode": self.mode.code,
            "endpoint": self.endpoint,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "answer": answer,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    replayed: bool = False
    secret_of: str = ""  #: the id of what this answer shows a secret of; such an answer is not kept

    def response(self) -> HttpResponse:
        response = HttpResponse(self.body, status=self.status, content_type="application/json")
        if self.replayed:
            response["Idempotency-Replayed"] = "true"
        return response


def guards_itself(view: View) -> View:
    """Marks a view that claims its key in its own statement; every other POST that changes something is wrapped."""
    view.guards_itself = True  # type: ignore[attr-defined]
    return view


def guard_of(request: HttpRequest, endpoint: str) -> Guard | None:
    """What the caller asks to happen once, or None when they do not ask for that."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid(HEADER, "invalid", f"Must be 1 to {MOST_CHARACTERS} visible ASCII characters, such as a UUID.")
    caller: Principal = request.auth  # type: ignore[attr-defined]  # ninja's, after it let them in
    return Guard(caller.merchant_id, caller.mode, endpoint, key, fingerprint(request.path, request.body))


def fingerprint(path: str, body: bytes) -> bytes:
    """The path, because it may name an object. Two bodies that mean the same JSON are the same request."""
    with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):  # no body, or none that is read
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    return sha256(path.encode() + b"\n" + body).digest()


def once(guard: Guard | None, act: Callable[[], Answer]) -> Answer:
    """Act and keep the answer, in one transaction; or the kept answer of the first request with this key."""
    if guard is None:
        return act()
    with transaction.atomic():
        with bounded_wait(), connection.cursor() as cursor:
            cursor.execute(CLAIM, guard.values())
            claimed = cursor.fetchone() is not None
        if not claimed:
            return first_answer(guard)
        answer = act()
        with connection.cursor() as cursor:
            kept = answer.secret_of.encode() if answer.secret_of else answer.body
            status = SecretShown.status if answer.secret_of else answer.status
            cursor.execute(_KEEP, {**guard.values(kept), "status": status})
    return answer


def find(guard: Guard | None) -> Answer | None:
    """The kept answer to this request, or None; another request with the same key is refused."""
    stored = rows(_STORED, guard.values()) if guard else None
    if not guard or not stored:
        return None
    if stored[0].fingerprint != guard.fingerprint:
        raise IdempotencyMismatch(
            f"This {HEADER} came with a different request before; use a new one for a new request."
        )
    answer = Answer(stored[0].status, bytes(stored[0].answer), replayed=True)
    if answer.status == SecretShown.status:
        raise _secret_shown(answer.body.decode())
    return answer


def first_answer(guard: Guard) -> Answer:
    """For who found the key taken."""
    found = find(guard)
    if found is None:  # swept between the two statements: 72 hours old to the second
        raise _in_flight()
    return found


@contextmanager
def bounded_wait() -> Iterator[None]:
    """Around the statement that claims."""
    try:
        yield
    except OperationalError as error:
        cause = error.__cause__
        if isinstance(cause, LockNotAvailable) and "idempotency" in (cause.diag.context or ""):
            raise _in_flight() from None
        raise


def _in_flight() -> IdempotencyInFlight:
    return IdempotencyInFlight(f"The first request with this {HEADER} has not ended yet; ask again.", retry_after=1)


def _secret_shown(identifier: str) -> SecretShown:
    return SecretShown(
        f"The first request with this {HEADER} was served and made {identifier}. If its answer is lost, revoke"
        f" {identifier} and send the request again with a new {HEADER}."
    )
