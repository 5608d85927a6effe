"""Two vendors that only exist here, one call for one message and one call for many; neither drops a second request.

The third is the signed webhook as it is, whose receivers know a second request by its name. Money is counted, so that
an outcome which is written twice shows.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace

from providers.base import Capabilities, Message, Outcome, Provider, Reason, WithoutReceipts, accepted
from providers.errors import Throttled, Transient

#: Where the sink is, or a proxy before it.
SINK = "CHAOS_SINK"
PRICE_MICROS = 5
#: Whoever calls this one dies of it.
POISON = "+442079460199"


class _Vendor(WithoutReceipts, Provider):
    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        if any(message.address == POISON for message in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        names = ",".join(str(message.delivery_id) for message in batch)
        url = f"{os.environ[SINK]}/bulk/{self.channel}"
        answer = await self.net.request(
            "POST", url, body=b"{}", headers={"delivery-ids": names}, timeout=self.capabilities.timeout - 2
        )
        wait = answer.retry_after(self.now())
        if answer.status == 429:
            raise Throttled(Reason.RATE, retry_after=wait)
        if not answer.ok:
            raise Transient(Reason.VENDOR_ERROR, f"the sink answered {answer.status}", retry_after=wait)
        answer.json()
        return [replace(accepted(message), cost_micros=PRICE_MICROS, currency="EUR") for message in batch]


class ChaosSms(_Vendor):
    key = "chaos"
    channel = "sms"
    title = "One call for one message"
    capabilities = Capabilities(timeout=10.0)


class ChaosEmail(_Vendor):
    key = "chaos"
    channel = "email"
    title = "One call for ten messages"
    capabilities = Capabilities(max_batch=10, timeout=10.0)
