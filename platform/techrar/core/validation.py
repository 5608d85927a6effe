"""Which field is wrong, and what should the caller write instead?

Turns pydantic's errors into the field paths merchants see (`to.email`, `messages.3.channels`) and into short sentences
that never repeat the value: it may be somebody's address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from techrar.core.errors import FieldError, Invalid

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "not_allowed",
    "literal_error": "not_allowed",
    "value_error": "invalid",
    "assertion_error": "invalid",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "invalid",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
}
_WORDS = (
    ("Value error, ", ""),
    ("Assertion failed, ", ""),
    ("Input should be", "Must be"),
    ("Input should have", "Must have"),
    ("String should", "Must"),
    ("List should", "Must"),
    ("Dictionary should", "Must"),
    ("Value should", "Must"),
    (" valid dictionary", " JSON object"),
    (" valid list", " list"),
)


def invalid_from(error: ValidationError, *, model: Any = None) -> Invalid:
    """The problem that names every wrong field of one document."""
    return invalid_fields(field_errors(error.errors(include_url=False, include_input=False), model=model))


def invalid_fields(errors: tuple[FieldError, ...]) -> Invalid:
    first = errors[0]
    more = f" ({len(errors) - 1} more in `errors`)" if len(errors) > 1 else ""
    return Invalid(f"{first.field}: {first.message}{more}", errors=errors)


def field_errors(entries: Iterable[Mapping[str, Any]], *, model: Any = None) -> tuple[FieldError, ...]:
    """`entries` as pydantic gives them; `model`, when known, lets an unknown field be answered with the nearest one."""
    return tuple(_field_error(entry, model) for entry in entries)


def _field_error(entry: Mapping[str, Any], model: Any) -> FieldError:
    kind = str(entry["type"])
    path, inside = _walk(model, entry["loc"])
    code = _CODES.get(kind) or ("wrong_type" if kind.endswith(("_type", "_parsing")) else kind)
    if code == "required":
        return FieldError(path or "body", code, "This field is required." if path else "Send a JSON object.")
    if code == "unknown_field":
        return FieldError(path, code, _unknown(str(entry["loc"][-1]), inside))
    return FieldError(path or "body", code, _sentence(kind, str(entry["msg"])))


def _walk(annotation: Any, loc: Iterable[str | int]) -> tuple[str, type[BaseModel] | None]:
    """The path as the caller knows it, and the last model on the way.

    pydantic puts the names of a union's branches between the fields; they are not in the document and left out.
    """
    parts: list[str] = []
    inside = _model_in(annotation)
    for part in loc:
        branch = next((arg for arg in get_args(annotation) if getattr(arg, "__name__", None) == part), None)
        if branch is not None or (isinstance(part, str) and any(sign in part for sign in "[(")):
            annotation = branch
        else:
            parts.append(str(part))
            field = inside.model_fields.get(part) if inside and isinstance(part, str) else None
            if field is None:  # an index, a key of a dictionary, or a field that is not known
                continue
            annotation = field.annotation
        inside = _model_in(annotation) or inside
    return ".".join(parts), inside


def _sentence(kind: str, message: str) -> str:
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        return "Must be a JSON object."
    for old, new in _WORDS:
        message = message.replace(old, new)
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


def _unknown(name: str, model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model else []
    near = get_close_matches(name, known, n=1)
    if near:
        return f"Unknown field; did you mean `{near[0]}`?"
    return f"Unknown field; known here: {', '.join(known)}." if known else "Unknown field; remove it."


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model inside an annotation such as `list[Message] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
