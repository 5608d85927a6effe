"""Which tokens are accepted, and which are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from techrar.core.errors import Unauthorized
from techrar.merchants import tokens

NOW = datetime.now(UTC)
CLAIMS: dict[str, Any] = {
    "iss": tokens.ISSUER,
    "aud": tokens.AUDIENCE,
    "sub": "abc",
    "scope": "send",
    "iat": NOW,
    "exp": NOW + timedelta(seconds=900),
}


def forged(claims: dict[str, Any] | None = None, *, typ: str = tokens.TYPE, **options: Any) -> str:
    options = {"key": tokens._signing_key(), "algorithm": "HS256", **options}
    return jwt.encode(CLAIMS | (claims or {}), headers={"typ": typ}, **options)


def test_a_token_says_which_key_it_came_from_and_what_it_may_do() -> None:
    token = tokens.issue(public_id="abc", scopes=frozenset({"send", "read"}), seconds=900, now=NOW)
    assert tokens.read(token) == tokens.TokenClaims(
        "abc", frozenset({"send", "read"}), NOW.replace(microsecond=0) + timedelta(seconds=900)
    )


def test_the_forger_of_these_tests_can_make_a_good_one() -> None:
    assert tokens.read(forged()).public_id == "abc"


@pytest.mark.parametrize(
    "token",
    [
        forged({"aud": "somebody else"}),
        forged({"iss": "somebody else"}),
        forged({"scope": ["send"]}),
        forged(typ="JWT"),
        forged(algorithm="HS512"),
        forged(key=b"another key" * 6),
        jwt.encode(CLAIMS, key="", algorithm="none", headers={"typ": tokens.TYPE}),
        "a.b.c",
        "nonsense",
        "",
    ],
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.read(token)


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "iat", "exp", "scope"])
def test_a_token_that_leaves_something_out_is_refused(claim: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != claim}
    token = jwt.encode(claims, tokens._signing_key(), algorithm="HS256", headers={"typ": tokens.TYPE})
    with pytest.raises(Unauthorized):
        tokens.read(token)


def test_an_expired_token_says_so() -> None:
    old = tokens.issue(public_id="abc", scopes=frozenset(), seconds=60, now=NOW - timedelta(minutes=5))
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(old)


@pytest.mark.parametrize("seconds", [0, -1, 901])
def test_no_token_lives_longer_than_fifteen_minutes(seconds: int) -> None:
    with pytest.raises(ValueError, match="900"):
        tokens.issue(public_id="abc", scopes=frozenset(), seconds=seconds, now=NOW)
