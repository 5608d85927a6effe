"""A real mail server that keeps what it takes and fails as the test scripts it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Mail:
    sender: str
    recipient: str
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class MailServer:
    """`async with MailServer() as server`; then `server.replies["DATA"] = "554 5.7.1 spam"` and the like.

    Keys are MAIL, RCPT, DATA or a recipient's address; `cut` and `hang` stand in place of a reply.
    """

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        utf8: bool = True,
        port: int = 0,
    ) -> None:
        self.replies: dict[str, str] = {}
        self.mails: list[Mail] = []
        self.connections: list[SMTP] = []
        self.logins: list[tuple[str, str]] = []
        self.quits = 0
        self._tls = tls
        self._options: dict[str, Any] = {"enable_SMTPUTF8": utf8, "tls_context": starttls, "hostname": "mail.test"}
        if login:
            # It does not notice that a connection was encrypted from its first byte on.
            self._options |= {
                "authenticator": self._authenticate,
                "auth_required": not tls,
                "auth_require_tls": not tls,
            }
        self._login = login
        self._port = port
        self._released = asyncio.Event()

    async def __aenter__(self) -> MailServer:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, "127.0.0.1", self._port, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        self._server.close()
        self.hang_up()
        await asyncio.gather(*(c._handler_coroutine for c in self.connections), return_exceptions=True)

    def hang_up(self) -> None:
        """Close every connection, as a server does with those that idle."""
        for connection in self.connections:
            if connection.transport:
                connection.transport.close()

    def _connected(self) -> SMTP:
        connection = SMTP(self, loop=asyncio.get_running_loop(), **self._options)
        self.connections.append(connection)
        return connection

    def _authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self._login, handled=False)

    async def handle_MAIL(self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._reply(server, "MAIL", "250 OK")

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]) -> str:
        reply = await self._reply(server, address if address in self.replies else "RCPT", "250 OK")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.mails += [Mail(envelope.mail_from, to, envelope.content) for to in envelope.rcpt_tos]
        return await self._reply(server, "DATA", "250 2.0.0 queued as 4F3A2")

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:
        self.quits += 1
        return "221 Bye"

    async def _reply(self, server: SMTP, key: str, otherwise: str) -> str:
        reply = self.replies.get(key, otherwise)
        if reply == "hang":
            await self._released.wait()
        if reply == "cut":
            assert server.transport
            server.transport.abort()
        return reply
