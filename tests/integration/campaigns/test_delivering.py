"""What a campaign's recipients get: their own words, or an honest reason why nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from techrar.audience import services as audience
from techrar.core.mode import Mode
from techrar.ledger.states import State
from techrar.templating import services as templates
from tests.support.campaigns import ACTOR, CONTENT, LINKS, House, VendorsDesk
from tests.support.engine import Vendor, ledger_source, running, until
from tests.support.ledger import Ledger


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


async def deliver(dsn: str, ledger: Ledger, vendor: Vendor) -> None:
    """Until nothing is pending."""
    async with running(dsn, vendor, desk=VendorsDesk):
        await until(lambda: "pending" not in ledger.tally())


@pytest.fixture
def one(house: House) -> House:
    """A merchant with three recipients and a template."""
    house.fill(3)
    house.template()
    return house


def launch(house: House, **fields: object) -> None:
    house.launch(house.draft(**fields))  # type: ignore[arg-type]
    house.expand()


@pytest.fixture
def launched(one: House) -> House:
    launch(one)
    return one


async def test_everybody_reads_their_own_message(launched: House, ledger: Ledger, dsn: str, vendor: Vendor) -> None:
    await deliver(dsn, ledger, vendor)
    assert {m.address: (m.content["subject"], m.content["text"], m.category) for m in vendor.calls} == {
        f"person{n}@example.com": (f"Hello Person {n}", f"Flowers in Town {n}", "marketing") for n in (1, 2, 3)
    }
    assert ledger.tally() == {"sent": 3}
    ledger.assert_balanced()


@pytest.fixture
def with_a_link(house: House) -> House:
    """Launched, for one recipient."""
    house.fill(1)
    link = '<a href="https://shop.example.com/">{{ offer }}</a>'
    house.template(content={"email": {"subject": "Hello", "html": link}})
    launch(house)
    return house


@pytest.mark.usefixtures("with_a_link")
async def test_a_campaigns_links_lead_past_us_and_it_can_be_unsubscribed_from(
    ledger: Ledger, dsn: str, vendor: Vendor
) -> None:
    await deliver(dsn, ledger, vendor)
    (message,) = vendor.calls
    links = LINKS.of(ledger.row(message.delivery_id))
    assert links.click(1, "https://shop.example.com/") in message.content["html"]
    assert links.picture in message.content["html"]
    assert message.unsubscribe_url == links.unsubscribe


@pytest.fixture
def two_variants(house: House) -> House:
    house.fill(20)
    house.template()
    house.template("other", {"email": {"subject": "The other", "text": "one"}})
    launch(house, variants=[{}, {"name": "B", "template": "other"}])
    return house


async def test_each_variant_says_its_own(two_variants: House, ledger: Ledger, dsn: str, vendor: Vendor) -> None:
    await deliver(dsn, ledger, vendor)
    dealt = {row.id: row.variant for row in ledger.all("SELECT id, variant FROM delivery")}
    assert {(dealt[m.delivery_id], m.content["text"] == "one") for m in vendor.calls} == {(0, False), (1, True)}


@pytest.fixture
def with_a_hole(house: House) -> House:
    house.fill(2)
    audience.upsert(
        merchant_id=house.merchant.id, mode=Mode.TEST, recipients=[("cust_2", {"attributes": {"nickname": "Zoe"}})]
    )
    house.template(content={"email": {"subject": "Hi {{ recipient.attributes.nickname }}", "text": "x"}})
    launch(house)
    return house


async def test_a_missing_variable_fails_its_delivery_with_its_name(
    with_a_hole: House, ledger: Ledger, dsn: str, vendor: Vendor
) -> None:
    await deliver(dsn, ledger, vendor)
    assert [m.content["subject"] for m in vendor.calls] == ["Hi Zoe"]
    [failed] = ledger.all("SELECT * FROM delivery WHERE state = %s", (int(State.FAILED),))
    [event] = ledger.events(failed.id)
    assert failed.reason == "missing_variable"
    assert "recipient.attributes.nickname" in event.detail["message"]
    ledger.assert_balanced()


@pytest.fixture
def suppressed_since(launched: House) -> House:
    launched.suppress(2)
    return launched


async def test_a_suppression_after_the_expansion_holds(
    suppressed_since: House, ledger: Ledger, dsn: str, vendor: Vendor
) -> None:
    await deliver(dsn, ledger, vendor)
    assert {m.address for m in vendor.calls} == {"person1@example.com", "person3@example.com"}
    [kept_back] = ledger.all("SELECT * FROM delivery WHERE address = 'person2@example.com'")
    assert (kept_back.state, kept_back.reason) == (State.SKIPPED, "suppressed")
    ledger.assert_balanced()


@pytest.fixture
def suppressed_sender(house: House, ledger: Ledger) -> House:
    ledger.accept(2, merchant=house.merchant.id, address="person{n}@example.com", category="security", priority=0)
    house.suppress(1)
    return house


async def test_even_a_critical_send_is_not_made_to_a_suppressed_address(
    suppressed_sender: House, ledger: Ledger, dsn: str, vendor: Vendor
) -> None:
    async with running(dsn, vendor, ledger_source(dsn, ["email.urgent"]), desk=VendorsDesk):
        await until(lambda: "pending" not in ledger.tally())
    assert [m.address for m in vendor.calls] == ["person0@example.com"]
    assert ledger.tally() == {"sent": 1, "skipped": 1}


@pytest.fixture
def one_is_gone(launched: House) -> House:
    launched.connection.execute("DELETE FROM recipient WHERE external_id = 'cust_1'")
    return launched


async def test_who_is_gone_gets_nothing(one_is_gone: House, ledger: Ledger, dsn: str, vendor: Vendor) -> None:
    await deliver(dsn, ledger, vendor)
    assert len(vendor.calls) == 2
    assert [r.reason for r in ledger.all("SELECT reason FROM delivery WHERE state = 9")] == ["recipient_gone"]


@pytest.fixture
def in_two_languages(house: House) -> House:
    house.fill(2)
    audience.upsert(merchant_id=house.merchant.id, mode=Mode.TEST, recipients=[("cust_1", {"locale": "de-AT"})])
    templates.create_template(
        merchant_id=house.merchant.id,
        mode=Mode.TEST,
        key="spring",
        content=CONTENT,
        translations={
            "de": {"email": {"subject": "Hallo", "text": "x"}},
            "fr": {"email": {"subject": "Salut", "text": "x"}},
        },
        actor=ACTOR,
        now=datetime.now(UTC),
    )
    launch(house, locale="fr")
    return house


async def test_everybody_reads_their_language_or_the_campaigns(
    in_two_languages: House, ledger: Ledger, dsn: str, vendor: Vendor
) -> None:
    await deliver(dsn, ledger, vendor)
    assert {m.address: m.content["subject"] for m in vendor.calls} == {
        "person1@example.com": "Hallo",
        "person2@example.com": "Salut",
    }
