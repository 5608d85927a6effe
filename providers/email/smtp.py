"""SMTP: any mail server that takes a message over STARTTLS, TLS, or a private plain connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from providers import addresses
from providers.base import Capabilities, Message, Outcome, Provider, ProviderConfig, Reason, WithoutReceipts, accepted
from providers.email import dkim, mime
from providers.email.sending import FromAddress, FromName, sender_of, unsubscribe_headers
from providers.email.smtp_session import Gone, Pool, Session, open_session
from providers.errors import ProviderError, Transient

BEFORE_DATA = 12.0  # seconds for connecting, signing in and the envelope: all of it may be tried again


class Smtp(WithoutReceipts, Provider):
    key = "smtp"
    channel = "email"
    title = "SMTP"
    # Sessions are kept open, one per call in flight; few servers like more than a handful from one client.
    capabilities = Capabilities(concurrency=8, timeout=30.0)

    class Config(ProviderConfig):
        host: str = Field(
            min_length=1, max_length=253, description="Name of the mail server.", examples=["smtp.example.com"]
        )
        port: int = Field(587, ge=1, le=65535, description="587 for STARTTLS, 465 for TLS.")
        security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is encrypted.")
        username: str = Field("", description="Leave empty when the server wants no sign-in.")
        password: SecretStr = Field(SecretStr(""), description="The password, or an app password.")
        from_address: FromAddress = ""
        from_name: FromName = ""
        bounce_address: str = Field("", description="Where mail servers send bounces; the sender when empty.")
        hello_name: str = Field("", max_length=253, description="Our name in EHLO; the sender's domain when empty.")
        ca_certificate: str = Field("", description="PEM of a private certificate authority, where the server has one.")
        dkim_domain: str = Field(
            "", max_length=253, description="Sign as this domain; leave empty when the server signs."
        )
        dkim_selector: str = Field(
            "", max_length=63, description="Where its key is published: selector._domainkey.domain."
        )
        dkim_private_key: SecretStr = Field(SecretStr(""), description="The RSA key, as PEM.")

        @field_validator("bounce_address")
        @classmethod
        def _an_address(cls, value: str) -> str:
            return addresses.email(value) if value else ""

        @field_validator("host", "hello_name", "dkim_domain", "dkim_selector")
        @classmethod
        def _a_name(cls, value: str) -> str:
            if not all(c.isalnum() or c in ".-:_" for c in value):
                raise ValueError("must be a host name")
            return value

        @model_validator(mode="after")
        def _no_password_in_clear(self) -> Any:
            if self.username and self.security == "none":
                raise ValueError("security must be starttls or tls when there is a username: it would travel in clear")
            return self

        @model_validator(mode="after")
        def _whole_dkim(self) -> Any:
            given = (self.dkim_domain, self.dkim_selector, self.dkim_private_key.get_secret_value())
            if any(given):
                if not all(given):
                    raise ValueError(
                        "dkim_domain, dkim_selector and dkim_private_key belong together: give all or none"
                    )
                dkim.Signer(*given)
            return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tls = ssl.create_default_context(cadata=self.config.ca_certificate or None)
        self._pool = Pool()
        key = self.config.dkim_private_key.get_secret_value()
        self._dkim = dkim.Signer(self.config.dkim_domain, self.config.dkim_selector, key) if key else None

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        sender = sender_of(self.config, message)
        raw = mime.build(
            delivery_id=message.delivery_id,
            to=message.address,
            sender=sender,
            content=message.content,
            now=self.now(),
            extra=unsubscribe_headers(message),
        )
        if self._dkim:
            raw = self._dkim.signed(raw)
        session = await self._addressed(message, sender)
        try:
            said = await session.data(raw)
        finally:
            self._pool.give_back(session)
        return [
            accepted(message, mime.message_id(message.delivery_id, sender), status=250, stage="DATA", answer=said[:300])
        ]

    async def _addressed(self, message: Message, sender: mime.From) -> Session:
        """A session that took both addresses. One that had gone stale while it waited is replaced, once."""
        envelope_from = self.config.bounce_address or sender.address
        try:
            async with asyncio.timeout(BEFORE_DATA):
                waiting = self._pool.take()
                if waiting:
                    try:
                        return await self._named(waiting, envelope_from, message.address)
                    except Gone:
                        waiting.smtp.close()
                fresh = await open_session(
                    self.config, self.net, self._tls, hello=self.config.hello_name or sender.domain
                )
                return await self._named(fresh, envelope_from, message.address)
        except (Gone, TimeoutError):
            raise Transient(Reason.CONNECTION, "the mail server hung up or was too slow") from None

    async def _named(self, session: Session, sender: str, recipient: str) -> Session:
        try:
            await session.envelope(sender, recipient)
        except ProviderError:
            self._pool.give_back(session)
            raise
        except BaseException:
            session.smtp.close()
            raise
        return session

    async def close(self) -> None:
        await self._pool.close()
