"""How is a merchant's template compiled and run without trusting it?

Jinja2's own sandbox keeps templates away from Python, but bounds neither time nor memory. Here everything that could
grow is bounded instead: `grammar` refuses what is not needed, before compiling; `rewrite` and `operators` make every
remaining operation pay from one budget (`work`); values are plain data (`values`). What is left costs so little that
rendering stays in the process and on the thread that asks, thousands of times per second, without a worker to kill:
an own process per render would cost more than the sending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from techrar.templating import filters, grammar, limits, operators
from techrar.templating.cache import WeightedCache
from techrar.templating.problems import Failure, Refused
from techrar.templating.rewrite import rewrite
from techrar.templating.values import Missing, number
from techrar.templating.work import Work

_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_OPENING = re.compile(r"\{[{%#]")
_FILE = "<merchant template>"


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """No globals, no loader, no attribute access, the operators of `operators`, the filters of `filters`.

    Checked and rewritten templates never reach `getattr`, `getitem` and `call`; should one do so all the same, there is
    nothing to be had.
    """

    context_class = operators.RenderContext
    intercepted_unops = frozenset({"+", "-"})
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, escape: bool) -> None:
        super().__init__(
            undefined=Missing, autoescape=escape, keep_trailing_newline=True, optimized=False, cache_size=0
        )
        self.globals.clear()
        self.filters = {**filters.FILTERS, **operators.HIDDEN}
        self.tests = dict(filters.TESTS)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return operators.arithmetic(context, operator, left, right)

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        context.work.spend(1)
        return -number(arg, "`-`") if operator == "-" else number(arg, "`+`")

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ARG002
        return Missing(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ARG002
        return Missing(name=str(argument))

    def call(self, *_: Any, **__: Any) -> Any:
        raise Failure("not_allowed", "calls are not available")


_ENVIRONMENTS = {escape: BoundedEnvironment(escape=escape) for escape in (False, True)}


class Program:
    """One compiled text."""

    __slots__ = ("_environment", "_root", "_template", "nodes")

    def __init__(self, environment: BoundedEnvironment, template: Template, size: int) -> None:
        self._environment = environment
        self._template = template
        self._root: Callable[[Any], Iterator[str]] = template.root_render_func
        self.nodes = size

    def run(self, variables: Mapping[str, Any], work: Work) -> str:
        """Raise `Failure` when the data does not fit or the budget is spent."""
        context = operators.RenderContext(self._environment, variables, None, {})  # type: ignore[arg-type]
        context.work = work
        parts: list[str] = []
        room = limits.OUTPUT_CHARS
        try:
            for part in self._root(context):
                room -= len(part)
                if room < 0:
                    raise Failure("too_large", f"the result is longer than {limits.OUTPUT_CHARS} characters")
                parts.append(part)
        except Failure as failure:
            failure.line = self._line(failure.__traceback__)
            raise
        except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, TemplateError) as error:
            raise Failure("wrong_type", str(error), self._line(error.__traceback__)) from error
        return "".join(parts)

    def _line(self, trace: TracebackType | None) -> int:
        line = 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _FILE:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


def is_plain(source: str) -> bool:
    """Nothing to fill in: the text is its own result."""
    return _OPENING.search(source) is None


def compile_source(source: str, *, escape: bool) -> Program:
    """Raise `Refused` for what may not be saved. Compiled once per process while it is in use."""
    found = _CACHE.get((source, escape))
    if found is None:
        found = _compile(source, escape)
        _CACHE.put((source, escape), found, weight=found.nodes + len(source) // 256 + 10)
    return found


def _compile(source: str, escape: bool) -> Program:
    if len(source) > limits.SOURCE_CHARS:
        message = f"the template has {len(source)} characters; {limits.SOURCE_CHARS} are allowed"
        raise Refused("too_large", message, 1)
    _check_tags(source)
    environment = _ENVIRONMENTS[escape]
    tree = _parse(environment, source)
    size = grammar.check(tree)
    tree = rewrite(tree)
    tree.set_environment(environment)
    try:
        code = environment.compile(tree, filename=_FILE)
    except TemplateSyntaxError as error:
        raise Refused("syntax_error", error.message or "this is not a template", error.lineno) from None
    return Program(environment, Template.from_code(environment, code, {}), size)


def _check_tags(source: str) -> None:
    """What is cheap to count is counted before the parser, whose memory grows with the longest tag, sees the text."""
    count, position = 0, 0
    while (opening := _OPENING.search(source, position)) is not None:
        end = source.find(_CLOSING[opening[0]], opening.end())
        position = end + 2 if end >= 0 else len(source)
        count += 1
        if opening[0] != "{#" and position - opening.end() > limits.TAG_CHARS:
            message = f"a tag is longer than {limits.TAG_CHARS} characters"
            raise Refused("too_complex", message, source.count("\n", 0, opening.start()) + 1)
    if count > limits.NODES:
        raise Refused("too_complex", "this has too many tags; prepare values in data", 1)


def _parse(environment: BoundedEnvironment, source: str) -> nodes.Template:
    try:
        return environment.parse(source)
    except TemplateSyntaxError as error:
        raise Refused("syntax_error", error.message or "this is not a template", error.lineno) from None
    except RecursionError:
        raise Refused("too_complex", "tags and expressions lie too deep inside each other", 1) from None


_CACHE: WeightedCache[tuple[str, bool], Program] = WeightedCache(limits.CACHED_NODES)
