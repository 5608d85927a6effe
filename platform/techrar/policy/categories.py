"""What does a category imply: priority, tracking, and what to do when nobody knows whether a message went out?"""

from __future__ import annotations

from dataclasses import dataclass

from techrar.policy.priority import Priority


@dataclass(frozen=True, slots=True)
class Category:
    key: str
    priority: Priority
    #: After an unclear end: True sends again, flagged as a possible duplicate; False holds it as `unknown`.
    resend_unclear: bool
    #: Whoever gets it may ask for no more of it; nobody can turn off what they need.
    unsubscribable: bool
    #: Opens and clicks are counted where a send does not say otherwise.
    tracked: bool


CATEGORIES = {
    c.key: c
    for c in (
        Category("security", Priority.CRITICAL, resend_unclear=True, unsubscribable=False, tracked=False),
        Category("transactional", Priority.HIGH, resend_unclear=True, unsubscribable=False, tracked=False),
        Category("social", Priority.MEDIUM, resend_unclear=False, unsubscribable=True, tracked=False),
        Category("marketing", Priority.LOW, resend_unclear=False, unsubscribable=True, tracked=True),
    )
}
DEFAULT = CATEGORIES["transactional"]


def category(key: str) -> Category:
    """What is known of a category; an unknown word on an old row behaves like marketing, the careful one."""
    return CATEGORIES.get(key, CATEGORIES["marketing"])
