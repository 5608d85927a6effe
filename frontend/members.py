"""For which merchant, and in which mode, is a member looking?"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from techrar.core.mode import Mode
from techrar.merchants.models import Member
from techrar.merchants.scopes import BY_ROLE, Scope
from techrar.merchants.selectors import memberships

MODE_KEY = "mode"
MERCHANT_KEY = "merchant"


@dataclass(frozen=True, slots=True)
class Seat:
    """The member's place: every page asks for data of this merchant and mode only."""

    member: Member
    mode: Mode
    others: list[Member]

    @property
    def merchant_id(self) -> int:
        return self.member.merchant_id

    @property
    def scopes(self) -> frozenset[Scope]:
        return BY_ROLE[self.member.role]


def seat_of(request: HttpRequest, *, user_id: int) -> Seat | None:
    """The merchant and mode chosen in this session; `?merchant=` and `?mode=` change them, to the member's own only."""
    found = memberships(user_id=user_id)
    if not found:
        return None
    chosen = {member.merchant.slug: member for member in found}
    wanted = request.GET.get("merchant", "")
    if wanted in chosen:
        request.session[MERCHANT_KEY] = wanted
    member = chosen.get(request.session.get(MERCHANT_KEY, ""), found[0])
    mode = request.GET.get("mode", "")
    if mode in {known.value for known in Mode}:
        request.session[MODE_KEY] = mode
    return Seat(
        member=member,
        mode=Mode(request.session.get(MODE_KEY, Mode.TEST)),
        others=[other for other in found if other.id != member.id],
    )
