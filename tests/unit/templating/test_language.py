"""Does the language do what its guide says?"""

from __future__ import annotations

import pytest

from tests.unit.templating.language import failing, refused, run

ORDER = {
    "number": "A-1",
    "total": 19.9,
    "paid": True,
    "note": None,
    "items": [{"name": "Pen", "price": 2}, {"name": "Ink", "price": 5}],
    "address": {"city": "Köln", "lines": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ order.number }}", "A-1"),
        ("{{ order['number'] }}", "A-1"),
        ("{{ order.items[1].name }}", "Ink"),
        ("{{ order.items[-1].name }}", "Ink"),
        ("{{ order.address.lines.0 }}", "a"),
        ("{{ order[key] }}", "A-1"),
        ("{{ order.number[0] }}", "A"),
        ("{{ order.total }}", "19.9"),
        ("{{ order.paid }}", "true"),
        ("{{ order.number ~ ' ' ~ 5 }}", "A-1 5"),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ 2 * 3 }} {{ 7 / 2 }} {{ 1 - 2 }} {{ -key2 }}", "3 3 6 3.5 -1 -4"),
        ("{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }}", "true false"),
        ("{{ 'b' in ['a', 'b'] }} {{ 'x' not in 'abc' }} {{ 'number' in order }}", "true true true"),
        ("{{ 'yes' if order.paid else 'no' }}", "yes"),
        ("{% if order.total > 10 and not order.note %}big{% else %}small{% endif %}", "big"),
        ("{% if key2 == 1 %}1{% elif key2 == 4 %}4{% else %}?{% endif %}", "4"),
        ("{% for i in order.items %}{{ loop.index }}{{ i.name }}{{ loop.last }}{% endfor %}", "1Penfalse2Inktrue"),
        ("{% for i in order.items if i.price > 2 %}{{ i.name }}{% else %}none{% endfor %}", "Ink"),
        ("{% for i in empty %}{% else %}none{% endfor %}", "none"),
        ("{% for key, value in order.address|items %}{{ key }} {% endfor %}", "city lines "),
        ("{% for i in order.items %}{% for j in i|items %}{{ j[0][0] }}{% endfor %}{% endfor %}", "npnp"),
        ("{% set greeting = 'Hi ' ~ key %}{{ greeting }}", "Hi number"),
        ("{% for i in order.items[:1] %}{{ i.name }}{% endfor %}", "Pen"),
        ("{% raw %}{{ x }}{% endraw %}{# a comment #}", "{{ x }}"),
        ("a\n{%- if true %} b{% endif %}\n", "a b\n"),
        ("{% set ك = 1 %}{{ ك }}", "1"),
    ],
)  # fmt: skip
def test_what_can_be_written(source: str, expected: str) -> None:
    assert run(source, order=ORDER, key="number", key2=4, empty=[]) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'heLLo wOrld'|capitalize }}", "Hello world"),
        ("{{ nothing|default('x') }}{{ none|d('y') }}{{ ''|default('z') }}", "xy"),
        ("{{ ''|default('z', true) }}{{ 0|default('z', boolean=true) }}", "zz"),
        ("{{ a.b.c|default('deep') }}", "deep"),
        ("{{ '<b>'|e }}{{ '<b>'|escape }}", "&lt;b&gt;&lt;b&gt;"),
        ("{{ [3, 4]|first }}{{ [3, 4]|last }}{{ 'xyz'|first }}{{ []|first|default('-') }}", "34x-"),
        ("{{ '2.50'|float }} {{ 'x'|float(1) }} {{ '7'|int }} {{ '7.9'|int }} {{ 'x'|int(0) }}", "2.5 1 7 7 0"),
        ("{{ '12345678901234567890'|int }}", "12345678901234567890"),
        ("{{ people|join(', ', attribute='name') }} {{ [1, 2]|join('-') }} {{ 'a b'|length }}", "Ann, Bo 1-2 3"),
        ("{{ 'ÄB'|lower }}{{ 'äb'|upper }}", "äbÄB"),
        ("{{ 'aXbX'|replace('X', '--') }}", "a--b--"),
        ("{{ 2.5|round }} {{ 2.345|round(2) }}", "3 2.35"),
        ("{{ 2.1|round(0, 'ceil') }} {{ 2.9|round(method='floor') }}", "3 2"),
        ("{{ 19.9|string ~ '!' }}", "19.9!"),
        ("{{ \"it's ann-marie (the o'neil)\"|title }}", "It's Ann-Marie (The O'neil)"),
        ("[{{ '  a '|trim }}]", "[a]"),
        ("{{ 'the quick brown fox'|truncate(12) }} {{ 'abcdef'|truncate(3, true, '') }}", "the quick… abc"),
        ("{{ 'short'|truncate(9) }}", "short"),
        ("{{ 'a b&c/ü'|urlencode }}", "a%20b%26c%2F%C3%BC"),
        ("{{ x is defined }} {{ none is none }} {{ 1 is number }} {{ 'a' is string }}", "false true true true"),
        ("{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby(3) }}", "true false true"),
        ("{{ true is boolean }} {{ y is undefined }}", "true true"),
    ],
)  # fmt: skip
def test_filters_and_tests(source: str, expected: str) -> None:
    assert run(source, people=[{"name": "Ann"}, {"name": "Bo"}]) == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ total }}", "total"),
        ("{{ order.total }}", "order.total"),
        ("{{ order.customer.name|upper }}", "order.customer.name"),
        ("{{ order['customer'].name }}", "order.customer.name"),
        ("{{ order.note }}", "order.note"),
        ("{{ order.note.x }}", "order.note.x"),
        ("{{ order.list[3] }}", "order.list[3]"),
        ("{{ order[key] }}", "order[nope]"),
        ("{% for i in order.list %}{{ i.price }}{% endfor %}", "order.list[].price"),
        ("{% for i in order.items %}{% endfor %}", "order.items"),
        ("{% if vip %}{% endif %}", "vip"),
        ("{{ vip + 1 }}", "vip"),
        ("{{ -vip }}", "vip"),
        ("{{ vip == 1 }}", "vip"),
        ("{{ 1 < vip }}", "vip"),
        ("{{ 'a' ~ vip }}", "vip"),
        ("{{ vip[1:] }}", "vip"),
        ("{{ list[vip] }}", "vip"),
        ("{{ vip|length }}", "vip"),
        ("{{ vip|items }}", "vip"),
        ("{{ vip|int(0) }}", "vip"),
        ("{{ vip|round }}", "vip"),
        ("{{ 'a'|replace('a', vip) }}", "vip"),
        ("{{ 'a' in vip }}", "vip"),
    ],
)  # fmt: skip
def test_a_missing_variable_is_named_as_the_merchant_would_name_it(source: str, name: str) -> None:
    failure = failing(source, order={"note": None, "list": [{"name": "x"}]}, list=[1], key="nope")
    assert failure.code == "missing_variable"
    assert failure.message.startswith(f"{name} ")


