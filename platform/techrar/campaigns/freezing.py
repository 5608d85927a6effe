"""What exactly does a launch freeze?

Names become rows here: the template versions, the sender, the category. Reads only, so that a draft can be checked
before anybody launches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segmentation.tree import parse
from techrar.campaigns.models import Campaign
from techrar.core.errors import NotFound, invalid
from techrar.core.mode import Mode
from techrar.policy.categories import CATEGORIES, category
from techrar.policy.priority import Priority
from techrar.routing import selectors as routing
from techrar.templating import selectors as templates


@dataclass(frozen=True, slots=True)
class Frozen:
    variants: list[dict[str, Any]]
    category: str
    priority: Priority
    sender: dict[str, str]


def freeze(campaign: Campaign) -> Frozen:
    """Raise `Invalid` with the field that stands in the way."""
    parse(campaign.segment)
    mode = Mode(campaign.mode)
    variants = [_variant(campaign, mode, place, given) for place, given in enumerate(campaign.variants)]
    if not sum(v["weight"] for v in variants):
        raise invalid("variants", "invalid", "At least one variant needs a weight above 0.")
    names = {campaign.category} if campaign.category else {v["category"] for v in variants}
    if len(names) > 1:
        raise invalid("category", "required", f"The templates are of {' and '.join(sorted(names))}: say which it is.")
    (name,) = names
    if campaign.category and name not in CATEGORIES:
        raise invalid("category", "unknown_category", f"Must be one of {', '.join(CATEGORIES)}.")
    sender = routing.sender(
        merchant_id=campaign.merchant_id, mode=mode, channel=campaign.channel, key=campaign.sender or None
    )
    # A campaign is never critical: what many wait for is urgent to nobody alone, and the urgent lane is theirs.
    return Frozen(variants, name, max(category(name).priority, Priority.HIGH), sender)


def _variant(campaign: Campaign, mode: Mode, place: int, given: dict[str, Any]) -> dict[str, Any]:
    field = f"variants.{place}.template"
    try:
        version = templates.published_version(
            campaign.merchant_id, mode, given["template"], given.get("template_version")
        )
    except NotFound as missing:
        raise invalid(field, "unknown_template", f"{missing.detail} Create and publish it.") from None
    content = templates.version_content(version.id)
    if campaign.channel not in content.content:
        raise invalid(field, "no_content", f"The template has nothing for {campaign.channel}.")
    return {
        "name": given["name"],
        "template": given["template"],
        "version": version.number,
        "version_id": str(version.id),
        "category": content.category,
        "weight": given["weight"],
    }
