"""What happens when somebody follows a link of ours?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction

from providers.base import ReceiptKind
from techrar.audience import services as audience
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.receipts.services import Seen, keep
from techrar.tracking.hits import hits
from techrar.tracking.links import Links, Mark, TooOld

#: Found by the key of a partition; the merchant is the signed one, and must be the row's.
WHOSE = """
SELECT d.channel, d.address, m.name AS merchant FROM delivery d JOIN merchants_merchant m ON m.id = d.merchant_id
WHERE d.id = %(id)s AND d.merchant_id = %(merchant)s AND d.mode = %(mode)s
"""


@cache
def links() -> Links:
    return Links(settings.PUBLIC_URL, settings.SECRET_KEY)


def saw(kind: ReceiptKind, mark: Mark, *, at: datetime, machine: bool) -> None:
    """Somebody opened, or followed a link. Of what repeats itself within a second one is kept."""
    detail: Mapping[str, Any] = {"link": mark.link} if mark.link else {}
    by = "machine" if machine else "person"
    event = f"{kind}:{mark.delivery_id.hex}:{mark.link}:{by}:{int(at.timestamp())}"
    hits.add(Seen(kind, mark.delivery_id, mark.merchant_id, mark.mode, at, event, machine, detail))


def whose(mark: Mark) -> Any:
    """The channel, address and merchant that an unsubscribe link speaks of. `TooOld` when the delivery is gone."""
    found = rows(WHOSE, {"id": mark.delivery_id, "merchant": mark.merchant_id, "mode": mark.mode})
    if not found:
        raise TooOld
    return found[0]


def unsubscribe(mark: Mark, *, now: datetime) -> Any:
    """At once, and however often it is asked; its line in the timeline follows once."""
    with transaction.atomic():
        found = whose(mark)
        audience.suppress(
            merchant_id=mark.merchant_id,
            mode=Mode.from_code(mark.mode),
            addresses=[(found.channel, found.address, "unsubscribed")],
        )
        event = f"{ReceiptKind.UNSUBSCRIBED}:{mark.delivery_id.hex}"
        keep([Seen(ReceiptKind.UNSUBSCRIBED, mark.delivery_id, mark.merchant_id, mark.mode, now, event)])
    return found