def test_what_has_no_value_can_be_tested_and_replaced() -> None:
    assert run("{% if order.total is defined %}yes{% else %}no{% endif %}") == "no"
    assert run("{% if order.note %}yes{% else %}no{% endif %}", order={"note": None}) == "no"
    assert run("{{ order.note|default('-') }}", order={"note": None}) == "-"


def test_a_failure_says_on_which_line() -> None:
    assert failing("one\ntwo {{ a }}\n{% for i in 5 %}{% endfor %}", a=1).line == 3


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("{{ list }}", "wrong_type", "list is a list, which cannot be printed"),
        ("{{ object }}", "wrong_type", "object is an object, which cannot be printed"),
        ("{% for i in text %}{% endfor %}", "wrong_type", "for needs a list, but text is a text"),
        ("{% for a, b in list %}{% endfor %}", "wrong_type", "unpack"),
        ("{{ text - 1 }}", "wrong_type", "`-` needs a number, not a text"),
        ("{{ text + 1 }}", "wrong_type", "`+` needs a number, not a text"),
        ("{{ true + 1 }}", "wrong_type", "`+` needs a number, not true or false"),
        ("{{ 1 / zero }}", "wrong_type", "`/` by zero"),
        ("{{ zero % zero }}", "wrong_type", "`%` by zero"),
        ("{{ huge / 3 }}", "too_large", "the result of `/` is larger"),
        ("{{ 999999999999999 * 999999999999999 }}", "too_large", "the result of `*` is larger"),
        ("{{ 1 < text }}", "wrong_type", "comparing with a number needs a number, not a text"),
        ("{{ list == list }}", "wrong_type", "lists and objects cannot be compared"),
        ("{{ list in text }}", "wrong_type", "a list cannot be looked for in a text"),
        ("{{ 1 in 5 }}", "wrong_type", "a number cannot be looked for in a number"),
        ("{{ 'x'|int }}", "wrong_type", "int was given a text that is not a number"),
        ("{{ 'inf'|float }}", "wrong_type", "float was given a text that is not a number"),
        ("{{ text|round }}", "wrong_type", "round needs a number, not a text"),
        ("{{ 1|round(9) }}", "wrong_type", "round needs a precision from 0 to 6"),
        ("{{ 1e300|round }}", "too_large", "round takes numbers up to"),
        ("{{ text|join }}", "wrong_type", "join needs a list, not a text"),
        ("{{ object|first }}", "wrong_type", "first needs a list, not an object"),
        ("{{ list|items }}", "wrong_type", "items needs an object, not a list"),
        ("{{ text|truncate(0) }}", "wrong_type", "truncate needs a length"),
        ("{{ text|replace('', 'x') }}", "wrong_type", "replace needs a text to look for"),
        ("{{ text is odd }}", "wrong_type", "this test needs a whole number, not a text"),
        ("{{ list[::zero] }}", "wrong_type", "from which this part cannot be taken"),
        ("{{ object[1:] }}", "wrong_type", "object is an object, from which"),
    ],
)  # fmt: skip
def test_data_that_does_not_fit_is_said_in_a_sentence(source: str, code: str, message: str) -> None:
    failure = failing(source, list=[1], object={"a": 1}, text="abc", zero=0, huge=10**400)
    assert failure.code == code
    assert message in failure.message


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a\n{{ name.upper() }}", 2, "calls are not available; use a filter, such as name|upper"),
        ("a\n\n{% include 'x' %}", 3, "one template cannot use another; write the text here"),
        ("{% macro x() %}{% endmacro %}", 1, "macros are not available; write the text out"),
        ("{{ a|nl2br }}", 1, "there is no filter nl2br; there are capitalize, d, default"),
        ("{{ a is callable }}", 1, "there is no test callable; there are boolean, defined"),
        ("{{ a|truncate(1, 2, 3, 4) }}", 1, "filter truncate: too many positional arguments"),
        ("{{ a|default(nope=1) }}", 1, "filter default: got an unexpected keyword argument 'nope'"),
        ("{{ a if b }}", 1, "an if inside {{ … }} needs an else"),
        ("{% if a %}\n", 1, "Unexpected end of template"),
        ("{{ a", 1, "unexpected end of template"),
        ("{% nope %}", 1, "Encountered unknown tag 'nope'"),
        ("{% for loop in a %}{% endfor %}", 1, "Can't assign to special loop variable"),
        ("{{ 2 ** 3 }}", 1, "** is not available"),
        ("{% set a.b = 1 %}", 1, "{% set %} takes one simple name"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_construct_and_the_line(source: str, line: int, message: str) -> None:
    refusal = refused(source)
    assert message.lower() in refusal.message.lower()
    assert refusal.line == line


def test_html_is_escaped_and_text_is_not() -> None:
    tricky = "<script>alert('x')</script> & \"co\""
    assert run("{{ x }}", x=tricky) == tricky
    assert run("<b>{{ x }}</b>", x=tricky, escape=True) == (
        "<b>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;co&#34;</b>"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}", "{{ x|upper }}", "{{ x ~ x }}", "{{ x + x }}", "{{ x|e ~ x }}", "{{ x|e|replace('q', x) }}",
        "{{ [1, 2]|join(x) }}", "{{ x|default(x) }}", "{{ nothing|default(x) }}", "{{ (x|e)[0:] ~ x }}",
        "{{ x|string }}",
        "{{ x|truncate(3, true) }}", "{{ 'q'|replace('q', x) }}", "{% set y = x %}{{ y }}", "{{ x if true else 1 }}",
        "{{ l|first }}", "{{ l|join }}", "{{ x[:2] }}", "{{ (x|e) + x }}", "{{ '<' }}", "{{ x|title }}", "{{ x|trim }}",
    ],
)  # fmt: skip
def test_no_way_around_escaping(source: str) -> None:
    html = run(source, x="<q>", l=["<q>"], escape=True)
    assert "<" not in html
    assert ">" not in html


def test_escaping_twice_by_hand_changes_nothing() -> None:
    assert run("{{ x|e }}{{ x|e|escape }}", x="<", escape=True) == "&lt;&lt;"


def test_control_characters_and_broken_surrogates_never_come_out() -> None:
    assert run("{{ x }}", x="a\x00b\x1b[1m\ud800\x85c\n\td") == "ab[1mc\n\td"
    assert run("{{ x }}", x="👩‍👩‍👧 שלום") == "👩‍👩‍👧 שלום"
    assert run(r"{{ '\x00\ud800' }}") == ""
