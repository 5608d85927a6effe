"""Does moto, an Amazon that is not ours, take what we send it, and do we understand its answers?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from providers import testing
from providers.base import Outcome
from providers.email.ses import Ses
from providers.http import Answer, Network
from providers.registry import channel
from tests.support.email_vendors import SENDER, VENDORS


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Leading(Network):
    """Everything leads to moto, which speaks no TLS; what is sent stays as it was signed."""

    def __init__(self, to: str) -> None:
        super().__init__(allow_private=True)
        self.to = to

    async def request(self, method: str, url: str, **given: Any) -> Answer:
        return await super().request(method, url.replace("https://email.eu-west-1.amazonaws.com", self.to), **given)


async def deliver(amazon: str, sender: str) -> Outcome:
    net = Leading(amazon)
    provider = Ses(Ses.Config.model_validate({**VENDORS["ses"].config, **SENDER, "from_address": sender}), net)
    (outcome,) = await provider.deliver([testing.message(channel("email"))])
    await net.close()
    return outcome


async def test_a_sender_that_was_verified_is_taken_and_another_one_is_not(amazon: str) -> None:
    import boto3

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "eu-west-1"}
    boto3.client("sesv2", endpoint_url=amazon, **keys).create_email_identity(EmailIdentity="shop@example.com")
    taken, refused = await deliver(amazon, "shop@example.com"), await deliver(amazon, "other@example.org")
    assert (taken.kind.value, taken.reason) == ("accepted", "")
    assert taken.vendor_id
    assert (refused.kind.value, refused.reason) == ("rejected", "content_refused")
    assert "Did not have authority" in str(refused.detail)
