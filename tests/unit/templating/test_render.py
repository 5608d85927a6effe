"""What does a recipient read, and what is said when it cannot be made?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.channel import Part
from techrar.core.errors import FieldError
from techrar.templating import limits
from techrar.templating.preview import preview
from techrar.templating.problems import MissingVariable, RenderProblem, TemplateProblem
from techrar.templating.render import Compiled, compile_content, compile_parts, variables

PARTS = {
    "subject": Part.LINE,
    "text": Part.TEXT,
    "html": Part.HTML,
    "link": Part.URL,
    "data": Part.DATA,
}


def compiled(**content: Any) -> Compiled:
    return compile_parts(PARTS, content, at="content.test")


def rendered(given: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    return compiled(**content).render(given or {})


def errors_of(**content: Any) -> tuple[FieldError, ...]:
    with pytest.raises(TemplateProblem) as caught:
        compiled(**content)
    return caught.value.errors


def test_each_part_is_filled_in_as_its_kind_asks() -> None:
    given = {"name": "Ann & <Bo>", "id": 7}
    assert rendered(
        given,
        subject="Hi {{ name }}\n",
        text="Hi {{ name }}\n",
        html="<p>{{ name }}</p>",
        link="https://shop.example/{{ id }}?n={{ name|urlencode }}",
        data={"who": "{{ name }}", "ids": [1, "{{ id }}", None, True, {"deep": "{{ id }}"}], "plain": "x"},
    ) == {
        "subject": "Hi Ann & <Bo>",
        "text": "Hi Ann & <Bo>\n",
        "html": "<p>Ann &amp; &lt;Bo&gt;</p>",
        "link": "https://shop.example/7?n=Ann%20%26%20%3CBo%3E",
        "data": {"who": "Ann & <Bo>", "ids": [1, "7", None, True, {"deep": "7"}], "plain": "x"},
    }


def test_content_without_anything_to_fill_in_is_its_own_result() -> None:
    content = {"subject": "Hi", "html": "<p>a & b</p>", "link": "https://a.example", "data": {"a": [1, "b"]}}
    assert rendered(**content) == content


def test_rendering_twice_gives_each_message_its_own() -> None:
    program = compiled(data={"a": ["{{ x }}"]})
    first, second = program.render({"x": 1}), program.render({"x": 2})
    assert (first, second) == ({"data": {"a": ["1"]}}, {"data": {"a": ["2"]}})


def test_nobody_adds_a_header_through_a_line() -> None:
    assert rendered({"x": "a\r\nBcc: all@shop.example"}, subject="Hi {{ x }}\u2028!")["subject"] == (
        "Hi a Bcc: all@shop.example !"
    )


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/orders/7",
        "https://",
        "https://bank.example@evil.example/",
        "https://a.example/a b",
        'https://a.example/"onclick=x',
        "https:\\\\evil.example",
        "ftp://a.example",
        "mailto:a@example.com",
    ],
)
def test_an_address_that_leads_nowhere_safe_is_refused(address: str) -> None:
    (error,) = errors_of(link=address)
    assert (error.field, error.code) == ("content.test.link", "bad_url")
    with pytest.raises(RenderProblem) as caught:
        rendered({"x": address}, link="{{ x }}")
    assert caught.value.errors[0].code == "bad_url"


def test_a_scheme_that_is_written_down_is_refused_before_anything_is_sent() -> None:
    (error,) = errors_of(link="javascript:{{ x }}")
    assert error.code == "bad_url"


def test_no_address_is_no_field() -> None:
    assert rendered(subject="x", link="{{ image|default('') }}") == {"subject": "x"}
    assert rendered(subject="x", link="") == {"subject": "x"}


def test_null_is_a_field_that_was_left_out() -> None:
    assert rendered(subject="x", text=None) == {"subject": "x"}


def test_all_that_is_wrong_is_named_at_once() -> None:
    found = errors_of(
        subject="{{ a.upper() }}", text="a\n{{ b", html="ok {{ x }}", nope="x", data={"a": [0, {"b": "{{ 2 ** 3 }}"}]}
    )
    assert [(error.field, error.code) for error in found] == [
        ("content.test.subject", "not_allowed"),
        ("content.test.text", "syntax_error"),
        ("content.test.nope", "unknown_field"),
        ("content.test.data.a.1.b", "not_allowed"),
    ]
    assert found[0].message == "Line 1: calls are not available; use a filter, such as name|upper."
    assert found[1].message.startswith("Line 2: ")
    assert found[2].message == "Unknown field; known here: subject, text, html, link, data."


def test_a_control_character_is_named() -> None:
    (error,) = errors_of(text="one\ntwo\x00")
    assert error.message == "Line 2: the control character U+0000 cannot be sent; remove it."


def test_an_unknown_channel_is_named_with_those_that_exist() -> None:
    with pytest.raises(TemplateProblem) as caught:
        compile_content("pigeon", {"text": "x"})
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("content.pigeon", "unknown_channel")
    assert "email" in error.message


def test_a_missing_variable_is_named_where_the_caller_can_send_it() -> None:
    with pytest.raises(MissingVariable) as caught:
        rendered({"order": {}}, text="{{ order.total }}")
    problem = caught.value
    assert (problem.name, problem.content_field, problem.code, problem.status) == (
        "order.total",
        "content.test.text",
        "missing_variable",
        422,
    )
    assert problem.errors == (
        FieldError(
            "data.order.total",
            "missing_variable",
            "content.test.text uses order.total: send it, or write {{ order.total|default('…') }} in the template.",
        ),
    )


def test_what_is_missing_of_the_recipient_belongs_into_to() -> None:
    with pytest.raises(MissingVariable) as caught:
        rendered(variables({"a": 1}, {"email": "x@example.com"}), text="{{ a }}{{ recipient.name }}")
    assert caught.value.errors[0].field == "to.name"


def test_what_has_no_name_is_said_about_the_field_itself() -> None:
    with pytest.raises(RenderProblem) as caught:
        rendered({"list": []}, text="\n{{ list|first }}")
    assert not isinstance(caught.value, MissingVariable)
    assert caught.value.errors[0].field == "content.test.text"
    assert caught.value.errors[0].message == "Line 2: the first item of an empty list is not in the data."


def test_wrong_data_is_said_with_field_and_line() -> None:
    with pytest.raises(RenderProblem) as caught:
        rendered({"n": "x"}, html="<p>\n{{ n - 1 }}</p>")
    assert caught.value.code == "render_failed"
    assert caught.value.errors == (
        FieldError("content.test.html", "wrong_type", "Line 2: `-` needs a number, not a text."),
    )


def test_all_missing_variables_can_be_asked_for_at_once() -> None:
    program = compiled(subject="{{ a }}", text="{{ b }}", html="fine {{ c }}")
    assert [error.field for error in program.problems({"c": 1})] == ["data.a", "data.b"]
    assert program.problems({"a": 1, "b": 2, "c": 3}) == ()


def test_the_budget_is_shared_by_all_fields() -> None:
    loop = "{% for i in list %}{% endfor %}"
    program = compiled(subject=loop, text=loop)
    with pytest.raises(RenderProblem, match="more than 10000 times"):
        program.render({"list": list(range(6_000))})


def test_many_small_texts_cannot_become_large_together() -> None:
    program = compiled(data=["{{ x }}" for _ in range(100)])
    with pytest.raises(RenderProblem, match="costs too much"):
        program.render({"x": "y" * 100_000})


def test_content_is_bounded_as_a_whole() -> None:
    found = errors_of(data=["{{ a }}{{ b }}" * 50 + str(n) for n in range(100)])
    assert {error.code for error in found} == {"too_complex"}
    assert len(errors_of(text="x{{ a }}" + "y" * limits.SOURCE_CHARS)) == 1
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    assert [error.code for error in errors_of(data=deep)] == ["too_complex"]


def test_a_preview_shows_every_channel() -> None:
    content = {"email": {"subject": "Hi {{ name }}", "text": "{{ name }}"}, "sms": {"text": "{{ name }}"}}
    assert preview(content, {"name": "Ann"}) == {
        "email": {"subject": "Hi Ann", "text": "Ann"},
        "sms": {"text": "Ann"},
    }
    assert preview(content, {"name": "Ann"}, channel="sms") == {"sms": {"text": "Ann"}}


def test_a_preview_names_everything_that_is_missing_in_any_channel() -> None:
    content = {"email": {"subject": "{{ a }}", "text": "{{ b }}"}, "sms": {"text": "{{ c }}"}}
    with pytest.raises(RenderProblem) as caught:
        preview(content, {})
    assert [error.field for error in caught.value.errors] == ["data.a", "data.b", "data.c"]
    assert caught.value.code == "missing_variable"
    with pytest.raises(RenderProblem) as caught:
        preview({"sms": {"text": "{{ a - 1 }}"}}, {"a": "x"})
    assert caught.value.code == "render_failed"


def test_a_preview_of_a_channel_without_content_says_which_there_are() -> None:
    from techrar.core.errors import Invalid

    with pytest.raises(Invalid, match="no content for push; it has sms"):
        preview({"sms": {"text": "x"}}, {}, channel="push")
