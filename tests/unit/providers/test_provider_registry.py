"""What stops a plug-in that is not whole, and what does the registry know?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from providers.base import Message, Outcome, Provider, Receipt, ReceiptRequest, WithoutReceipts
from providers.channel import Channel, Part
from providers.content import Text
from providers.registry import PROVIDERS, channels, longest_timeout, provider, sandbox_of
from techrar.core.errors import ConfigurationError


async def _send(self: Provider, batch: Sequence[Message]) -> list[Outcome]:
    return []


def _verify(cls: type[Provider], config: Any, request: ReceiptRequest) -> None:
    return None


def _parse(cls: type[Provider], config: Any, request: ReceiptRequest) -> list[Receipt]:
    return []


WHOLE = {"send": _send, "verify": classmethod(_verify), "parse_receipts": classmethod(_parse)}


@pytest.mark.parametrize("missing", WHOLE)
def test_a_vendor_without_one_of_its_three_verbs_stops_the_start(missing: str) -> None:
    body = {"key": "half", "channel": "email", "title": "Half"} | {k: v for k, v in WHOLE.items() if k != missing}
    with pytest.raises(ConfigurationError, match=rf"provider email\.half must define {missing}$"):
        type("Half", (Provider,), body)
    assert provider("email", "half") is None


def test_two_vendors_with_one_key_stop_the_start() -> None:
    body = {"key": "smtp", "channel": "email", "title": "Another"} | WHOLE
    with pytest.raises(ConfigurationError, match=r"two providers are called 'email\.smtp'"):
        type("Another", (Provider,), body)


def test_a_class_without_a_key_is_a_base_and_not_a_vendor() -> None:
    before = len(PROVIDERS)
    type("Shared", (WithoutReceipts, Provider), {"send": _send, "channel": "email"})
    assert len(PROVIDERS) == before


def test_the_channels_are_those_whose_folders_are_there() -> None:
    assert list(channels()) == ["chat", "email", "in_app", "push", "sms", "web_push", "webhook", "whatsapp"]


def test_a_provider_that_is_not_installed_is_none_and_not_a_crash() -> None:
    assert provider("email", "carrier_pigeon") is None
    assert provider("smoke_signal", "smtp") is None


def test_the_sandbox_of_a_channel_is_found_by_what_it_can_do() -> None:
    assert sandbox_of("sms").capabilities.sandbox


def test_the_longest_call_is_known_so_that_leases_can_be_longer() -> None:
    assert longest_timeout() == 30.0


def test_a_channel_whose_parts_and_content_disagree_is_refused() -> None:
    with pytest.raises(ValueError, match="parts and content_model must name the same fields"):
        Channel("fax", "Fax", "fax", str, {"words": Part.TEXT}, Text, "1", {"text": "x"})
