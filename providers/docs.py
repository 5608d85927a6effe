"""Which parts of the documentation follow from the code?

Pages hold marked places that are filled from the registry: `python -m providers.docs` writes them, a test says when one
is stale. So no table of what providers can do is ever kept by hand.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from providers.base import Provider
from providers.messages import OutcomeKind, Reason, ReceiptKind
from providers.registry import PROVIDERS, channel, channels, load, providers_of, sandbox_of
from providers.sandbox import Sandbox
from providers.sandbox_magic import MAGIC

PAGES = Path(__file__).resolve().parents[1] / "docs" / "providers"
_PLACE = re.compile(r"(<!-- generated: (?P<what>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The same page with every marked place as the code says it now."""
    load()
    return _PLACE.sub(lambda place: f"{place[1]}\n{_block(place['what'])}\n{place[3]}", text)


def page_of(cls: type[Provider]) -> str:
    """Every provider has a page; the sandboxes share one."""
    return "sandbox.md" if cls.capabilities.sandbox else f"{cls.channel}-{cls.key}.md".replace("_", "-")


def _block(what: str) -> str:
    name, _, rest = what.partition(".")
    return BLOCKS[name](*([rest] if rest else []))


def _matrix() -> str:
    head = ["channel", "provider", "key", "per call", "calls at once", "timeout", "receipts", "safe to repeat"]
    ordered = sorted(PROVIDERS.values(), key=lambda cls: (cls.channel, cls.capabilities.sandbox, cls.key))
    rows = [
        [
            channel(cls.channel).title,
            f"[{cls.title}]({page_of(cls)})",
            f"`{cls.key}`",
            f"{cls.capabilities.max_batch}",
            f"{cls.capabilities.concurrency}",
            f"{cls.capabilities.timeout:g} s",
            _yes(cls.capabilities.receipts),
            _yes(cls.capabilities.idempotent),
        ]
        for cls in ordered
    ]
    return _table(head, rows)


def _channels() -> str:
    head = ["channel", "key", "address in `to`", "content", "providers"]
    rows = [
        [
            each.title,
            f"`{each.key}`",
            f"`{each.address_field}`",
            ", ".join(f"`{name}` ({kind})" for name, kind in each.parts.items()),
            ", ".join(f"`{key}`" for key in sorted(providers_of(each.key))),
        ]
        for each in channels().values()
    ]
    return _table(head, rows)


def _words(enum: type[StrEnum]) -> Callable[[], str]:
    """An enum's members with the comment that stands beside each."""
    return lambda: _table(["word", "meaning"], [[f"`{v}`", m] for v, m in _meanings(enum)])


def _meanings(enum: type[StrEnum]) -> Iterable[tuple[str, str]]:
    lines = re.findall(r'^    \w+ = "(\w+)"(?:  #: (.*))?$', inspect.getsource(enum), re.MULTILINE)
    return [(value, meaning or value) for value, meaning in lines]


def _magic() -> str:
    email, sms = (_sandbox(key) for key in ("email", "sms"))
    rows = [
        [f"`{email.address_for(word)}`", f"`{sms.address_for(word)}`", behaviour.meaning]
        for word, behaviour in MAGIC.items()
    ]
    return _table(["e-mail", "phone", "what happens"], rows)


def _magic_addresses() -> str:
    rows = [[each.title, f"`{_sandbox(each.key).address_for('bounce')}`"] for each in channels().values()]
    return _table(["channel", "an address that bounces"], rows)


def _sandbox(key: str) -> type[Sandbox]:
    found = sandbox_of(key)
    assert issubclass(found, Sandbox), f"{found} does not share the sandbox's table"
    return found


def _config(provider: str) -> str:
    rows = [
        [f"`{name}`", _default(field), field.description or ""]
        for name, field in PROVIDERS[provider].Config.model_fields.items()
    ]
    return _table(["setting", "default", "meaning"], rows)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        return "made for you"
    shown = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    return f"`{shown}`" if shown not in ("", None) else ""


def _yes(value: bool) -> str:
    return "yes" if value else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


BLOCKS: dict[str, Callable[..., str]] = {
    "matrix": _matrix,
    "channels": _channels,
    "outcomes": _words(OutcomeKind),
    "reasons": _words(Reason),
    "receipts": _words(ReceiptKind),
    "magic": _magic,
    "magic_addresses": _magic_addresses,
    "config": _config,
}


def main() -> None:
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text()
        if text != filled(text):
            page.write_text(filled(text))
            sys.stdout.write(f"{page.name} was stale and is written anew\n")


if __name__ == "__main__":
    main()
