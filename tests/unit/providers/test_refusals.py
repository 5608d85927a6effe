"""What does an answer come to that no table of a vendor's knows? The rule of docs/adding-a-provider.md, row by row."""

from __future__ import annotations

import pytest

from providers.base import OutcomeKind, Reason
from providers.errors import Misconfigured, Permanent, Throttled
from providers.http import Answer
from providers.refusals import ENOUGH, FINAL, NOBODY, SLOWER, UNREACHABLE, Refusal, refusal
from providers.testing import NOW

UNCLEAR, AGAIN, UNREAD = ("ambiguous", "unexpected_answer"), ("retry", "vendor_error"), ("retry", "unexpected_answer")
RATE, KEY, CONTENT = ("throttled", "rate"), ("misconfigured", "credentials"), ("rejected", "content_refused")


def said(answer: Answer, **given: object) -> tuple[str, str]:
    error = refusal(answer, NOW, **given)  # type: ignore[arg-type]
    return error.kind.value, error.reason.value


@pytest.mark.parametrize(
    ("status", "from_anybody", "from_the_vendor"),
    [
        *((status, UNCLEAR, UNCLEAR) for status in (200, 202, 204, 502, 504, 520, 524)),
        *((status, AGAIN, AGAIN) for status in (408, 425, 500, 501, 503, 521, 529)),
        *((status, UNREAD, UNREAD) for status in (301, 302)),
        *((status, UNREAD, CONTENT) for status in (400, 404, 410, 413, 418, 422)),
        (401, KEY, KEY),
        (403, UNREAD, KEY),
        (429, RATE, RATE),
    ],
)
def test_a_status_is_judged_alike_for_every_vendor(
    status: int, from_anybody: tuple[str, str], from_the_vendor: tuple[str, str]
) -> None:
    answer = Answer(status, {}, b"")
    assert said(answer) == from_anybody
    assert said(answer, theirs=True) == said(answer, code="a-new-word") == from_the_vendor


def test_a_code_wins_over_a_status_and_a_status_over_the_rule_when_the_body_is_the_vendors() -> None:
    codes: dict[str, Refusal] = {"7": NOBODY}
    statuses: dict[int, Refusal] = {404: UNREACHABLE}
    answer = Answer(404, {}, b"")
    assert said(answer, code="7", codes=codes, statuses=statuses) == ("rejected", "invalid_address")
    assert said(answer, code="8", codes=codes, statuses=statuses) == ("rejected", "unreachable")
    assert said(answer, codes=codes, statuses=statuses) == UNREAD


@pytest.mark.parametrize(("header", "waits"), [({}, 60.0), ({"Retry-After": "5"}, 60.0), ({"Retry-After": "90"}, 90.0)])
def test_the_longer_wait_holds(header: dict[str, str], waits: float) -> None:
    given = {"codes": {"7": SLOWER}, "waits": {"7": 60.0}}
    assert refusal(Answer(429, header, b""), NOW, code="7", **given).retry_after == waits  # type: ignore[arg-type]


def test_nothing_waits_for_what_is_final() -> None:
    answer = Answer(400, {"Retry-After": "90"}, b"")
    assert refusal(answer, NOW, code="7", codes={"7": NOBODY}).retry_after is None


def test_what_one_recipient_has_had_enough_of_speaks_neither_against_the_address_nor_against_the_account() -> None:
    kind, reason = ENOUGH
    assert (kind, kind.kind) == (Throttled, OutcomeKind.THROTTLED)
    assert reason is Reason.RECIPIENT_RATE
    assert reason not in FINAL
    assert not issubclass(kind, Misconfigured | Permanent)


def test_what_a_vendor_says_is_kept_without_the_address_it_repeats() -> None:
    error = refusal(Answer(400, {}, b""), NOW, code="7", said="no such number: +12025550123")
    assert str(error) == "the vendor said 7: no such number: +***123"
