"""What does a mail server's refusal mean for the message, and for the account?

The reply's code and its enhanced status (RFC 3463), seen together with the moment at which it came.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from providers.errors import Misconfigured, Permanent, ProviderError, Transient
from providers.messages import Reason
from providers.redact import redact


class Stage(StrEnum):
    CONNECT = "connect"
    LOGIN = "login"
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"


NOT_LET_IN = {530, 534, 535, 538}  # authentication required, too weak, failed, needs encryption
GREYLISTED = {421, 450, 451, 452}  # "come back later" is meant in minutes
GREYLIST_WAIT = 300.0
SHORT_WAIT = 60.0
NOBODY_THERE = re.compile(r"5\.(1\.[12346]|2\.1)\b")  # no such mailbox, no such domain, moved, disabled
POLICY = re.compile(r"5\.7\.\d{1,3}\b")
TOO_MUCH = {552, 554}  # too large, or its content is not wanted


def judge(stage: Stage, code: int, text: str) -> ProviderError:
    """The error that this reply amounts to."""
    said = redact(text, limit=300)
    detail: dict[str, Any] = {"stage": stage.value, "status": code, "answer": said}
    message = f"{code} at {stage.value}"
    if 400 <= code < 500:
        wait = GREYLIST_WAIT if code in GREYLISTED else SHORT_WAIT
        return Transient(Reason.VENDOR_ERROR, message, retry_after=wait, **detail)
    if code in NOT_LET_IN or stage is Stage.LOGIN:
        return Misconfigured(Reason.CREDENTIALS, message, **detail)
    if NOBODY_THERE.match(said) and stage in (Stage.RECIPIENT, Stage.DATA):
        return Permanent(Reason.INVALID_ADDRESS, message, **detail)
    if code in TOO_MUCH and stage is not Stage.CONNECT:
        return Permanent(Reason.CONTENT_REFUSED, message, **detail)
    if stage in (Stage.CONNECT, Stage.SENDER):
        return Misconfigured(Reason.ACCOUNT, message, **detail)
    if stage is Stage.DATA:
        return Permanent(Reason.CONTENT_REFUSED, message, **detail)
    # A bare 550 may also mean that the server dislikes *us*: never a reason to suppress the address for good.
    return Permanent(Reason.BLOCKED if POLICY.match(said) else Reason.UNREACHABLE, message, **detail)
