"""How is an address brought into its one spelling?

Each function returns what is stored and compared, or raises ValueError with one sentence for the merchant.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

# What nearly all addresses look like. The full check costs 20 µs, this one less than 1; a test compares their verdicts.
_PLAIN_EMAIL = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63})\Z"
)
_RESERVED = (".local", ".localhost", ".invalid", ".onion", ".arpa")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


def email(text: str) -> str:
    """The domain in lower-case ASCII; the part before the @ as it was, because some servers care."""
    trimmed = text.strip()
    local, _, domain = trimmed.rpartition("@")
    if _PLAIN_EMAIL.match(trimmed) and not domain.lower().endswith(_RESERVED):
        return f"{local}@{domain.lower()}"
    try:
        # `.test` names are for testing, and test mode needs some.
        found = validate_email(trimmed, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"This is not an e-mail address: {error}") from None
    return f"{found.local_part}@{found.ascii_domain}"


def phone(text: str) -> str:
    """E.164. Only the length is checked: numbering plans open new ranges faster than any table of them ships."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise ValueError("The phone number must be in international form, such as +12025550123.") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("The phone number is too short or too long for its country.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def token(text: str) -> str:
    """An opaque word that a vendor gave out."""
    trimmed = text.strip()
    if not _TOKEN.fullmatch(trimmed):
        raise ValueError("The token must be 1 to 4096 visible ASCII characters without spaces.")
    return trimmed


def web_url(text: str) -> str:
    """An http(s) address without credentials in it. Whether we may connect there is decided when connecting."""
    trimmed = text.strip()
    try:
        parts = urlsplit(trimmed)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or len(trimmed) > 2_000 or not trimmed.isprintable() or " " in trimmed:
        raise ValueError("The address must be a web address such as https://example.com/hook.")
    if "@" in parts.netloc:
        raise ValueError("The web address must not contain a user name or password.")
    return trimmed
