"""What a key and a role may do."""

from __future__ import annotations

from techrar.merchants.models import Role
from techrar.merchants.scopes import BY_ROLE, Scope, missing


def test_admin_implies_every_scope() -> None:
    assert missing(frozenset({"admin"}), list(Scope)) == []


def test_a_missing_scope_is_named() -> None:
    assert missing(frozenset({"send"}), ["send", "read"]) == ["read"]


def test_every_role_has_scopes_and_can_at_least_look() -> None:
    assert set(BY_ROLE) == set(Role.values)
    assert all(Scope.READ in scopes for scopes in BY_ROLE.values())


def test_a_viewer_can_only_look() -> None:
    assert BY_ROLE[Role.VIEWER] == {Scope.READ}
