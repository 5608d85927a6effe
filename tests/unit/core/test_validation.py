"""How a wrong field is named, and what is said about it."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from techrar.core.validation import invalid_from


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class To(Strict):
    email: str | None = Field(None, max_length=20)
    phone: str | None = None

    @field_validator("email")
    @classmethod
    def has_an_at(cls, value: str | None) -> str | None:
        if value is not None and "@" not in value:
            raise ValueError("write it as name@example.com")
        return value


class Message(Strict):
    to: To
    priority: Literal["high", "low"] = "low"
    attempts: int = Field(1, ge=1, le=9)
    channels: list[str] | None = None
    sender: int | To | None = None


class Batch(Strict):
    messages: list[Message]


def wrong(document: Any, model: type[BaseModel] = Message) -> dict[str, tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document)
    problem = invalid_from(caught.value, model=model)
    assert problem.status == 422
    return {error.field: (error.code, error.message) for error in problem.errors}


TO = {"email": "a@b.c"}


@pytest.mark.parametrize(
    ("document", "field", "code", "message"),
    [
        ({}, "to", "required", "This field is required."),
        ({"to": {"email": "x" * 30}}, "to.email", "too_long", "Must have at most 20 characters."),
        ({"to": {"email": "ab"}}, "to.email", "invalid", "Write it as name@example.com."),
        ({"to": {"email": 5}}, "to.email", "wrong_type", "Must be a valid string."),
        ({"to": TO, "priority": "urgent"}, "priority", "not_allowed", "Must be 'high' or 'low'."),
        ({"to": TO, "attempts": 10}, "attempts", "out_of_range", "Must be less than or equal to 9."),
        ({"to": TO, "attempts": "x"}, "attempts", "wrong_type", None),
        ({"to": TO, "channels": "email"}, "channels", "wrong_type", "Must be a list."),
        ({"to": TO, "channels": ["email", 1]}, "channels.1", "wrong_type", "Must be a valid string."),
        ({"to": "a@b.c"}, "to", "wrong_type", "Must be a JSON object."),
        ([], "body", "wrong_type", "Must be a JSON object."),
    ],
)
def test_a_wrong_field_is_named(document: Any, field: str, code: str, message: str | None) -> None:
    found = wrong(document)
    assert found[field][0] == code
    assert message in (None, found[field][1])


def test_a_misspelt_field_is_answered_with_the_nearest_one() -> None:
    assert wrong({"to": {"emial": "a@b.c"}}) == {"to.emial": ("unknown_field", "Unknown field; did you mean `email`?")}


def test_an_unknown_field_is_answered_with_those_that_are_known() -> None:
    assert wrong({"to": TO | {"zzz": 1}})["to.zzz"][1] == "Unknown field; known here: email, phone."


def test_a_field_in_a_list_is_named_with_its_place() -> None:
    found = wrong({"messages": [{"to": TO}, {"to": {"fone": "1"}}]}, Batch)
    assert found == {"messages.1.to.fone": ("unknown_field", "Unknown field; did you mean `phone`?")}


def test_the_branches_of_a_choice_are_not_part_of_the_path() -> None:
    found = wrong({"to": TO, "sender": {"emal": "a@b.c"}})
    assert found["sender.emal"] == ("unknown_field", "Unknown field; did you mean `email`?")
    assert set(found) == {"sender", "sender.emal"}


def test_the_sentence_names_the_first_and_counts_the_others() -> None:
    with pytest.raises(ValidationError) as caught:
        Message.model_validate({"to": {"x": 1, "y": 2}, "attempts": 0})
    assert invalid_from(caught.value).detail == "to.x: Unknown field; remove it. (2 more in `errors`)"


def test_a_wrong_value_is_never_repeated() -> None:
    found = wrong({"to": {"email": "secret-person-without-at"[:19]}, "priority": "secret-priority"})
    assert "secret" not in str(found)
