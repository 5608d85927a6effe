"""May this content be saved?

Checks all channels and locales of a version at once: the shape each channel asks for, and every text as a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from providers.registry import channels
from techrar.core.errors import FieldError
from techrar.core.validation import field_errors
from techrar.templating import limits, locales
from techrar.templating.problems import TemplateProblem
from techrar.templating.render import Compiled, compile_content


def check_content(content: Mapping[str, Any], *, at: str = "content") -> dict[str, Compiled]:
    """`{channel: {field: source}}`, compiled. Raise `TemplateProblem` with everything that is wrong with it."""
    compiled: dict[str, Compiled] = {}
    errors: list[FieldError] = []
    if not content:
        errors.append(FieldError(at, "required", "Give the content of at least one channel."))
    for channel, fields in content.items():
        wrong = _shape(channel, fields, f"{at}.{channel}")
        errors += wrong
        if wrong:
            continue
        try:
            compiled[channel] = compile_content(channel, fields, at=at)
        except TemplateProblem as problem:
            errors += problem.errors
    if errors:
        raise TemplateProblem(tuple(errors))
    return compiled


def check_version(content: Mapping[str, Any], translations: Mapping[str, Any]) -> None:
    """The same for all locales of a version, and their size together."""
    errors: list[FieldError] = []
    for part, at in [(content, "content"), *((text, f"translations.{tag}") for tag, text in translations.items())]:
        try:
            check_content(part, at=at)
        except TemplateProblem as problem:
            errors += problem.errors
    for tag in translations:
        if locales.normalise(tag) != tag:
            message = f"Write the locale as {locales.normalise(tag) or 'a language tag such as pt-BR'}."
            errors.append(FieldError(f"translations.{tag}", "invalid", message))
    size = len(orjson.dumps([content, translations]))
    if size > limits.VERSION_BYTES:
        message = f"All channels and locales together are {size} bytes; {limits.VERSION_BYTES} are allowed."
        errors.append(FieldError("content", "too_large", message))
    if errors:
        raise TemplateProblem(tuple(errors))


def _shape(channel: str, fields: Any, at: str) -> list[FieldError]:
    known = channels().get(channel)
    if known is None:
        return [FieldError(at, "unknown_channel", f"There is no such channel; there are {', '.join(channels())}.")]
    try:
        known.content_model.model_validate(fields)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_input=False)
        wrong = field_errors([{**entry, "loc": (channel, *entry["loc"])} for entry in entries])
        return [FieldError(f"{at}{one.field.removeprefix(channel)}", one.code, one.message) for one in wrong]
    return []
