"""Which campaigns does a merchant have, and how far are they? Every question goes through the merchant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from techrar.campaigns import sql
from techrar.campaigns.models import Campaign, Run
from techrar.core.errors import NotFound, invalid
from techrar.core.ids import parse_id
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.ledger.states import PENDING, State


def campaign(*, merchant_id: int, mode: Mode, campaign_id: str) -> Campaign:
    identifier = parse_id(campaign_id)
    found = _of(merchant_id, mode).filter(id=identifier).first() if identifier else None
    if found is None:
        raise NotFound("There is no campaign with this id.")
    return found


def campaign_for_update(row: Campaign) -> Campaign:
    """Locked until the transaction ends."""
    found = Campaign.objects.select_for_update().filter(id=row.id).first()
    if found is None:
        raise NotFound("There is no campaign with this id.")
    return found


def page(*, merchant_id: int, mode: Mode, limit: int, after: str | None) -> tuple[list[Campaign], bool]:
    """Newest first; `after` is the id of the last one of the page before. Also says whether more follow."""
    found = _of(merchant_id, mode).order_by("-created_at", "-id")
    if after is not None:
        try:
            last = campaign(merchant_id=merchant_id, mode=mode, campaign_id=after)
        except NotFound:
            raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.") from None
        found = found.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.id))
    some = list(found[: limit + 1])
    return some[:limit], len(some) > limit


def last_run(row: Campaign) -> Run | None:
    return row.runs.order_by("-id").first()


def last_runs(campaigns: Sequence[Campaign]) -> dict[UUID, Run]:
    """By campaign, in one query."""
    return {run.campaign_id: run for run in Run.objects.filter(campaign__in=campaigns).order_by("id")}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, from its chunks and the tallies."""

    planned: int
    chunks: int
    chunks_left: int
    counts: list[Any]  #: variant, state, reason, n

    @property
    def states(self) -> dict[str, int]:
        return sums((word(c.state), c.n) for c in self.counts)

    @property
    def skipped(self) -> dict[str, int]:
        return sums((c.reason, c.n) for c in self.counts if c.state == State.SKIPPED)

    def of_variant(self, place: int) -> dict[str, int]:
        return sums((word(c.state), c.n) for c in self.counts if c.variant == place)


def progress(run: Run) -> Progress:
    figures = rows(sql.FIGURES, {"run": run.id})[0]
    counts = rows(sql.COUNTS, {"run": run.id})
    return Progress(figures.planned, figures.chunks, figures.chunks_left, counts)


def word(state: int) -> str:
    return "pending" if state == PENDING or State(state).pending else State(state).word


def sums(pairs: Any) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, n in pairs:
        sums[name] = sums.get(name, 0) + n
    return sums


def _of(merchant_id: int, mode: Mode) -> QuerySet[Campaign]:
    return Campaign.objects.filter(merchant_id=merchant_id, mode=mode.value)
