"""How does a test get merchants, members and keys? Plain functions with overrides; nothing is shared between calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpResponse
from django.test import Client

from techrar.core.mode import Mode
from techrar.merchants import services
from techrar.merchants.models import Member, Merchant, Role, User
from techrar.merchants.services import Actor, NewKey

PASSWORD = "correct horse battery staple"
_serial = count(1)


def make_merchant(**fields: Any) -> Merchant:
    number = next(_serial)
    return Merchant.objects.create(**{"slug": f"merchant-{number}", "name": f"Merchant {number}", **fields})


def make_member(merchant: Merchant, role: str = Role.OWNER, *, email: str = "", name: str = "") -> Member:
    """With a password of their own; `set_unusable_password` would be faster, but then nobody could sign in."""
    user = User.objects.create_user(email or f"member-{next(_serial)}@example.com", PASSWORD, name=name)
    return Member.objects.create(merchant=merchant, user=user, role=role)


def make_key(
    merchant: Merchant,
    mode: Mode = Mode.TEST,
    scopes: Iterable[str] = ("admin",),
    *,
    name: str = "Test key",
    now: datetime | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    return services.create_key(
        merchant_id=merchant.id,
        mode=mode,
        name=name,
        scopes=scopes,
        actor=Actor("system:test"),
        now=now or datetime.now(UTC),
        expires_at=expires_at,
    )


def make_client() -> Client:
    """From an address of its own, so that tests do not use up one another's anonymous requests."""
    number = next(_serial)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Client(REMOTE_ADDR=address, raise_request_exception=False)


@dataclass
class Person:
    """A member with keys for both modes, who calls the API with one of them: `alice.get("/v1/me")`."""

    member: Member
    keys: dict[Mode, NewKey]
    mode: Mode = Mode.TEST
    client: Client = field(default_factory=make_client)

    @property
    def merchant(self) -> Merchant:
        return self.member.merchant

    @property
    def merchant_id(self) -> int:
        return self.member.merchant_id

    @property
    def user(self) -> User:
        return self.member.user

    @property
    def key(self) -> str:
        return self.keys[self.mode].text

    @property
    def key_id(self) -> UUID:
        return self.keys[self.mode].row.id

    def live(self) -> Person:
        """The same person, calling with the live key."""
        return Person(self.member, self.keys, Mode.LIVE, self.client)

    def signed_in(self) -> Client:
        browser = make_client()
        browser.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        return browser

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.call("DELETE", path, **headers)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """`Idempotency_Key="x"` becomes the header `Idempotency-Key`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        caller = {"Authorization": f"Bearer {self.key}"}
        return self.client.generic(method, path, data, "application/json", headers=caller | named)


def make_person(
    merchant: Merchant, role: str = Role.OWNER, scopes: Iterable[str] = ("admin",), **fields: Any
) -> Person:
    held = list(scopes)
    return Person(
        member=make_member(merchant, role, **fields), keys={mode: make_key(merchant, mode, held) for mode in Mode}
    )
