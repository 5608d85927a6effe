"""Law 9: vendor words stop at `providers/`, and nothing outside a channel's folder asks which channel it is."""

from __future__ import annotations

import re
from pathlib import Path

from providers.registry import channels, providers_of

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = ("platform", "consumers", "segmentation", "abtest", "frontend")
#: Names of vendors' machinery, whether an adapter is there already or not.
VENDORS = (
    "smtp",
    "sendgrid",
    "mailgun",
    "postmark",
    "resend.com",
    "twilio",
    "vonage",
    "apns",
    "firebase",
    "graph.facebook",
)


def switches(text: str) -> list[str]:
    """Lines that decide by a channel's name."""
    keys = "|".join(channels())
    pattern = re.compile(rf"""channel(\.key|_key)?["'\]]*\s*(==|!=|in|is)\s*[\[({{]*["']({keys})["']""")
    cases = re.compile(rf"""^\s*case\s+["']({keys})["']""")
    return [line.strip() for line in text.splitlines() if pattern.search(line) or cases.search(line)]


def vendor_words(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if any(word in line.lower() for word in VENDORS)]


def sources() -> list[Path]:
    return [path for folder in OUTSIDE for path in (ROOT / folder).rglob("*.py")]


def test_nobody_outside_asks_for_a_channel() -> None:
    assert {str(p): found for p in sources() if (found := switches(p.read_text()))} == {}


def test_no_vendor_is_named_outside() -> None:
    assert {str(p): found for p in sources() if (found := vendor_words(p.read_text()))} == {}


def test_the_checks_notice_what_they_are_for() -> None:
    assert switches('if channel == "email":') == ['if channel == "email":']
    assert switches('if row.channel in ("sms", "push"):') == ['if row.channel in ("sms", "push"):']
    assert switches('        case "sms":') == ['case "sms":']
    assert vendor_words("raise SMTPError(550)") == ["raise SMTPError(550)"]


def test_every_channel_has_a_sandbox_beside_its_vendors() -> None:
    assert all("sandbox" in providers_of(key) for key in channels())
