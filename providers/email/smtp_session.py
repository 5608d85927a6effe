"""How is one connection to a mail server opened, used and kept?

Everything up to DATA can be tried again. Once the message itself is being written, a broken connection leaves open
whether it was taken.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiosmtplib

from providers.email.smtp_replies import Stage, judge
from providers.errors import Ambiguous, ForbiddenTarget, Misconfigured, Permanent, ProviderError, Transient
from providers.http import Network
from providers.messages import Reason

IDLE_LIMIT = 20.0  # seconds; servers close at 30 and more
MESSAGES_LIMIT = 100  # many servers end a session after a hundred messages
COMMAND_TIMEOUT = 10.0
DATA_TIMEOUT = 16.0


class Gone(Exception):
    """The server hung up before the message was written."""


@dataclass(slots=True)
class Session:
    smtp: aiosmtplib.SMTP
    idle_since: float = 0.0
    messages: int = 0
    clean: bool = True  #: between two messages; cleared while one is under way

    def reusable(self, now: float) -> bool:
        fresh = now - self.idle_since < IDLE_LIMIT and self.messages < MESSAGES_LIMIT
        return fresh and self.clean and self.smtp.is_connected

    async def envelope(self, sender: str, recipient: str) -> None:
        """Name both ends. A refusal leaves the session usable; a hang-up is `Gone`."""
        options = [] if f"{sender}{recipient}".isascii() else ["SMTPUTF8"]
        if options and not self.smtp.supports_extension("smtputf8"):
            raise Permanent(Reason.UNSUPPORTED, "this mail server takes only ASCII addresses")
        self.clean = False
        try:
            await self.smtp.mail(sender, options=options, encoding="utf-8")
            await self.smtp.rcpt(recipient, encoding="utf-8")
        except aiosmtplib.SMTPSenderRefused as error:
            raise await self._refused(Stage.SENDER, error) from error
        except aiosmtplib.SMTPRecipientRefused as error:
            raise await self._refused(Stage.RECIPIENT, error) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
            raise Gone from error

    async def data(self, raw: bytes) -> str:
        """Hand over the message; returns the server's words, which often carry its own id for it."""
        self.messages += 1
        try:
            said = await self.smtp.data(raw, timeout=DATA_TIMEOUT)
        except aiosmtplib.SMTPDataError as error:
            raise await self._refused(Stage.DATA, error) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise Ambiguous(Reason.TIMEOUT, "no answer after the message was written") from error
        except aiosmtplib.SMTPServerDisconnected as error:
            raise Ambiguous(Reason.CONNECTION, "the connection broke after the message was written") from error
        self.clean = True
        return said.message

    async def _refused(self, stage: Stage, error: aiosmtplib.SMTPResponseException) -> ProviderError:
        """Ready for the next message where the server allows it."""
        with suppress(aiosmtplib.SMTPException):
            await self.smtp.rset()
            self.clean = True
        return judge(stage, error.code, error.message)

    async def quit(self) -> None:
        with suppress(aiosmtplib.SMTPException):
            await self.smtp.quit(timeout=2.0)
        self.smtp.close()


async def open_session(config: Any, net: Network, tls: ssl.SSLContext, *, hello: str) -> Session:
    """Connect to a checked address, encrypt, sign in."""
    try:
        sock = await net.open_socket(config.host, config.port)
    except ForbiddenTarget as error:  # the account names the host, not the message
        raise Misconfigured(error.reason, str(error)) from error
    smtp = aiosmtplib.SMTP(
        hostname=config.host,
        sock=sock,
        local_hostname=hello,
        use_tls=config.security == "tls",
        start_tls=False,
        tls_context=tls,
        timeout=COMMAND_TIMEOUT,
    )
    try:
        await _greet(smtp, config, tls)
    except BaseException:
        smtp.close()
        sock.close()
        raise
    return Session(smtp)


async def _greet(smtp: aiosmtplib.SMTP, config: Any, tls: ssl.SSLContext) -> None:
    stage = Stage.CONNECT
    try:
        await smtp.connect()
        if config.security == "starttls":
            await smtp.starttls(tls_context=tls)
        else:
            await smtp.ehlo()
        if config.username:
            stage = Stage.LOGIN
            await smtp.login(config.username, config.password.get_secret_value())
    except aiosmtplib.SMTPResponseException as error:
        raise judge(stage, error.code, error.message) from error
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError) as error:
        raise Transient(Reason.CONNECTION, f"the mail server hung up at {stage}") from error
    except aiosmtplib.SMTPException as error:  # the server does not offer what the account asks for
        raise Misconfigured(Reason.ACCOUNT, f"the mail server cannot do this: {error}", stage=stage.value) from error
    except OSError as error:  # the TLS handshake; nothing was said yet
        raise Transient(Reason.CONNECTION, f"no secure connection: {error}", stage=stage.value) from error


class Pool:
    """Sessions that wait for their next message. As many exist as calls run at once; the engine bounds those."""

    def __init__(self) -> None:
        self._idle: list[Session] = []

    def take(self) -> Session | None:
        """The one used last, so that those too many grow old and go."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            session = self._idle.pop()
            if session.reusable(now):
                return session
            session.smtp.close()
        return None

    def give_back(self, session: Session) -> None:
        session.idle_since = asyncio.get_running_loop().time()
        if session.reusable(session.idle_since):
            self._idle.append(session)
        else:
            session.smtp.close()

    async def close(self) -> None:
        leaving, self._idle = self._idle, []
        await asyncio.gather(*(session.quit() for session in leaving))
