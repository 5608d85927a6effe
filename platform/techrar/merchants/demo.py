"""What does a fresh installation need so that somebody can try it? A merchant, a member to sign in with, a test key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from techrar.core.mode import Mode
from techrar.merchants import services
from techrar.merchants.models import ApiKey, Member, Merchant, Role, User
from techrar.merchants.scopes import Scope
from techrar.merchants.services import Actor

SLUG = "demo"
EMAIL = "demo@techrar.test"
KEY_NAME = "Demo"
ACTOR = Actor("system:demo")


@dataclass(frozen=True, slots=True)
class Demo:
    merchant_id: int
    #: None: it is unknown here, because only its hash is kept
    password: str | None = field(repr=False)
    api_key: str | None = field(repr=False)


@transaction.atomic
def ensure_demo(*, password: str | None, fresh_password: str, new_key: bool, now: datetime) -> Demo:
    """Make what is missing. `password` sets the member's; without it only a new member gets `fresh_password`."""
    merchant, _ = Merchant.objects.get_or_create(slug=SLUG, defaults={"name": "Demo Shop"})
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        password = password or fresh_password
        user = User.objects.create_user(EMAIL, password, name="Demo Member")
    elif password and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    Member.objects.get_or_create(merchant=merchant, user=user, defaults={"role": Role.OWNER})
    return Demo(merchant.id, password, _key(merchant, new_key=new_key, now=now))


def _key(merchant: Merchant, *, new_key: bool, now: datetime) -> str | None:
    working = ApiKey.objects.filter(merchant=merchant, mode=Mode.TEST.value, name=KEY_NAME, revoked_at=None)
    if working.exists() and not new_key:
        return None
    new = services.create_key(
        merchant_id=merchant.id, mode=Mode.TEST, name=KEY_NAME, scopes=list(Scope), actor=ACTOR, now=now
    )
    return new.text
