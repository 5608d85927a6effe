"""How do accounts and senders come into being, and who may see them?"""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from providers.registry import channels
from providers.testing import NOW
from techrar.core.errors import Invalid, NotFound
from techrar.core.mode import Mode
from techrar.merchants.models import AuditEntry, Merchant
from techrar.merchants.services import Actor
from techrar.routing import accounts as consumers_view
from techrar.routing import selectors, services
from techrar.routing.models import ProviderAccount

ACTOR = Actor(name="user:1", request_id="req-1")
SMTP = {"host": "smtp.example.com", "username": "shop", "password": "s3cret"}


@pytest.fixture
def alice(db: None) -> Merchant:
    return Merchant.objects.create(slug="alice", name="Alice")


@pytest.fixture
def charlie(db: None) -> Merchant:
    return Merchant.objects.create(slug="charlie", name="Charlie")


def create(merchant: Merchant, **fields: Any) -> ProviderAccount:
    given: dict[str, Any] = {
        "mode": Mode.LIVE,
        "channel": "email",
        "provider": "smtp",
        "name": "Main",
        "config": SMTP,
        "actor": ACTOR,
        "now": NOW.replace(year=2020),
    }
    return services.create_account(merchant_id=merchant.pk, **given | fields)


def problem(merchant: Merchant, **fields: Any) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        create(merchant, **fields)
    assert caught.value.detail.endswith((".", "?"))
    return caught.value.errors[0].field, caught.value.errors[0].code


def test_an_account_is_created_with_its_credentials_sealed_and_the_fact_written_down(alice: Merchant) -> None:
    row = create(alice)
    assert b"s3cret" not in bytes(row.config)
    (account,) = selectors.accounts(merchant_id=alice.pk, mode=Mode.LIVE)
    config: Any = account.config(selectors.key_ring())
    assert (config.host, config.password.get_secret_value(), config.port) == ("smtp.example.com", "s3cret", 587)
    entry = AuditEntry.objects.get(action="provider_account.created")
    assert (entry.object_id, entry.actor) == (str(row.id), "user:1")
    assert "s3cret" not in str(entry.details)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"channel": "fax"}, ("channel", "unknown_channel")),
        ({"provider": "pigeon"}, ("provider", "unknown_provider")),
        ({"mode": Mode.TEST}, ("provider", "live_only")),
        ({"config": {}}, ("config.host", "required")),
        ({"config": SMTP | {"port": 99999}}, ("config.port", "out_of_range")),
        ({"config": SMTP | {"hots": "x"}}, ("config.hots", "unknown_field")),
        ({"config": SMTP | {"security": "none"}}, ("config", "invalid")),
    ],
)
def test_what_is_wrong_is_named(alice: Merchant, fields: dict[str, Any], where: tuple[str, str]) -> None:
    assert problem(alice, **fields) == where


def test_a_refused_config_is_not_repeated_in_the_answer(alice: Merchant) -> None:
    with pytest.raises(Invalid) as caught:
        create(alice, channel="webhook", provider="signed", config={"secret": "whsec_c2VjcmV0"})
    assert "c2VjcmV0" not in f"{caught.value.detail} {caught.value.errors}"


def test_two_accounts_of_a_channel_may_not_share_a_name(alice: Merchant, charlie: Merchant) -> None:
    create(alice)
    assert problem(alice) == ("name", "taken")
    create(charlie)
    create(alice, channel="sms", provider="sandbox", config={})


def test_the_database_itself_keeps_real_vendors_out_of_test_mode(alice: Merchant) -> None:
    row = create(alice)
    with pytest.raises(IntegrityError, match="account_test_is_sandbox"), transaction.atomic():
        ProviderAccount.objects.filter(pk=row.pk).update(mode="test")


