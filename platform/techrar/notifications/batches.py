"""How is a batch read, so that one bad item fails alone?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from techrar.core.errors import FieldError, Problem
from techrar.core.validation import invalid_from
from techrar.notifications.lookups import Lookups
from techrar.notifications.planning import Plan, plan
from techrar.notifications.schemas import BatchIn, SendIn


@dataclass(slots=True)
class Batch:
    """The good items as plans, the bad ones as errors, each with its place in the request."""

    plans: list[Plan] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    errors: dict[int, dict[str, Any]] = field(default_factory=dict)

    def answer(self, ids: Sequence[UUID]) -> dict[str, Any]:
        items: list[dict[str, Any]] = [{"index": n, "id": str(i)} for n, i in zip(self.places, ids, strict=True)]
        items += [{"index": n, "error": error} for n, error in self.errors.items()]
        items.sort(key=lambda item: item["index"])
        return {"accepted": len(self.plans), "failed": len(self.errors), "items": items}


def read(payload: BatchIn, *, look: Lookups) -> Batch:
    batch = Batch()
    defaults = payload.defaults.model_dump(exclude_unset=True, by_alias=True) if payload.defaults else {}
    messages: list[Any] = list(payload.messages)
    look.meet(_recipients(messages))
    for index, message in enumerate(messages):
        try:
            merged = {**defaults, **message} if isinstance(message, dict) else message
            made = plan(SendIn.model_validate(merged), look=look)
        except ValidationError as error:
            batch.errors[index] = _error(invalid_from(error, model=SendIn), index, message, defaults)
        except Problem as problem:
            batch.errors[index] = _error(problem, index, message, defaults)
        else:
            batch.plans.append(made)
            batch.places.append(index)
    return batch


def _recipients(messages: Sequence[Any]) -> set[str]:
    """Whom the items name by id, as far as that can be read: what is wrong is said item by item."""
    named = (m["to"].get("recipient") for m in messages if isinstance(m, dict) and isinstance(m.get("to"), dict))
    return {name for name in named if isinstance(name, str)}


def _error(problem: Problem, index: int, message: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    errors = [replace(error, field=_place(error, index, message, defaults)) for error in problem.errors]
    return {
        "code": problem.code,
        "message": problem.detail,
        "errors": [{"field": e.field, "code": e.code, "message": e.message} for e in errors],
    }


def _place(error: FieldError, index: int, message: Any, defaults: dict[str, Any]) -> str:
    """Where the caller wrote it: in the message, or in what all messages share."""
    if not isinstance(message, dict):
        return f"messages.{index}"
    name = error.field.partition(".")[0]
    shared = name not in message and name in defaults
    return f"defaults.{error.field}" if shared else f"messages.{index}.{error.field}"
