"""Law 8: what only makes things quicker or visible may be lost; rows may not."""

from __future__ import annotations

import time

import pytest

from techrar.dispatch import wake
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


async def test_the_relay_looks_by_itself(ledger: Ledger, dsn: str) -> None:
    """Rows that come without any notification are found within a second."""
    vendor = Vendor()
    async with running(dsn, vendor):
        ledger.accept(1)
        await until(lambda: len(vendor.calls) == 1)
        began = time.monotonic()
        ledger.accept(1)
        await until(lambda: len(vendor.calls) == 2)
        assert time.monotonic() - began < 2
