"""How is a batch read, so that one bad item fails alone?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from techrar.core.errors import Problem
from techrar.core.mode import Mode
from techrar.core.validation import invalid_from
from techrar.notifications.planning import Plan, plan
from techrar.notifications.schemas import BatchIn, SendIn


@dataclass(slots=True)
class Batch:
    """The good items as plans, the bad ones as errors, each with its place in the request."""

    plans: list[Plan] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    errors: dict[int, Problem] = field(default_factory=dict)

    def answer(self, ids: Sequence[UUID]) -> dict[str, Any]:
        items: list[dict[str, Any]] = [{"index": n, "id": str(i)} for n, i in zip(self.places, ids, strict=True)]
        items += [{"index": n, "error": _error(problem)} for n, problem in self.errors.items()]
        items.sort(key=lambda item: item["index"])
        return {"accepted": len(self.plans), "failed": len(self.errors), "items": items}


def read(payload: BatchIn, *, merchant_id: int, mode: Mode, now: datetime) -> Batch:
    batch = Batch()
    defaults = payload.defaults.model_dump(exclude_unset=True, by_alias=True) if payload.defaults else {}
    for index, message in enumerate(payload.messages):
        try:
            item = SendIn.model_validate({**defaults, **message})
            made = plan(item, merchant_id=merchant_id, mode=mode, now=now)
        except ValidationError as error:
            batch.errors[index] = invalid_from(error, model=SendIn)
        except Problem as problem:
            batch.errors[index] = problem
        else:
            batch.plans.append(made)
            batch.places.append(index)
    return batch


def _error(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.detail,
        "errors": [{"field": e.field, "code": e.code, "message": e.message} for e in problem.errors],
    }
