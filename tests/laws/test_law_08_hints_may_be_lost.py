"""Law 8: what only makes things quicker or visible may be lost; rows may not."""

from __future__ import annotations

import contextlib
import time

import pytest

from techrar.dispatch import wake
from techrar.dispatch.relay import Relay
from tests.factories import Person
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

CONTENT = {"email": {"subject": "Hello", "text": "It works."}}


@pytest.mark.django_db(transaction=True)
def test_a_send_does_not_need_its_hint(alice: Person, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake.Waker, "_run", lambda self: None)
    monkeypatch.setattr(wake, "_waker", None)
    assert alice.post("/v1/notifications", {"to": {"email": "a@example.com"}, "content": CONTENT}).status_code == 202
    assert ledger.states() == {"accepted": 1}


async def seconds_without_any_hint(ledger: Ledger, dsn: str) -> float:
    """How long rows wait of which nobody was told."""
    vendor = Vendor()
    async with running(dsn, vendor):
        ledger.accept(1)
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(vendor.calls) == 1, 3)
        return time.monotonic() - began


async def test_the_relay_looks_by_itself(ledger: Ledger, dsn: str) -> None:
    assert await seconds_without_any_hint(ledger, dsn) < 2


async def test_the_check_notices_a_relay_that_relies_on_hints(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relay, "_discover", lambda self, now: None)
    assert await seconds_without_any_hint(ledger, dsn) >= 3
