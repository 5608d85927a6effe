"""What does a scenario stand on: migrated servers, a merchant whose vendor is the sink, and an empty ledger?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg

from ops.bench import meter
from ops.local.home import ROOT
from ops.local.ports import LOOPBACK

BUILD = ROOT / "build" / "bench"
#: Emptied before each scenario.
TABLES = (
    *("delivery", "delivery_event", "notification", "tally", "envelope", "claim", "begun"),
    *("vendor_message", "dead_letter", "idempotency", "receipt", "chunk", "campaigns_run", "campaigns_campaign"),
)
SPRING = {
    "email": {
        "subject": "Your order {{ recipient.attributes.order }} is ready, {{ recipient.name }}",
        "html": "<p>Dear {{ recipient.name }},</p><p>order <b>{{ recipient.attributes.order }}</b>"
        " waits for you in {{ recipient.attributes.city }}.</p>",
        "text": "Dear {{ recipient.name }}, order {{ recipient.attributes.order }}"
        " waits for you in {{ recipient.attributes.city }}.",
    }
}
CONTENT = {
    "email": {
        "subject": "Your order {{ order }} is ready, {{ name }}",
        "html": "<p>Dear {{ name }},</p><p>order <b>{{ order }}</b> waits for you in {{ city }}.</p>",
        "text": "Dear {{ name }}, order {{ order }} waits for you in {{ city }}.",
    }
}


class SinkProcess:
    """The sink, and the commands it understands."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "ops.bench.sink", str(log)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = f"http://{LOOPBACK}:{int(self.process.stdout.readline())}"

    def tell(self, path: str) -> int:
        """Answers how many ids it has seen."""
        method = "GET" if path == "/seen" else "POST"
        with urlopen(Request(self.url + path, method=method), timeout=10) as answer:  # noqa: S310 our own
            import orjson

            return int(orjson.loads(answer.read())["seen"])

    def behave(self, **manners: float) -> None:
        self.tell("/set?" + "&".join(f"{name}={value}" for name, value in manners.items()))

    @property
    def seen(self) -> int:
        return self.tell("/seen")


class World:
    def __init__(self, sink: SinkProcess, dsn: str) -> None:
        self.sink = sink
        self.dsn = dsn
        self.connection: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        self.servers = {**meter.servers(), "sink": sink.process.pid}

    def clear(self) -> None:
        """An empty ledger, and a sink that has seen nothing and answers at once."""
        self.connection.execute(f"TRUNCATE {', '.join(TABLES)}")
        self.sink.behave()
        self.sink.tell("/forget")

    def merchant(self, slug: str, provider: str, **account: Any) -> Merchant:
        return Merchant(slug, provider, self.sink.url, account)


class Merchant:
    """One merchant in live mode, with a template and one account at the sink."""

    def __init__(self, slug: str, provider: str, url: str, account: Mapping[str, Any]) -> None:
        from techrar.core.mode import Mode
        from techrar.merchants import models, services
        from techrar.merchants.scopes import Scope
        from techrar.merchants.services import Actor
        from techrar.routing.models import ProviderAccount
        from techrar.routing.services import create_account
        from techrar.templating.models import Template
        from techrar.templating.services import create_template

        now, actor = datetime.now(UTC), Actor("system:bench")
        self.row, _ = models.Merchant.objects.get_or_create(slug=slug, defaults={"name": slug})
        # What is measured is how much can be done, not how much is refused.
        self.row.settings = {"rate_limits": {"key": 10_000_000, "merchant": 10_000_000}}
        self.row.save(update_fields=["settings"])
        self.id = int(self.row.id)
        where: dict[str, Any] = {"merchant_id": self.id, "mode": Mode.LIVE}
        ProviderAccount.objects.filter(merchant_id=self.id).delete()
        create_account(
            **where,
            channel="email",
            provider=provider,
            name="sink",
            config={"url": url},
            actor=actor,
            now=now,
            **account,
        )
        Template.objects.filter(merchant_id=self.id).delete()
        for name, content in (("order", CONTENT), ("spring", SPRING)):
            create_template(**where, key=name, content=content, actor=actor, now=now, category="marketing")
        key = services.create_key(**where, name="bench", scopes=list(Scope), actor=actor, now=now)
        self.key = key.text


@contextmanager
def open_world() -> Iterator[World]:
    BUILD.mkdir(parents=True, exist_ok=True)
    for words in (("migrate", "--noinput", "--verbosity=0"), ("topology",)):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    from ops.bench import provider  # registers the bench's vendors in this process, too

    assert provider.SinkOne.key
    sink = SinkProcess(BUILD / "sink.log")
    world = World(sink, os.environ["DATABASE_URL"])
    try:
        yield world
    finally:
        world.connection.close()
        sink.process.terminate()
        sink.process.wait(10)
