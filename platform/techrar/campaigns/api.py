"""Which calls make, launch and steer campaigns, and tell how far they are?"""

from __future__ import annotations

from datetime import UTC, datetime

from ninja import Query, Router, Status

from providers.registry import channels
from techrar.api_schemas import Page, PageInfo, PageQuery
from techrar.campaigns import reconciliation, selectors, services
from techrar.campaigns.models import Campaign, Run
from techrar.campaigns.schemas import CampaignFields, CampaignOut, ProgressOut, ReconciliationOut
from techrar.core.errors import Conflict, invalid
from techrar.core.problems import request_id_of
from techrar.merchants.api import Call
from techrar.merchants.auth import require
from techrar.merchants.services import Actor

router = Router(tags=["campaigns"])


@router.post("", auth=require("campaigns"), response={201: CampaignOut}, operation_id="create_campaign")
def create_campaign(request: Call, payload: CampaignFields) -> Status[CampaignOut]:
    """A draft. Nothing is sent before it is launched."""
    campaign = services.create(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        fields=_fields(payload),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, CampaignOut.of(campaign, None))


@router.get("", auth=require("read"), response=Page[CampaignOut], operation_id="list_campaigns")
def list_campaigns(request: Call, page: Query[PageQuery]) -> Page[CampaignOut]:
    """Newest first."""
    rows, has_more = selectors.page(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, limit=page.limit, after=page.after
    )
    runs = selectors.last_runs(rows)
    after = str(rows[-1].id) if has_more else None
    return Page(
        entries=[CampaignOut.of(row, runs.get(row.id)) for row in rows],
        page_info=PageInfo(after=after, has_more=has_more),
    )


@router.get("/{campaign_id}", auth=require("read"), response=CampaignOut, operation_id="get_campaign")
def get_campaign(request: Call, campaign_id: str) -> CampaignOut:
    return _out(_find(request, campaign_id))


@router.put("/{campaign_id}", auth=require("campaigns"), response=CampaignOut, operation_id="edit_campaign")
def edit_campaign(request: Call, campaign_id: str, payload: CampaignFields) -> CampaignOut:
    """Only a draft can be edited."""
    found = _find(request, campaign_id)
    return _out(services.edit(found, fields=_fields(payload), actor=_actor(request), now=datetime.now(UTC)))


@router.delete("/{campaign_id}", auth=require("campaigns"), response={204: None}, operation_id="delete_campaign")
def delete_campaign(request: Call, campaign_id: str) -> Status[None]:
    """Only a draft can be deleted."""
    services.delete(_find(request, campaign_id), actor=_actor(request), now=datetime.now(UTC))
    return Status(204, None)


@router.post(
    "/{campaign_id}/launch", auth=require("campaigns"), response={202: CampaignOut}, operation_id="launch_campaign"
)
def launch_campaign(request: Call, campaign_id: str) -> Status[CampaignOut]:
    """Freezes who is written to and what is said, and begins."""
    campaign = _find(request, campaign_id)
    services.launch(campaign, actor=_actor(request), now=datetime.now(UTC))
    return Status(202, _out(_find(request, campaign_id)))


@router.post("/{campaign_id}/pause", auth=require("campaigns"), response=ProgressOut, operation_id="pause_campaign")
def pause_campaign(request: Call, campaign_id: str) -> ProgressOut:
    """Acts within two seconds; the answer says how many had already gone."""
    return _progress(services.pause(_find(request, campaign_id), actor=_actor(request), now=datetime.now(UTC)))


@router.post("/{campaign_id}/resume", auth=require("campaigns"), response=ProgressOut, operation_id="resume_campaign")
def resume_campaign(request: Call, campaign_id: str) -> ProgressOut:
    return _progress(services.resume(_find(request, campaign_id), actor=_actor(request), now=datetime.now(UTC)))


@router.post("/{campaign_id}/cancel", auth=require("campaigns"), response=ProgressOut, operation_id="cancel_campaign")
def cancel_campaign(request: Call, campaign_id: str) -> ProgressOut:
    """For good. Acts within two seconds; the answer says how many had already gone."""
    return _progress(services.cancel(_find(request, campaign_id), actor=_actor(request), now=datetime.now(UTC)))


@router.get("/{campaign_id}/progress", auth=require("read"), response=ProgressOut, operation_id="campaign_progress")
def campaign_progress(request: Call, campaign_id: str) -> ProgressOut:
    """From counters that are kept with the deliveries: cheap to ask, and never off."""
    return _progress(_find(request, campaign_id))


@router.get(
    "/{campaign_id}/reconciliation",
    auth=require("read"),
    response=ReconciliationOut,
    operation_id="campaign_reconciliation",
)
def campaign_reconciliation(request: Call, campaign_id: str) -> ReconciliationOut:
    """Planned = counted = recounted, by state. Counts every row, so it may take a while."""
    return reconciliation.of(_run(_find(request, campaign_id)))


def _find(request: Call, campaign_id: str) -> Campaign:
    return selectors.campaign(merchant_id=request.auth.merchant_id, mode=request.auth.mode, campaign_id=campaign_id)


def _run(campaign: Campaign) -> Run:
    run = selectors.last_run(campaign)
    if run is None:
        raise Conflict("The campaign was not launched yet.")
    return run


def _out(campaign: Campaign) -> CampaignOut:
    return CampaignOut.of(campaign, selectors.last_run(campaign))


def _progress(campaign: Campaign) -> ProgressOut:
    run = _run(campaign)
    return ProgressOut.of(campaign, run, selectors.progress(run))


def _fields(payload: CampaignFields) -> dict[str, object]:
    if payload.channel not in channels():
        raise invalid("channel", "unknown_channel", f"Must be one of {', '.join(channels())}.")
    return payload.stored()


def _actor(request: Call) -> Actor:
    return Actor(name=request.auth.actor, request_id=request_id_of(request))
