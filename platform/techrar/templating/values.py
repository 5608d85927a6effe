"""What can a template hold, and how does it look on paper?

Plain JSON data only. Everything else (functions, objects, templates themselves) can neither be printed, read nor
compared, so a context that holds more than data by mistake gives nothing away.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from jinja2 import Undefined
from markupsafe import Markup

from techrar.templating import limits
from techrar.templating.problems import Failure, MissingValue

# Control characters other than tab and line breaks, halves of surrogate pairs and non-characters: no vendor, no JSON
# column and no mailbox wants them.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile("[\t\n\r\u2028\u2029 ]+")


_KINDS: dict[type[Any], str] = {
    str: "a text",
    Markup: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "an object",
}


class Missing(Undefined):
    """A variable without a value: may be tested with `is defined` and replaced with `default`, and nothing else."""

    __slots__ = ()

    def fail(self, *_: object) -> NoReturn:
        raise MissingValue(self._undefined_name or self._undefined_hint or "a value")

    __str__ = __iter__ = __len__ = __bool__ = __contains__ = __neg__ = __pos__ = fail
    __eq__ = __ne__ = __hash__ = fail


def kind(value: Any) -> str:
    """The value in words, for a message."""
    return "null" if value is None else _KINDS.get(type(value), "something that is not data")


def unwanted(text: str) -> int | None:
    """Where the first character is that nothing downstream can carry."""
    found = _UNWANTED.search(text)
    return None if found is None else found.start()


def clean(text: str) -> str:
    """Without characters that nothing downstream can carry."""
    return text if text.isprintable() else _UNWANTED.sub("", text)


def one_line(text: str) -> str:
    """For a header or a title: line breaks become a space, so that nobody can add a header of his own."""
    return text.strip() if text.isprintable() else _BREAKS.sub(" ", clean(text)).strip()


def text(value: Any, name: str = "a value") -> str:
    """The value as it is printed. What was safe HTML loses that mark: to escape twice is ugly, never unsafe."""
    if type(value) is str:
        return value
    if isinstance(value, Markup):
        return str.__str__(value)
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int and value.bit_length() <= 128:
        return str(value)
    if type(value) is float and math.isfinite(value):
        return repr(value)
    if isinstance(value, Missing):
        value.fail()
    if value is None:
        raise MissingValue(name)
    raise Failure("wrong_type", f"{name} is {kind(value)}, which cannot be printed")


def printed(value: Any, name: str) -> str:
    """What `{{ … }}` puts into the output."""
    if type(value) is not str and not isinstance(value, Markup):
        return text(value, name)
    if len(value) > limits.TEXT_CHARS:
        raise Failure("too_large", f"{name} has {len(value)} characters; {limits.TEXT_CHARS} are allowed")
    if value.isprintable():
        return value
    return type(value)(_UNWANTED.sub("", value))


def number(value: Any, what: str) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    if isinstance(value, Missing):
        value.fail()
    raise Failure("wrong_type", f"{what} needs a number, not {kind(value)}")