def test_another_merchants_account_is_not_there(alice: Merchant, charlie: Merchant) -> None:
    row = create(alice)
    assert selectors.accounts(merchant_id=charlie.pk, mode=Mode.LIVE) == ()
    for change in (
        lambda: services.resume_account(
            merchant_id=charlie.pk, mode=Mode.LIVE, account_id=row.id, actor=ACTOR, now=NOW
        ),
        lambda: services.resume_account(merchant_id=alice.pk, mode=Mode.TEST, account_id=row.id, actor=ACTOR, now=NOW),
    ):
        with pytest.raises(NotFound):
            change()


def test_a_paused_account_is_not_usable_until_it_is_resumed(alice: Merchant) -> None:
    row = create(alice)
    where: dict[str, Any] = {
        "merchant_id": alice.pk,
        "mode": Mode.LIVE,
        "account_id": row.id,
        "actor": ACTOR,
        "now": NOW,
    }
    services.pause_account(**where, reason="too expensive")
    (paused,) = selectors.accounts(merchant_id=alice.pk, mode=Mode.LIVE)
    services.resume_account(**where)
    services.resume_account(**where)
    (resumed,) = selectors.accounts(merchant_id=alice.pk, mode=Mode.LIVE)
    assert (paused.usable, paused.paused_reason, resumed.usable) == (False, "too expensive", True)
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == [f"provider_account.{verb}" for verb in ("created", "paused", "resumed")]


def test_a_hook_finds_its_account_by_provider_and_token(alice: Merchant) -> None:
    row = create(alice)
    assert selectors.account_by_token(provider="smtp", token=row.token).id == row.id
    for provider, token in (("sandbox", row.token), ("smtp", "guess"), ("smtp", "")):
        with pytest.raises(NotFound):
            selectors.account_by_token(provider=provider, token=token)


def test_in_test_mode_every_channel_has_a_sandbox_from_the_first_look(alice: Merchant) -> None:
    first = selectors.accounts(merchant_id=alice.pk, mode=Mode.TEST)
    assert [account.channel for account in first] == list(channels())
    assert all(account.usable and account.sandbox for account in first)
    assert selectors.accounts(merchant_id=alice.pk, mode=Mode.TEST) == first
    assert selectors.accounts(merchant_id=alice.pk, mode=Mode.LIVE) == ()


def test_a_sandbox_of_ones_own_takes_the_place_of_the_built_in_one(alice: Merchant) -> None:
    create(alice, mode=Mode.TEST, provider="sandbox", name="Slow", config={"latency_ms": 500})
    names = [a.name for a in selectors.accounts(merchant_id=alice.pk, mode=Mode.TEST) if a.channel == "email"]
    assert names == ["Slow"]


def test_a_demonstration_may_have_sandboxes_in_live_mode(alice: Merchant) -> None:
    create(alice)
    accounts = services.ensure_sandbox_accounts(merchant_id=alice.pk, mode=Mode.LIVE)
    assert [(a.channel, a.provider) for a in accounts if not a.sandbox] == [("email", "smtp")]
    assert len(accounts) == len(channels())


@pytest.mark.django_db(transaction=True)
def test_two_first_looks_at_once_add_each_sandbox_once() -> None:
    merchant = Merchant.objects.create(slug="bob", name="Bob")
    together = threading.Barrier(2)

    def look() -> None:
        together.wait()
        selectors.accounts(merchant_id=merchant.pk, mode=Mode.TEST)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ProviderAccount.objects.filter(merchant=merchant).count() == len(channels())


def test_after_a_key_change_everything_is_sealed_anew(alice: Merchant, charlie: Merchant, settings: Any) -> None:
    rows = [create(alice), create(charlie)]
    new = "new:" + base64.b64encode(bytes(range(32))).decode()
    settings.ENCRYPTION_KEYS = f"{new},{settings.ENCRYPTION_KEYS}"
    assert services.reseal_accounts(batch=1) == len(rows)
    assert services.reseal_accounts() == 0
    settings.ENCRYPTION_KEYS = new
    for merchant in (alice, charlie):
        (account,) = selectors.accounts(merchant_id=merchant.pk, mode=Mode.LIVE)
        config: Any = account.config(selectors.key_ring())
        assert config.password.get_secret_value() == "s3cret"


