"""`manage.py brake`: who is stopped, how soon, and what becomes of what was on its way?"""

from __future__ import annotations

import asyncio
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from techrar.dispatch.relay import Relay
from techrar.ledger import brakes
from techrar.ledger.flows import Brake, strictest
from tests.factories import make_merchant
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

pytestmark = pytest.mark.django_db(transaction=True)


def brake(*words: str) -> str:
    said = StringIO()
    call_command("brake", *words, stdout=said)
    return said.getvalue().strip()


def test_it_says_what_is_stopped_and_lets_go_again(ledger: Ledger) -> None:
    merchant = make_merchant(slug="acme")
    assert brake() == ""
    assert brake("stop") == "installation stopped"
    assert brake("rate", "50", "--merchant", "acme") == f"installation stopped\nmerchant {merchant.id} 50/s"
    assert brake("release") == f"merchant {merchant.id} 50/s"
    assert brake("release", "--merchant", "acme") == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rate"], "give a number of 1 or more with `rate`"),
        (["stop", "5"], "give a number of 1 or more with `rate`"),
        (["stop", "--channel", "fax"], "there is no channel fax"),
        (["stop", "--merchant", "nobody"], "there is no merchant nobody"),
    ],
)
def test_a_wrong_word_gets_one_sentence(ledger: Ledger, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        brake(*words)


def test_the_lowest_rate_that_holds_wins() -> None:
    found = [Brake("installation", "", 100), Brake("merchant", "7", 10), Brake("channel", "sms", 0)]
    assert strictest(found, merchant_id=7, channel="email") == 10
    assert strictest(found, merchant_id=8, channel="email") == 100
    assert strictest(found, merchant_id=8, channel="sms") == 0
    assert strictest(found[1:], merchant_id=8, channel="email") is None


def test_nothing_of_a_braked_channel_is_reserved(ledger: Ledger) -> None:
    class Nobody:
        def publish(self, envelopes: object, *, deadline: float) -> set[object]:
            raise AssertionError("nothing may leave")

    ledger.accept(10)
    brakes.put(scope="channel", subject="email", rate=0, by="test")
    relay = Relay(ledger.connection, Nobody(), lanes=["email"], new_id=uuid7)
    assert relay.round() == 0
    assert ledger.states() == {"accepted": 10}


async def test_what_is_on_its_way_feels_a_brake_within_two_seconds(ledger: Ledger, dsn: str) -> None:
    """Reserved, claimed and waiting for a slot: none of it is called any more, and all of it goes on afterwards."""
    ledger.accept(50, address="slow@example.com")
    ledger.accept(400)
    vendor = Vendor()
    vendor.hold["slow@example.com"] = release = asyncio.Event()
    async with running(dsn, vendor):
        await until(lambda: len(vendor.calls) == 50 and ledger.states().get("sending", 0) == 450)
        ledger.connection.execute("INSERT INTO brake (scope) VALUES ('installation')")
        began = time.monotonic()
        await until(lambda: ledger.states() == {"sending": 50, "accepted": 400})
        assert time.monotonic() - began < 2
        release.set()
        await until(lambda: ledger.states() == {"sent": 50, "accepted": 400})
        ledger.connection.execute("DELETE FROM brake")
        await until(lambda: ledger.states() == {"sent": 450})
    ledger.assert_balanced()
