"""What goes in and out of the calls about provider accounts? Credentials go in and never come out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt, StringConstraints

from techrar.api_schemas import Answer, Body, ShortName
from techrar.core.mode import Mode
from techrar.routing.health import State
from techrar.routing.models import ProviderAccount
from techrar.routing.shared import Report

MOST = 2**31 - 1


def _once(values: list[str]) -> list[str]:
    return sorted(set(values))


Prefix = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
Prefixes = Annotated[list[Prefix], Field(max_length=300), AfterValidator(_once)]
Position = Annotated[StrictInt, Field(ge=0, le=MOST, description="Its place in the order: lower ones are preferred.")]
Weight = Annotated[StrictInt, Field(ge=1, le=10_000, description="Its part of the traffic among equals.")]
AtOnce = Annotated[StrictInt | None, Field(ge=1, le=10_000, description="Calls in flight per process.")]
Rate = Annotated[
    StrictInt | None, Field(ge=1, le=1_000_000, description="Messages a second, of all processes together.")
]
Price = Annotated[
    int, Field(ge=0, le=2**53, description="What a message costs, in millionths, to compare accounts by.")
]


class CreateProvider(Body):
    channel: str = Field(max_length=24)
    provider: str = Field(max_length=40, description="Key of the adapter; docs/providers lists them.")
    name: ShortName
    config: dict[str, Any] = Field(description="The provider's own fields, with credentials. They cannot be read back.")
    position: Position = 0
    weight: Weight = 1
    concurrency: AtOnce = None
    rate_limit: Rate = None
    price_micros: Price = 0
    prefixes: Prefixes = Field(default=[], description="Serves only addresses that begin so, such as +966.")


class ChangeProvider(Body):
    """What is left out stays; `null` takes a limit away."""

    name: ShortName | None = None
    config: dict[str, Any] | None = Field(None, description="Takes the place of the old one, whole.")
    position: Position | None = None
    weight: Weight | None = None
    concurrency: AtOnce = None
    rate_limit: Rate = None
    price_micros: Price | None = None
    prefixes: Prefixes | None = None
    enabled: bool | None = None


class PauseProvider(Body):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = "paused by hand"


class TestProvider(Body):
    __test__ = False  # pytest would take it for a test

    to: str | None = Field(None, max_length=2_000, description="An address of the channel. Sandboxes do without.")


class ProviderAnswer(Answer):
    id: str
    channel: str
    provider: str
    name: str
    mode: Mode
    sandbox: bool = Field(description="Never reaches a real person.")
    position: int
    weight: int
    concurrency: int | None
    rate_limit: int | None
    price_micros: int
    prefixes: list[str]
    enabled: bool
    paused_reason: str = Field(description="Why nothing is sent through it; empty when it works.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: ProviderAccount) -> ProviderAnswer:
        given = {name: getattr(row, name) for name in cls.model_fields if name not in ("id", "mode", "prefixes")}
        return cls(id=str(row.id), mode=Mode(row.mode), prefixes=row.prefixes.split(), **given)


class ProcessHealth(Answer):
    process: str
    state: State
    reliability: float = Field(description="Share of its recent messages that did not fail at the vendor.")
    rests_until: datetime | None = Field(description="When it is tried again.")


class HealthAnswer(Answer):
    known: bool = Field(description="False while what the processes know cannot be read.")
    paused_reason: str
    processes: list[ProcessHealth] = Field(description="Those that sent through it in the last seconds.")

    @classmethod
    def of(cls, row: ProviderAccount, reports: dict[str, Report] | None) -> HealthAnswer:
        processes = [
            ProcessHealth(
                process=name,
                state=report.state,
                reliability=report.reliability,
                rests_until=_when(report),
            )
            for name, report in sorted((reports or {}).items())
        ]
        return cls(known=reports is not None, paused_reason=row.paused_reason, processes=processes)


def _when(report: Report) -> datetime | None:
    resting = report.tripped if report.state in (State.OPEN, State.SLOW) else None
    return datetime.fromtimestamp(resting.until, UTC) if resting else None


class ExchangeAnswer(Answer):
    outcome: str = Field(description="What a delivery would have come to.")
    reason: str
    vendor_id: str
    latency_ms: int
    cost_micros: int
    currency: str
    exchange: dict[str, Any] = Field(description="Request and answer, without secrets and addresses.")