def sender(merchant: Merchant, **fields: Any) -> Any:
    given: dict[str, Any] = {"mode": Mode.LIVE, "channel": "email", "key": "orders", "address": "orders@Example.com"}
    return services.create_sender(merchant_id=merchant.pk, **given | fields)


def test_a_send_names_its_sender_or_takes_the_default(alice: Merchant) -> None:
    sender(alice, name="Orders", reply_to="help@example.com", is_default=True)
    sender(alice, key="news", address="news@example.com", is_default=True)
    sender(alice, key="calls", channel="sms", address="SHOP")

    def ask(channel: str, key: str | None = None) -> dict[str, str]:
        return selectors.sender(merchant_id=alice.pk, mode=Mode.LIVE, channel=channel, key=key)

    named = {"address": "orders@example.com", "name": "Orders", "reply_to": "help@example.com"}
    assert ask("email", "orders") == named
    assert ask("email") == {"address": "news@example.com"}
    assert ask("sms") == {}
    assert ask("sms", "calls") == {"address": "SHOP"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": "nobody"}, "address"),
        ({"reply_to": "nobody"}, "reply_to"),
        ({"channel": "sms", "address": "a\r\nb"}, "address"),
        ({"channel": "fax"}, "channel"),
        ({"address": "other@example.com"}, "key"),
    ],
)
def test_a_sender_that_cannot_work_is_named(alice: Merchant, fields: dict[str, Any], field: str) -> None:
    sender(alice)
    with pytest.raises(Invalid) as caught:
        sender(alice, **({"key": "other"} if field != "key" else {}) | fields)
    assert caught.value.errors[0].field == field


def test_another_merchants_sender_is_unknown(alice: Merchant, charlie: Merchant) -> None:
    sender(alice)
    with pytest.raises(Invalid, match="There is no email sender 'orders'"):
        selectors.sender(merchant_id=charlie.pk, mode=Mode.LIVE, channel="email", key="orders")


@pytest.mark.django_db(transaction=True)
def test_consumers_see_the_same_accounts_without_django(dsn: str) -> None:
    merchant = Merchant.objects.create(slug="dora", name="Dora")
    row = create(merchant)
    seen = asyncio.run(_as_a_consumer(dsn, merchant.pk, row))
    assert seen["test"] == selectors.accounts(merchant_id=merchant.pk, mode=Mode.TEST)
    (now,) = selectors.accounts(merchant_id=merchant.pk, mode=Mode.LIVE)
    assert (now, now.paused_reason, now.usable) == (seen["by token"], "535 at login", False)
    assert now.updated_at > seen["live"][0].updated_at
    entry = AuditEntry.objects.get(action="provider_account.paused")
    assert (entry.actor, entry.details, entry.object_id) == (
        "system:deliver",
        {"reason": "535 at login"},
        str(row.id),
    )


async def _as_a_consumer(dsn: str, merchant_id: int, row: ProviderAccount) -> dict[str, Any]:
    keys = selectors.key_ring()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as raw:
        live = await consumers_view.load_accounts(raw, merchant_id=merchant_id, mode=Mode.LIVE, keys=keys)
        test = await consumers_view.load_accounts(raw, merchant_id=merchant_id, mode=Mode.TEST, keys=keys)
        assert await consumers_view.pause(raw, account=live[0], reason="535 at login")
        assert not await consumers_view.pause(raw, account=live[0], reason="it has changed since")
        assert await consumers_view.load_account_by_token(raw, token="guess") is None
        return {
            "live": live,
            "test": test,
            "by token": await consumers_view.load_account_by_token(raw, token=row.token),
        }
