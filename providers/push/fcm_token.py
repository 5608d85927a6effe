"""With which token does FCM know a Firebase project?

A service account signs a statement about itself and gets an access token for an hour in exchange (RFC 7523). It is a
signature and one form, so we do it ourselves: Google's library would do the same in a thread, over a client of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from providers.errors import Ambiguous, Misconfigured, ProviderError, Transient
from providers.http import Network
from providers.messages import Reason
from providers.refusals import failed, of_status

EXCHANGE = "https://oauth2.googleapis.com/token"  # not the file's token_uri: an account may not choose where we connect
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = 3600  # seconds, the longest that Google grants
EARLY = 300.0  # seconds before its end in which a token is replaced
TIMEOUT = 5.0
_WRONG = "must be the JSON file of a service account, from the Firebase console"


class ServiceAccount(msgspec.Struct, frozen=True):
    """What of the file is needed."""

    project_id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9.:-]{3,60}\Z")]
    private_key_id: str
    private_key: str
    client_email: str


def service_account(text: str) -> tuple[ServiceAccount, RSAPrivateKey]:
    """The file and its key; ValueError says what was expected, and nothing of what was given."""
    try:
        account = msgspec.json.decode(text, type=ServiceAccount)
        # The arithmetic of the key is not checked, which would take a tenth of a second: Google sees whether it signs.
        key = load_pem_private_key(account.private_key.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, RecursionError):  # msgspec's errors are ValueErrors
        raise ValueError(_WRONG) from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(_WRONG)  # noqa: TRY004 the form shows ValueErrors
    return account, key


class Granted(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: Annotated[float, msgspec.Meta(gt=0)]


class Denied(msgspec.Struct):
    error: str


class AccessToken:
    """Fetched when it is first needed and kept until shortly before its end. Calls at once share one exchange."""

    def __init__(self, secret: str, net: Network, now: Callable[[], datetime]) -> None:
        self.account, self._key = service_account(secret)
        self._net, self._now = net, now
        self._value, self._until = "", 0.0
        self._exchange: asyncio.Task[None] | None = None

    async def get(self) -> str:
        if not self._value or self._now().timestamp() >= self._until:
            if self._exchange is None or self._exchange.done():
                self._exchange = asyncio.create_task(self._fetch())
            # Whoever gives up must not take the token from the others; and when it fails, it fails for all of them.
            await asyncio.shield(self._exchange)
        return self._value

    def refused(self, value: str) -> None:
        """FCM did not accept this one. Who comes later with the same news changes nothing."""
        if self._value == value:
            self._value = ""

    def _statement(self) -> str:
        at = int(self._now().timestamp())
        claims = {"iss": self.account.client_email, "scope": SCOPE, "aud": EXCHANGE, "iat": at, "exp": at + LIFE}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.account.private_key_id})

    async def _fetch(self) -> None:
        form = urlencode({"grant_type": GRANT, "assertion": self._statement()}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        asked_at = self._now().timestamp()
        try:
            answer = await self._net.request("POST", EXCHANGE, body=form, headers=headers, timeout=TIMEOUT)
        except Ambiguous as error:
            raise _unsent(error) from error
        if answer.ok:
            granted = answer.read(Granted)
            if granted is None:
                raise Transient(Reason.UNEXPECTED_ANSWER, "Google's answer holds no access token", status=answer.status)
            self._value, self._until = granted.access_token, asked_at + granted.expires_in - EARLY
            return
        denied = answer.read(Denied) if answer.status in (400, 401, 403) else None
        if denied:
            said = f"Google does not accept the service account: {denied.error[:80]}"
            raise Misconfigured(Reason.CREDENTIALS, said, **answer.summary)
        said = f"Google's sign-in answered {answer.status}"
        raise _unsent(failed(of_status(answer.status), answer, said, now=self._now()))


def _unsent(error: ProviderError) -> ProviderError:
    """However the exchange for a token ended: of the message itself nothing has been sent yet."""
    if not isinstance(error, Ambiguous):
        return error
    transient = Transient(error.reason, f"no access token: {error}")
    transient.detail = error.detail
    return transient
