"""Law 7: only ids travel through the broker, and nothing personal is logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest
from uuid_utils.compat import uuid7

from providers.errors import Reason, Transient
from techrar.broker.envelope import Envelope, encode
from techrar.dispatch.relay import Relay
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

ADDRESS, NAME = "secretly.ann@example.com", "Ann"


def personal(text: str) -> list[str]:
    """What of a person can be read there?"""
    return [word for word in (ADDRESS, NAME, "@", "Hello") if word in text]


class Broker:
    """Takes everything and shows what it took."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        self.bodies += [encode(e) for e in envelopes]
        return {e.publish_id for e in envelopes}


def test_what_is_published_names_nobody(ledger: Ledger) -> None:
    ledger.accept(20, address=ADDRESS)
    broker = Broker()
    Relay(ledger.connection, broker, lanes=["email"], new_id=uuid7).round()
    assert len(broker.bodies) == 1
    for body in broker.bodies:
        assert personal(body.decode()) == []
        assert set(msgspec.json.decode(body)) == {"publish_id", "flow_id", "lane", "priority", "ids", "solo", "version"}


def test_the_check_notices_an_envelope_that_says_more() -> None:
    class Talkative(Envelope, frozen=True):
        to: str = ADDRESS

    body = encode(Talkative(uuid7(), 1, "email", 0, [uuid7()]))
    assert personal(body.decode()) == [ADDRESS, "@"]


async def test_what_goes_wrong_is_logged_without_a_name(
    ledger: Ledger, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ledger.accept(1, address=ADDRESS, category="marketing")
    ledger.accept(1, address=ADDRESS)

    def answer(message: object) -> object:
        if len(vendor.calls) == 1:
            raise RuntimeError(f"cannot send to {ADDRESS}")
        return Transient(Reason.CONNECTION, f"no route to {ADDRESS}").outcome(message)  # type: ignore[arg-type]

    vendor = Vendor()
    vendor.answer = answer
    async with running(dsn, vendor):
        await until(lambda: len(vendor.calls) == 2 and "sending" not in ledger.states())
    assert "bug in email.vendor" in caplog.text, "the bug itself is not hidden"
    assert ADDRESS not in caplog.text
