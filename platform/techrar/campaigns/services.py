"""Launch, pause, resume, cancel, finish: what may happen to a campaign, and in which order?

Whoever changes a campaign locks it first, then its run, then its flow. A pause or a cancel waits for the chunks that
are just being written, so that after it is answered nothing more of the run is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from segmentation.tree import parse
from techrar.audience import selectors as audience
from techrar.campaigns import selectors, sql
from techrar.campaigns.freezing import freeze
from techrar.campaigns.models import Campaign, CampaignState, Run
from techrar.core.errors import Conflict
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.dispatch import wake
from techrar.ledger import flows
from techrar.ledger.flow_ids import run_flow, set_flow
from techrar.merchants import audit
from techrar.merchants.services import Actor

CHUNK = 10_000
FINAL = (CampaignState.COMPLETED, CampaignState.CANCELLED)


def create(
    *,
    merchant_id: int,
    mode: Mode,
    fields: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    new_id: Callable[[], UUID] = uuid7,
) -> Campaign:
    parse(fields.get("segment"))
    with transaction.atomic():
        campaign = Campaign.objects.create(
            id=new_id(), merchant_id=merchant_id, mode=mode.value, created_at=now, updated_at=now, **fields
        )
        _audit(campaign, "created", actor, now)
    return campaign


def edit(campaign: Campaign, *, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Campaign:
    """Only a draft: what was launched says for ever what was sent."""
    parse(fields.get("segment"))
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.DRAFT, to="edited")
        for name, value in fields.items():
            setattr(campaign, name, value)
        campaign.updated_at = now
        campaign.save()
        _audit(campaign, "edited", actor, now)
    return campaign


def delete(campaign: Campaign, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.DRAFT, to="deleted")
        _audit(campaign, "deleted", actor, now)
        campaign.delete()


def launch(campaign: Campaign, *, actor: Actor, now: datetime) -> Run:
    """Freeze the audience and all that will be said; the dispatchers write the deliveries."""
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.DRAFT, to="launched")
        frozen = freeze(campaign)
        mode = Mode(campaign.mode)
        highest = audience.highest_id(merchant_id=campaign.merchant_id, mode=mode)
        ms = rows(sql.NEXT_MS, {})[0].ms
        run = Run(
            campaign=campaign,
            merchant_id=campaign.merchant_id,
            mode=campaign.mode,
            ms=ms,
            as_of=datetime.fromtimestamp(ms / 1000, tz=UTC),
            segment=campaign.segment,
            highest_recipient_id=highest,
            flow_id=0,
            channel=campaign.channel,
            category=frozen.category,
            priority=int(frozen.priority),
            variants=frozen.variants,
            locale=campaign.locale,
            sender=frozen.sender,
            data=campaign.data,
        )
        run.save()
        run.flow_id = run_flow(
            campaign.merchant_id, mode, run.channel, run.priority, run=run.id, throttle=campaign.throttle
        )
        run.save(update_fields=["flow_id"])
        who = {"merchant": campaign.merchant_id, "mode": mode.code, "highest": highest}
        rows(sql.CUT, {**who, "run": run.id, "size": CHUNK})
        _become(campaign, CampaignState.RUNNING, now)
        _audit(campaign, "launched", actor, now, {"run": run.id})
    return run


def pause(campaign: Campaign, *, actor: Actor, now: datetime) -> Campaign:
    """Nothing more is written or handed out; what a consumer holds already may still go."""
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.RUNNING, to="paused")
        _steer(campaign, CampaignState.PAUSED, flows.FlowState.PAUSED, now)
        _audit(campaign, "paused", actor, now)
    return campaign


def resume(campaign: Campaign, *, actor: Actor, now: datetime) -> Campaign:
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.PAUSED, to="resumed")
        campaign.trouble = ""
        run = _steer(campaign, CampaignState.RUNNING, flows.FlowState.ACTIVE, now)
        _audit(campaign, "resumed", actor, now)
        transaction.on_commit(partial(wake.poke, [run.flow_id]))
    return campaign


def cancel(campaign: Campaign, *, actor: Actor, now: datetime) -> Campaign:
    """For good. Who was not written to yet is not; what waits in the line is cancelled by the dispatchers."""
    with transaction.atomic():
        campaign = _locked(campaign, CampaignState.RUNNING, CampaignState.PAUSED, to="cancelled")
        run = _steer(campaign, CampaignState.CANCELLED, flows.FlowState.CANCELLED, now)
        rows(sql.DROP_CHUNKS, {"run": run.id})
        _audit(campaign, "cancelled", actor, now)
    return campaign


def _locked(campaign: Campaign, *states: str, to: str) -> Campaign:
    """The campaign as it is now, locked until the transaction ends; `Conflict` in any other state."""
    found = selectors.campaign_for_update(campaign)
    if found.state not in states:
        raise Conflict(f"The campaign is {found.state}; only one that is {' or '.join(states)} can be {to}.")
    return found


def _steer(campaign: Campaign, state: str, flow: flows.FlowState, now: datetime) -> Run:
    run = campaign.runs.latest("id")
    rows(sql.STEER, {"run": run.id})
    run.state = state
    run.save(update_fields=["state"])
    set_flow(run.flow_id, flow)
    _become(campaign, state, now)
    return run


def _become(campaign: Campaign, state: str, now: datetime) -> None:
    campaign.state = state
    campaign.updated_at = now
    campaign.save(update_fields=["state", "trouble", "updated_at"])


def _audit(campaign: Campaign, verb: str, actor: Actor, now: datetime, details: dict[str, Any] | None = None) -> None:
    audit.record(
        merchant_id=campaign.merchant_id,
        mode=Mode(campaign.mode),
        actor=actor.name,
        action=f"campaign.{verb}",
        object_id=campaign.id,
        now=now,
        request_id=actor.request_id,
        details={"name": campaign.name, **(details or {})},
    )
