"""What may a key do, and what may a member do?"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from techrar.merchants.models import Role


class Scope(StrEnum):
    SEND = "send"  #: send, schedule, cancel, resend, templates of a send
    READ = "read"  #: look at notifications, timelines, templates, accounts
    AUDIENCE = "audience"  #: change recipients, preferences, suppressions
    CAMPAIGNS = "campaigns"  #: launch and steer campaigns
    ADMIN = "admin"  #: keys, provider accounts, settings; implies all the others


#: what a member's role lets them do in the pages; the words are the same as a key's
BY_ROLE: dict[str, frozenset[Scope]] = {
    Role.OWNER: frozenset(Scope),
    Role.MARKETER: frozenset({Scope.READ, Scope.SEND, Scope.AUDIENCE, Scope.CAMPAIGNS}),
    Role.DEVELOPER: frozenset({Scope.READ, Scope.SEND, Scope.ADMIN}),
    Role.VIEWER: frozenset({Scope.READ}),
}


def missing(held: frozenset[str], needed: Iterable[str]) -> list[str]:
    """The needed scopes that are not held."""
    return [] if Scope.ADMIN in held else [scope for scope in needed if scope not in held]
