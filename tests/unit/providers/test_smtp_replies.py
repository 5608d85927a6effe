"""What does each refusal of a mail server mean?"""

from __future__ import annotations

import pytest

from providers.email.smtp_replies import GREYLIST_WAIT, Stage, judge
from providers.errors import Misconfigured, Permanent, ProviderError, Transient

CONNECT, LOGIN, SENDER, RECIPIENT, DATA = Stage


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind", "reason"),
    [
        (CONNECT, 421, "4.3.2 too busy", Transient, "vendor_error"),
        (CONNECT, 554, "5.7.1 we do not know you", Misconfigured, "account"),
        (LOGIN, 535, "5.7.8 wrong password", Misconfigured, "credentials"),
        (LOGIN, 534, "5.7.9 too weak", Misconfigured, "credentials"),
        (LOGIN, 454, "4.7.0 later", Transient, "vendor_error"),
        (LOGIN, 550, "account closed", Misconfigured, "credentials"),
        (SENDER, 530, "5.7.0 authentication required", Misconfigured, "credentials"),
        (SENDER, 553, "5.7.1 not your address", Misconfigured, "account"),
        (SENDER, 552, "5.3.4 too large", Permanent, "content_refused"),
        (SENDER, 451, "4.3.0 later", Transient, "vendor_error"),
        (RECIPIENT, 450, "4.2.0 greylisted", Transient, "vendor_error"),
        (RECIPIENT, 452, "4.2.2 mailbox full", Transient, "vendor_error"),
        (RECIPIENT, 550, "5.1.1 no such user", Permanent, "invalid_address"),
        (RECIPIENT, 550, "5.1.2 no such domain", Permanent, "invalid_address"),
        (RECIPIENT, 550, "5.2.1 mailbox disabled", Permanent, "invalid_address"),
        (RECIPIENT, 550, "5.7.1 not from here", Permanent, "blocked"),
        (RECIPIENT, 550, "no", Permanent, "unreachable"),
        (RECIPIENT, 550, "see RFC 5.1.1", Permanent, "unreachable"),
        (RECIPIENT, 554, "5.7.1 relay access denied", Permanent, "content_refused"),
        (DATA, 552, "5.3.4 too large", Permanent, "content_refused"),
        (DATA, 554, "5.7.1 spam", Permanent, "content_refused"),
        (DATA, 550, "5.7.1 spam", Permanent, "content_refused"),
        (DATA, 550, "5.1.1 no such user after all", Permanent, "invalid_address"),
        (DATA, 451, "4.7.1 greylisted", Transient, "vendor_error"),
    ],
)
def test_a_refusal_says_whether_to_retry_reject_or_pause(
    stage: Stage, code: int, text: str, kind: type[ProviderError], reason: str
) -> None:
    found = judge(stage, code, text)
    assert (type(found), found.reason.value) == (kind, reason)
    assert found.detail == {"stage": stage.value, "status": code, "answer": text}


@pytest.mark.parametrize("code", [421, 450, 451, 452])
def test_greylisting_is_waited_out_for_minutes(code: int) -> None:
    assert judge(RECIPIENT, code, "greylisted").retry_after == GREYLIST_WAIT >= 60


def test_the_answer_that_is_kept_shows_no_address() -> None:
    assert "jane" not in str(judge(RECIPIENT, 550, "5.1.1 <jane.doe@example.com>: no").detail)
