"""A merchant with recipients and a template, and campaigns of theirs: made as the API makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import connection
from psycopg import Connection

from consumers.engine.database import Database
from consumers.engine.work import Account
from consumers.handlers.deliver import Desk
from providers.http import Network
from techrar.audience import services as audience
from techrar.campaigns import services
from techrar.campaigns.models import Campaign, Run
from techrar.campaigns.runner import Runner
from techrar.core.mode import Mode
from techrar.merchants.models import Merchant
from techrar.merchants.services import Actor
from techrar.routing.selectors import key_ring
from techrar.templating import services as templates
from techrar.tracking.links import Links
from tests.factories import make_merchant
from tests.support.engine import ACCOUNT, OneWay, Vendor

T = TypeVar("T")
ACTOR = Actor("system:test")
LINKS = Links("http://127.0.0.1:9", "a secret of tests")
CONTENT = {"email": {"subject": "Hello {{ recipient.name }}", "text": "{{ offer }} in {{ recipient.attributes.city }}"}}

#: As many recipients as asked, alike but for their number.
FILL = """
INSERT INTO recipient (merchant_id, mode, external_id, email, name, country, attributes)
SELECT %(merchant)s, 0, 'cust_' || n, CASE WHEN n %% %(gap)s <> 0 THEN 'person' || n || '@example.com' END,
  'Person ' || n, CASE n %% 2 WHEN 0 THEN 'DE' ELSE 'AT' END, jsonb_build_object('city', 'Town ' || n, 'n', n)
FROM generate_series(1, %(count)s) AS n
"""


class VendorsDesk(Desk):
    """The desk of production, with the vendor under test instead of an account."""

    def __init__(self, database: Database, vendor: Vendor) -> None:
        super().__init__(database, keys=key_ring(), net=Network(allow_private=True), links=LINKS)
        self.routes: Any = OneWay()
        self.only = Account(ACCOUNT, vendor, "vendor", "http://127.0.0.1:9/hooks/x/y", vendor.capabilities.concurrency)

    async def account(self, row: Any) -> Account | None:
        return self.only


async def in_thread(act: Callable[[], T]) -> T:
    """For what asks Django inside of an async test: its session with the database goes back at once."""

    def acting() -> T:
        try:
            return act()
        finally:
            connection.close()

    return await asyncio.to_thread(acting)


@dataclass
class House:
    """Everything of one merchant that a campaign needs."""

    connection: Connection[Any]  #: what a dispatcher has: in autocommit
    merchant: Merchant = field(default_factory=make_merchant)

    def fill(self, count: int, *, gap: int = 1_000_000) -> None:
        """Every `gap`-th recipient has no address."""
        self.connection.execute(FILL, {"merchant": self.merchant.id, "count": count, "gap": gap})

    def suppress(self, *numbers: int) -> None:
        addresses = [("email", f"person{n}@example.com", "manual") for n in numbers]
        audience.suppress(merchant_id=self.merchant.id, mode=Mode.TEST, addresses=addresses)

    def template(self, key: str = "spring", content: Any = None, *, category: str = "marketing") -> None:
        templates.create_template(
            merchant_id=self.merchant.id,
            mode=Mode.TEST,
            key=key,
            content=content or CONTENT,
            category=category,
            actor=ACTOR,
            now=datetime.now(UTC),
        )

    def draft(self, variants: Sequence[dict[str, Any]] = ({},), **fields: Any) -> Campaign:
        wanted = {
            "name": "Spring",
            "channel": "email",
            "variants": [{"name": "A", "template": "spring", "weight": 1, **v} for v in variants],
            "data": {"offer": "Flowers"},
            **fields,
        }
        return services.create(
            merchant_id=self.merchant.id, mode=Mode.TEST, fields=wanted, actor=ACTOR, now=datetime.now(UTC)
        )

    def launch(self, campaign: Campaign) -> Run:
        return services.launch(campaign, actor=ACTOR, now=datetime.now(UTC))

    def expand(self) -> int:
        """All that there is to expand now; answers how many deliveries were written."""
        runner, written = Runner(self.connection), 0
        while done := runner.expansion.one():
            written += done.planned
        return written

    def now(self, campaign: Campaign) -> Campaign:
        return Campaign.objects.get(id=campaign.id)

    def look(self) -> None:
        """What a dispatcher does about runs that may be over."""
        finisher = Runner(self.connection).finisher
        while finisher.look():
            pass
