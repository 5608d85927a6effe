"""Which filters and tests does the template language have?

The allow-list: what is not here does not exist. Every filter bounds what it makes. `docs/templates.md` lists all of
them and a test compares both. Dates, money and numbers by locale will join here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from jinja2 import pass_context
from markupsafe import Markup
from markupsafe import escape as html_escape

from techrar.templating import limits
from techrar.templating.operators import RenderContext
from techrar.templating.problems import Failure
from techrar.templating.values import Missing, kind, number, text

_WORD = re.compile(r"[^\s\-(\[{<]+")
_ROUNDING = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_MOST_DIGITS = 40


def default(value: Any, other: Any = "", boolean: Any = False) -> Any:
    """The other value where there is none (missing or null); with `true` as second argument also for empty and 0."""
    if isinstance(value, Missing) or value is None or (boolean and not value):
        return other
    return value


def _simple(name: str, change: Callable[[str], str]) -> Callable[..., str]:
    @pass_context
    def apply(context: RenderContext, value: Any) -> str:
        given = text(value, f"what {name} is given")
        context.work.copy(len(given))
        return change(given)

    return apply


@pass_context
def title(context: RenderContext, value: Any) -> str:
    given = text(value, "what title is given")
    context.work.spend(2 * len(given))
    context.work.copy(len(given))
    return _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:].lower(), given)


@pass_context
def truncate(context: RenderContext, value: Any, length: Any = 255, killwords: Any = False, end: Any = "…") -> str:
    """At most `length` characters, cut between words unless `killwords`, with `end` put after what was cut."""
    given, mark = text(value, "what truncate is given"), text(end)
    if type(length) is not int or length < len(mark):
        raise Failure("wrong_type", "truncate needs a length at least as long as its end mark")
    if len(given) <= length:
        return given
    context.work.copy(length)
    short = given[: length - len(mark)]
    return (short if killwords else short.rsplit(" ", 1)[0]) + mark


@pass_context
def replace(context: RenderContext, value: Any, old: Any, new: Any) -> str:
    given, old, new = text(value, "what replace is given"), text(old), text(new)
    if not old:
        raise Failure("wrong_type", "replace needs a text to look for")
    context.work.copy(len(given))
    context.work.copy(len(given) + given.count(old) * (len(new) - len(old)))
    return given.replace(old, new)


@pass_context
def join(context: RenderContext, value: Any, separator: Any = "", attribute: Any = None) -> str:
    """The items of a list in a row; with `attribute`, that value of each."""
    items, between = _sequence(value, "join"), text(separator)
    context.work.spend(2 * len(items))
    if attribute is not None:
        items = [part.get(attribute) if isinstance(part, dict) else None for part in items]
    parts = [text(part, "an item of what join is given") for part in items]
    context.work.copy(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _sequence(value: Any, name: str) -> Any:
    if isinstance(value, Missing):
        value.fail()
    if type(value) in (list, tuple, dict):
        return value
    raise Failure("wrong_type", f"{name} needs a list, not {kind(value)}")


def _ends(value: Any, name: str, position: int) -> Any:
    sequence = text(value) if isinstance(value, str) else _sequence(value, name)
    if isinstance(sequence, dict):
        raise Failure("wrong_type", f"{name} needs a list, not an object")
    if not sequence:
        return Missing(name=f"the {name} item of an empty list")
    return sequence[position]


def length(value: Any) -> int:
    return len(value if isinstance(value, str) else _sequence(value, "length"))


@pass_context
def items(context: RenderContext, value: Any) -> list[tuple[Any, Any]]:
    """The keys and values of an object, for `{% for key, value in object|items %}`."""
    if isinstance(value, Missing):
        value.fail()
    if not isinstance(value, dict):
        raise Failure("wrong_type", f"items needs an object, not {kind(value)}")
    context.work.spend(16 * len(value))
    return list(value.items())


def _parsed(value: Any, name: str, other: Any, parse: Callable[[Any], Any]) -> Any:
    if isinstance(value, Missing):
        value.fail()
    if type(value) in (int, float) or (isinstance(value, str) and len(value) <= _MOST_DIGITS):
        with suppress(ValueError, OverflowError):
            return parse(value)
    if other is None:
        raise Failure("wrong_type", f"{name} was given {kind(value)} that is not a number; give it a default")
    return other


def _finite(value: Any) -> float:
    result = float(value)
    if not math.isfinite(result):
        raise ValueError(value)
    return result


def _whole_part(value: Any) -> int:
    with suppress(ValueError):
        return int(value)
    return int(_finite(value))


def integer(value: Any, default: Any = None) -> Any:
    """A whole number; what is behind the point is dropped."""
    return _parsed(value, "int", default, _whole_part)


def decimal(value: Any, default: Any = None) -> Any:
    return _parsed(value, "float", default, _finite)


def rounded(value: Any, precision: Any = 0, method: Any = "common") -> int | float:
    """Half away from zero, as on a bill; a whole number when the precision is 0."""
    if type(precision) is not int or not 0 <= precision <= 6 or method not in _ROUNDING:
        raise Failure("wrong_type", "round needs a precision from 0 to 6 and common, ceil or floor")
    given = number(value, "round")
    if not -limits.NUMBER <= given <= limits.NUMBER:
        raise Failure("too_large", f"round takes numbers up to {limits.NUMBER}")
    result = Decimal(repr(given)).quantize(Decimal(1).scaleb(-precision), rounding=_ROUNDING[method])
    return float(result) if precision else int(result)


@pass_context
def urlencode(context: RenderContext, value: Any) -> str:
    """For a part of an address."""
    given = text(value, "what urlencode is given")
    context.work.copy(len(given))
    encoded = given.encode("utf-8", "replace")
    context.work.spend(len(encoded))
    context.work.copy(3 * len(encoded))
    return quote(encoded, safe="")


@pass_context
def escape(context: RenderContext, value: Any) -> Markup:
    """Safe inside HTML. In HTML fields this happens by itself."""
    if isinstance(value, Markup):
        return value
    given = text(value, "what escape is given")
    context.work.copy(len(given))
    result = html_escape(given)
    context.work.copy(len(result))
    return result


FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": _simple("capitalize", str.capitalize),
    "d": default,
    "default": default,
    "e": escape,
    "escape": escape,
    "first": lambda value: _ends(value, "first", 0),
    "float": decimal,
    "int": integer,
    "items": items,
    "join": join,
    "last": lambda value: _ends(value, "last", -1),
    "length": length,
    "lower": _simple("lower", str.lower),
    "replace": replace,
    "round": rounded,
    "string": _simple("string", str),
    "title": title,
    "trim": _simple("trim", str.strip),
    "truncate": truncate,
    "upper": _simple("upper", str.upper),
    "urlencode": urlencode,
}


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    raise Failure("wrong_type", f"this test needs a whole number, not {kind(value)}")


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": lambda value: type(value) is bool,
    "defined": lambda value: not isinstance(value, Missing),
    "divisibleby": lambda value, by: by != 0 and _whole(value) % _whole(by) == 0,
    "even": lambda value: _whole(value) % 2 == 0,
    "none": lambda value: value is None,
    "number": lambda value: type(value) in (int, float),
    "odd": lambda value: _whole(value) % 2 == 1,
    "string": lambda value: isinstance(value, str),
    "undefined": lambda value: isinstance(value, Missing),
}
