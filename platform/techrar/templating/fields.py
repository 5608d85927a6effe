"""How is one text of a channel's content filled in, and what may come out of it?

A channel says of each of its fields which part it plays; the part decides about escaping, line breaks and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.channel import Part
from techrar.core.errors import FieldError
from techrar.templating.problems import Failure, MissingValue, MissingVariable, RenderProblem, sentence
from techrar.templating.sandbox import Program, compile_source
from techrar.templating.values import one_line
from techrar.templating.work import Work

Fill = Callable[[Mapping[str, Any], Work], Any]

_ADDRESS = re.compile(r"https?://[^\s/?#@\\<>\"]+([/?#][^\s\\<>\"]*)?", re.IGNORECASE)


class Leaf:
    """One text with something to fill in, and where it stands."""

    __slots__ = ("_field", "_finish", "_program")

    def __init__(self, part: Part, source: str, field: str) -> None:
        """Raise `Refused` or `Failure` when the text may not be saved."""
        if part is Part.URL:
            _check_scheme(source)
        self._field = field
        self._program: Program = compile_source(source, escape=part is Part.HTML)
        self._finish = _FINISH.get(part)

    @property
    def nodes(self) -> int:
        return self._program.nodes

    def __call__(self, variables: Mapping[str, Any], work: Work) -> str | None:
        try:
            text = self._program.run(variables, work)
            work.copy(len(text))  # a field may hold any number of texts; their lengths count together
            return text if self._finish is None else self._finish(text)
        except MissingValue as missing:
            if missing.is_variable:
                raise MissingVariable(missing.name, self._field) from None
            raise self._problem(missing) from None
        except Failure as failure:
            raise self._problem(failure) from None

    def _problem(self, failure: Failure) -> RenderProblem:
        error = FieldError(self._field, failure.code, sentence(failure.message, failure.line))
        return RenderProblem(error, content_field=self._field)


def finished(part: Part, text: str) -> str | None:
    """A text without anything to fill in, as it is sent. Raise `Failure` for an address that is none."""
    finish = _FINISH.get(part)
    return text if finish is None else finish(text)


def fill_object(plain: dict[str, Any], fills: list[tuple[str, Fill]], variables: Mapping[str, Any], work: Work) -> Any:
    result = dict(plain)
    for key, fill in fills:
        result[key] = fill(variables, work)
    return result


def fill_list(plain: list[Any], fills: list[tuple[int, Fill]], variables: Mapping[str, Any], work: Work) -> Any:
    result = list(plain)
    for index, fill in fills:
        result[index] = fill(variables, work)
    return result


def _check_scheme(source: str) -> None:
    """`javascript:{{ x }}` is refused when it is saved; what only the data can tell is checked when it is rendered."""
    start = source.split("{", 1)[0].strip().lower()
    if ":" in start and not start.startswith(("http://", "https://")):
        raise Failure("bad_url", "an address must begin with https:// or http://")


def _address(text: str) -> str | None:
    """An empty address means that there is none: `{{ image|default('') }}`."""
    text = text.strip()
    if text and not _ADDRESS.fullmatch(text):
        raise Failure("bad_url", f"an address begins with https:// or http:// and holds no blanks, not {text[:60]!r}")
    return text or None


_FINISH: dict[Part, Callable[[str], str | None]] = {Part.LINE: one_line, Part.URL: _address}
