"""How would a version look with this data?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from techrar.core.errors import FieldError, invalid
from techrar.templating.problems import MissingVariable, RenderProblem
from techrar.templating.render import compile_content


def preview(
    content: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], *, channel: str | None = None
) -> dict[str, dict[str, Any]]:
    """Every channel rendered, or a `RenderProblem` with all that is missing in any of them."""
    if channel is not None and channel not in content:
        raise invalid(
            "channel", "no_content", f"The template has no content for {channel}; it has {', '.join(content)}."
        )
    chosen = content if channel is None else {channel: content[channel]}
    compiled = {key: compile_content(key, fields) for key, fields in chosen.items()}
    errors: list[FieldError] = [error for one in compiled.values() for error in one.problems(given)]
    if errors:
        raise _problem(errors)
    return {key: one.render(given) for key, one in compiled.items()}


def _problem(errors: list[FieldError]) -> RenderProblem:
    problem = RenderProblem(*errors)
    if all(error.code == MissingVariable.code for error in errors):
        problem.code, problem.title = MissingVariable.code, MissingVariable.title
    return problem
