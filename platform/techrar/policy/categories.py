"""What does a category imply: default priority, and what to do when nobody knows whether a message went out?"""

from __future__ import annotations

from dataclasses import dataclass

from techrar.policy.priority import Priority


@dataclass(frozen=True, slots=True)
class Category:
    key: str
    priority: Priority
    #: After an unclear end: True sends again, flagged as a possible duplicate; False holds it as `unknown`.
    resend_unclear: bool


CATEGORIES = {
    c.key: c
    for c in (
        Category("security", Priority.CRITICAL, resend_unclear=True),
        Category("transactional", Priority.HIGH, resend_unclear=True),
        Category("social", Priority.MEDIUM, resend_unclear=False),
        Category("marketing", Priority.LOW, resend_unclear=False),
    )
}
DEFAULT = CATEGORIES["transactional"]


def category(key: str) -> Category:
    """What is known of a category; an unknown word on an old row behaves like marketing, the careful one."""
    return CATEGORIES.get(key, CATEGORIES["marketing"])
