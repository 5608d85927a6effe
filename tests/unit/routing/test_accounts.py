"""What does an account keep to itself, and what does it refuse?"""

from __future__ import annotations

import base64

import orjson
import pytest

from providers import signing
from providers.http import Network
from providers.registry import channels
from providers.testing import NOW
from providers.webhook.signed import SignedWebhook
from techrar.core.crypto import CannotOpen, KeyRing
from techrar.core.mode import Mode
from techrar.routing.accounts import Account, missing_sandboxes, place, seal

KEYS = KeyRing.parse("k:" + base64.b64encode(bytes(32)).decode())
SECRET = signing.new_secret()
CONFIG = SignedWebhook.Config.model_validate({"secret": SECRET})


def account(*, mode: Mode = Mode.LIVE, merchant_id: int = 7, provider: str = "signed") -> Account:
    sealed = seal(CONFIG, KEYS, merchant_id=7, token="t0ken")
    return Account(
        1,
        merchant_id,
        mode,
        "webhook",
        provider,
        "Hooks",
        "t0ken",
        sealed,
        False,
        0,
        1,
        True,
        "",
        None,
        None,
        0,
        (),
        NOW,
    )


def test_the_config_comes_back_with_its_secrets() -> None:
    config = account().config(KEYS)
    assert isinstance(config, SignedWebhook.Config)
    assert config.secret.get_secret_value() == SECRET


def test_defaults_are_written_out_so_that_a_later_default_changes_no_account() -> None:
    written = orjson.loads(KEYS.open(account().sealed, place(7, "t0ken")))
    assert written == {"secret": SECRET, "previous_secret": None}


def test_neither_credentials_nor_the_token_show_when_an_account_is_printed() -> None:
    assert "t0ken" not in repr(account())
    assert "sealed" not in repr(account())


def test_credentials_copied_to_another_merchants_row_do_not_open() -> None:
    with pytest.raises(CannotOpen):
        account(merchant_id=8).config(KEYS)


async def test_test_mode_never_connects_to_a_real_vendor() -> None:
    net = Network()
    assert account().connect(KEYS, net).key == "signed"
    with pytest.raises(LookupError, match=r"webhook\.signed cannot be used in test mode"):
        account(mode=Mode.TEST).connect(KEYS, net)
    await net.close()


def test_the_merchant_may_set_how_many_calls_run_at_once() -> None:
    assert account().calls_at_once() == SignedWebhook.capabilities.concurrency
    assert account(provider="gone").calls_at_once() == 0


def test_receipts_come_to_an_address_that_nobody_can_guess() -> None:
    assert account().receipt_url("https://notify.example.com") == "https://notify.example.com/hooks/signed/t0ken"


def test_a_channel_without_an_account_gets_a_sandbox_with_a_secret_of_its_own() -> None:
    rows = missing_sandboxes([account()], merchant_id=7, mode=Mode.TEST, keys=KEYS)
    assert [row["channel"] for row in rows] == [key for key in channels() if key != "webhook"]
    secrets = {orjson.loads(KEYS.open(row["config"], place(7, row["token"])))["secret"] for row in rows}
    assert len(secrets) == len({row["token"] for row in rows}) == len(rows)
