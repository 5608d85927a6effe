"""How does a template say what is wrong with it, or with the data it was given?

`Refused` and `Failure` are what the language itself raises, about one text; `TemplateProblem` and `RenderProblem` are
what callers see, with the field of the content that the text was in.
"""

from __future__ import annotations

from typing import Literal

from techrar.core.errors import FieldError, Invalid

#: What a text or the data for it can be wrong in; stable words, listed in `docs/templates.md`.
Code = Literal[
    "syntax_error",
    "not_allowed",
    "too_complex",
    "too_large",
    "control_character",
    "unknown_field",
    "unknown_channel",
    "bad_url",
    "missing_variable",
    "wrong_type",
    "too_much_work",
]
#: The variable that is not part of a send's `data`: who the message goes to, from its `to`.
RECIPIENT = "recipient"


class Refused(Exception):
    """This text is not a template that may be saved."""

    def __init__(self, code: Code, message: str, line: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


class Failure(Exception):
    """This template cannot be rendered with this data."""

    def __init__(self, code: Code, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


class MissingValue(Failure):
    """The template uses something that the data does not have."""

    def __init__(self, name: str) -> None:
        super().__init__("missing_variable", f"{name} is not in the data")
        self.name = name

    @property
    def is_variable(self) -> bool:
        """Whether the name is one that could be sent, and not a description."""
        return " " not in self.name


class TemplateProblem(Invalid):
    """The content cannot be saved: every error names a field, and a line where there is one."""

    code, title = "template_invalid", "The template cannot be used"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(_summary(errors), errors=errors)


class RenderProblem(Invalid):
    """The content cannot be rendered with the data given."""

    code, title = "render_failed", "The template cannot be rendered with this data"

    def __init__(self, *errors: FieldError, content_field: str = "") -> None:
        super().__init__(_summary(errors), errors=errors)
        self.content_field = content_field  #: where the failing text is: `content.email.subject`


class MissingVariable(RenderProblem):
    """A variable without a value fails its message; nothing is ever sent with a hole in it."""

    code, title = "missing_variable", "The template needs a variable that was not given"

    def __init__(self, name: str, content_field: str) -> None:
        top, dot, rest = name.partition(".")
        field = f"to{dot}{rest}" if top == RECIPIENT else f"data.{name}"
        message = f"{content_field} uses {name}: send it, or write {{{{ {name}|default('…') }}}} in the template."
        super().__init__(FieldError(field, "missing_variable", message), content_field=content_field)
        self.name = name


def sentence(message: str, line: int) -> str:
    """`line 3: calls are …`, as a sentence; names keep their spelling."""
    message = message.removesuffix(".")
    return f"Line {line}: {message}." if line else f"{message[:1].upper()}{message[1:]}."


def _summary(errors: tuple[FieldError, ...]) -> str:
    more = f" ({len(errors) - 1} more in `errors`)" if len(errors) > 1 else ""
    return f"{errors[0].field}: {errors[0].message}{more}"
