"""What does one recipient read?

`compile_content` turns the content of one channel (`{"subject": …, "html": …}`) into a `Compiled`, once; its `render`
fills in one message's data. How a field is filled in follows from the part that the channel declares. No Django here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from providers.channel import Part
from providers.registry import channels
from techrar.core.errors import FieldError
from techrar.templating import limits
from techrar.templating.fields import Fill, Leaf, fill_list, fill_object, finished
from techrar.templating.problems import RECIPIENT, Code, Failure, Refused, RenderProblem, TemplateProblem, sentence
from techrar.templating.sandbox import is_plain
from techrar.templating.values import unwanted
from techrar.templating.work import Work

_DATA_DEPTH = 20


class Compiled:
    """The content of one channel, ready to be filled in any number of times, by any thread."""

    __slots__ = ("_base", "_fields")

    def __init__(self, base: dict[str, Any], fields: tuple[tuple[str, Fill], ...]) -> None:
        self._base = base
        self._fields = fields

    def render(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Raise `MissingVariable` or another `RenderProblem`, naming the first field that cannot be filled in."""
        result = self._base.copy()
        work = Work()
        for name, fill in self._fields:
            value = fill(variables, work)
            if value is None:
                del result[name]
            else:
                result[name] = value
        return result

    def problems(self, variables: Mapping[str, Any]) -> tuple[FieldError, ...]:
        """What is wrong in every field with this data, for somebody who wants to mend all of it at once."""
        found: dict[FieldError, None] = {}
        for _, fill in self._fields:
            try:
                fill(variables, Work())
            except RenderProblem as problem:
                found |= dict.fromkeys(problem.errors)
        return tuple(found)


def variables(data: Mapping[str, Any], to: Mapping[str, Any]) -> dict[str, Any]:
    """What a template may name: the send's data at the top, and who the message goes to."""
    return {**data, RECIPIENT: to}


def compile_content(channel: str, content: Mapping[str, Any], *, at: str = "content") -> Compiled:
    """Raise `TemplateProblem` with every field that cannot be compiled, as `content.email.subject`."""
    known = channels().get(channel)
    if known is None:
        message = f"There is no channel {channel!r}; there are {', '.join(channels())}."
        raise TemplateProblem((FieldError(f"{at}.{channel}", "unknown_channel", message),))
    return compile_parts(known.parts, content, at=f"{at}.{channel}")


def compile_parts(parts: Mapping[str, Part], content: Mapping[str, Any], *, at: str) -> Compiled:
    """The same for a channel given by its parts."""
    compiler = _Compiler()
    base: dict[str, Any] = {}
    fields: list[tuple[str, Fill]] = []
    for name, value in content.items():
        if value is None:
            continue
        part = parts.get(name)
        if part is None:
            compiler.refuse(f"{at}.{name}", "unknown_field", f"Unknown field; known here: {', '.join(parts)}.")
            continue
        plain, fill = compiler.value(part, value, f"{at}.{name}")
        if fill is not None:
            fields.append((name, fill))
        if fill is not None or plain is not None:
            base[name] = plain
    if compiler.errors:
        raise TemplateProblem(tuple(compiler.errors))
    return Compiled(base, tuple(fields))


class _Compiler:
    """One pass over a channel's content, collecting what is wrong instead of stopping at the first."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._nodes = 0

    def refuse(self, field: str, code: Code, message: str) -> None:
        self.errors.append(FieldError(field, code, message))

    def value(self, part: Part, value: Any, field: str, depth: int = 0) -> tuple[Any, Fill | None]:
        """The value as it is without data, and what fills it in when it has anything to fill in."""
        if depth > _DATA_DEPTH:
            self.refuse(field, "too_complex", f"This lies more than {_DATA_DEPTH} deep.")
            return None, None
        if isinstance(value, str):
            return self._text(part, value, field)
        if isinstance(value, Mapping):
            return self._object(part, value, field, depth)
        if isinstance(value, list | tuple):
            return self._list(part, value, field, depth)
        return value, None

    def _object(self, part: Part, value: Mapping[str, Any], field: str, depth: int) -> tuple[Any, Fill | None]:
        pairs = {key: self.value(part, inner, f"{field}.{key}", depth + 1) for key, inner in value.items()}
        plain = {key: inner for key, (inner, _) in pairs.items()}
        fills = [(key, fill) for key, (_, fill) in pairs.items() if fill is not None]
        return plain, partial(fill_object, plain, fills) if fills else None

    def _list(self, part: Part, value: list[Any] | tuple[Any, ...], field: str, depth: int) -> tuple[Any, Fill | None]:
        pairs = [self.value(part, inner, f"{field}.{index}", depth + 1) for index, inner in enumerate(value)]
        plain = [inner for inner, _ in pairs]
        fills = [(index, fill) for index, (_, fill) in enumerate(pairs) if fill is not None]
        return plain, partial(fill_list, plain, fills) if fills else None

    def _text(self, part: Part, source: str, field: str) -> tuple[Any, Fill | None]:
        try:
            _check_characters(source)
            if is_plain(source):
                return finished(part, source), None
            leaf = Leaf(part, source, field)
            self._nodes += leaf.nodes
            if self._nodes > limits.CONTENT_NODES:
                raise Refused("too_complex", "all fields together have too many parts; prepare values in data", 1)
        except (Refused, Failure) as problem:
            self.refuse(field, problem.code, sentence(problem.message, problem.line))
            return None, None
        return "", leaf


def _check_characters(source: str) -> None:
    position = unwanted(source)
    if position is not None:
        line = source.count("\n", 0, position) + 1
        message = f"the control character U+{ord(source[position]):04X} cannot be sent; remove it"
        raise Refused("control_character", message, line)
