"""Who is at the other end of a socket, and until when?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.http import HttpRequest
from django.utils.module_loading import import_string

from techrar.core.errors import Forbidden
from techrar.core.mode import Mode
from techrar.merchants import auth, tokens
from techrar.merchants.scopes import Scope, missing
from techrar.merchants.selectors import memberships

#: Sockets of one member, or of one key's tokens, in one process.
MOST_SOCKETS = 50


@dataclass(frozen=True, slots=True)
class Visitor:
    name: str  #: whose sockets are counted together
    merchants: tuple[int, ...]
    modes: tuple[str, ...]
    until: datetime | None = None  #: a session is over when its row is


def by_session(cookie: str) -> Visitor | None:
    """The signed-in member as the session says now; None when it is over, or the member is nobody's."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request = HttpRequest()
    request.session = store(cookie)
    if SESSION_KEY not in request.session:
        return None
    user = get_user(request)
    merchants = tuple(m.merchant_id for m in memberships(user_id=user.pk)) if user.is_authenticated else ()
    return Visitor(f"user:{user.pk}", merchants, tuple(Mode)) if merchants else None


def by_token(token: str) -> Visitor:
    """Raises when the token is over, was never ours, or may not read."""
    principal = auth.by_token(token, now=datetime.now(UTC))
    if missing(principal.scopes, [Scope.READ]):
        raise Forbidden("Looking at a campaign needs the scope `read`.")
    until = tokens.read(token).expires_at
    return Visitor(f"key:{principal.key_id}", (principal.merchant_id,), (principal.mode,), until)


_open: Counter[str] = Counter()


@contextmanager
def seat_for(visitor: Visitor) -> Iterator[bool]:
    """Whether there is room for one more of theirs."""
    _open[visitor.name] += 1
    try:
        yield _open[visitor.name] <= MOST_SOCKETS
    finally:
        _open[visitor.name] -= 1
        if not _open[visitor.name]:
            del _open[visitor.name]
