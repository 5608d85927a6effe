"""How are many recipients read, so that one bad item fails alone?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from techrar.audience import fields
from techrar.audience.schemas import BulkIn, BulkRecipient
from techrar.core.errors import Problem
from techrar.core.validation import invalid_from


@dataclass(slots=True)
class Bulk:
    """The good items with their place in the request, the bad ones as errors."""

    good: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    errors: dict[int, dict[str, Any]] = field(default_factory=dict)

    def answer(self, created: set[str]) -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        new = set(created)
        for index, (external_id, _) in self.good.items():
            items.append({"index": index, "external_id": external_id, "status": "updated"})
            if external_id in new:  # once: the same person again in one request is an update
                new.discard(external_id)
                items[-1]["status"] = "created"
        items += [{"index": index, "error": error} for index, error in self.errors.items()]
        items.sort(key=lambda item: item["index"])
        count = {"created": len(created), "updated": len(self.good) - len(created), "failed": len(self.errors)}
        return {**count, "items": items}


def read(payload: BulkIn) -> Bulk:
    bulk = Bulk()
    for index, document in enumerate(payload.recipients):
        try:
            item = BulkRecipient.model_validate(document)
            given = item.model_dump(exclude_unset=True, exclude={"external_id"})
            bulk.good[index] = (item.external_id, fields.normalise(given))
        except ValidationError as error:
            bulk.errors[index] = _error(invalid_from(error, model=BulkRecipient), index)
        except Problem as problem:
            bulk.errors[index] = _error(problem, index)
    return bulk


def _error(problem: Problem, index: int) -> dict[str, Any]:
    errors = [{"field": f"recipients.{index}.{e.field}", "code": e.code, "message": e.message} for e in problem.errors]
    return {"code": problem.code, "message": problem.detail, "errors": errors}
