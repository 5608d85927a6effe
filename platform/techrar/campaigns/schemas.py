"""What goes in and out of the calls about campaigns?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, StrictInt

from providers.registry import channels
from segmentation.describe import describe
from segmentation.registry import rules
from segmentation.tree import parse
from techrar.api_schemas import Answer, Body, ShortName
from techrar.campaigns.models import Campaign, Run
from techrar.campaigns.selectors import Progress
from techrar.policy.categories import CATEGORIES
from techrar.policy.priority import Priority

MOST_VARIANTS = 8


class VariantIn(Body):
    name: ShortName | None = Field(None, description="Without it: A, B, C, …")
    template: str = Field(max_length=64, description="Key of a published template.")
    template_version: StrictInt | None = Field(
        None, ge=1, le=2**31 - 1, description="Without it: the one published then."
    )
    weight: StrictInt = Field(1, ge=0, le=10_000, description="Its part of all weights is its part of the recipients.")


class CampaignFields(Body):
    name: ShortName
    channel: str = Field(max_length=24, json_schema_extra={"enum": list(channels())})
    variants: list[VariantIn] = Field(min_length=1, max_length=MOST_VARIANTS, description="One, or an A/B test.")
    segment: dict[str, Any] | None = Field(
        None,
        description=f"Who: `all`, `any`, `none` over rules ({', '.join(rules())}). Without it: every recipient.",
        examples=[{"all": [{"rule": "country", "one_of": ["DE"]}]}],
    )
    locale: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z0-9_-]*$", description="Of who has none.")
    category: str | None = Field(
        None, description="Without it: the template's.", json_schema_extra={"enum": list(CATEGORIES)}
    )
    sender: str | None = Field(None, alias="from", max_length=100, description="Key of a sender; else the default one.")
    data: dict[str, Any] | None = Field(None, description="Variables that are the same for everybody.")
    throttle: StrictInt = Field(
        0, ge=0, le=1_000_000, description="Messages per second at most; 0 is as fast as it goes."
    )

    def stored(self) -> dict[str, Any]:
        """As the model keeps it."""
        variants = [
            {**v.model_dump(exclude_none=True), "name": v.name or chr(ord("A") + place)}
            for place, v in enumerate(self.variants)
        ]
        words = {name: getattr(self, name) or "" for name in ("locale", "category", "sender")}
        given = {"name": self.name, "channel": self.channel, "segment": self.segment, "throttle": self.throttle}
        return {**given, **words, "variants": variants, "data": self.data or {}}


class VariantOut(Answer):
    name: str
    template: str
    template_version: int | None
    weight: int


class RunOut(Answer):
    id: str
    launched_at: datetime
    finished_at: datetime | None
    category: str
    priority: str
    variants: list[VariantOut] = Field(description="With the versions that were frozen.")

    @classmethod
    def of(cls, run: Run) -> RunOut:
        return cls(
            id=str(run.id),
            launched_at=run.as_of,
            finished_at=run.finished_at,
            category=run.category,
            priority=Priority(run.priority).word,
            variants=[VariantOut(**_variant(v), template_version=v["version"]) for v in run.variants],
        )


class CampaignOut(Answer):
    id: str
    name: str
    status: str = Field(description="draft, running, paused, completed or cancelled.")
    trouble: str = Field(description="Why the service paused it by itself; else empty.")
    channel: str
    segment: dict[str, Any] | None
    audience: str = Field(description="The segment as a sentence.")
    variants: list[VariantOut]
    locale: str
    category: str
    sender: str = Field(serialization_alias="from")
    data: dict[str, Any]
    throttle: int
    created_at: datetime
    updated_at: datetime
    run: RunOut | None = Field(description="What the launch froze; null for a draft.")

    @classmethod
    def of(cls, row: Campaign, run: Run | None) -> CampaignOut:
        plain = ("name", "trouble", "channel", "segment", "locale", "category", "sender", "data", "throttle")
        return cls(
            **{name: getattr(row, name) for name in (*plain, "created_at", "updated_at")},
            id=str(row.id),
            status=row.state,
            audience=describe(parse(row.segment)),
            variants=[VariantOut(**_variant(v), template_version=v.get("template_version")) for v in row.variants],
            run=RunOut.of(run) if run else None,
        )


class VariantProgress(Answer):
    name: str
    states: dict[str, int]


class ProgressOut(Answer):
    status: str
    trouble: str
    planned: int = Field(description="Deliveries that exist so far.")
    expanded: float = Field(description="Part of the audience that was looked at, 0 to 1.")
    states: dict[str, int] = Field(description="Deliveries by state; what is not finished is `pending`.")
    skipped: dict[str, int] = Field(description="Skipped ones by reason.")
    variants: list[VariantProgress]

    @classmethod
    def of(cls, campaign: Campaign, run: Run, now: Progress) -> ProgressOut:
        return cls(
            status=campaign.state,
            trouble=campaign.trouble,
            planned=now.planned,
            expanded=1.0 - now.chunks_left / now.chunks if now.chunks else 1.0,
            states=now.states,
            skipped=now.skipped,
            variants=[
                VariantProgress(name=v["name"], states=now.of_variant(place)) for place, v in enumerate(run.variants)
            ],
        )


class ReconciliationOut(Answer):
    """The law of conservation, with its numbers."""

    balanced: bool
    expanded: bool = Field(description="Whether the whole audience was looked at.")
    planned: int = Field(description="What the chunks of the audience promised.")
    counted: dict[str, int] = Field(description="What the counters say, by state.")
    recounted: dict[str, int] = Field(description="The rows themselves, counted now.")
    skipped: dict[str, int] = Field(description="Skipped ones by reason.")
    sentence: str


def _variant(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in ("name", "template", "weight")}
