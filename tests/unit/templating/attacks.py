"""Templates written to harm whoever renders them, and the data they would use."""

from __future__ import annotations

from typing import Any

TEN_THOUSAND = list(range(10_000))

DATA: dict[str, Any] = {
    "a": "q",
    "b": False,
    "numbers": TEN_THOUSAND,
    "two": ["a", "b"],
    "one": {"a": 1},
    "big": "x" * 200_000,
    "nearly_big": "x" * 199_999 + "y",
    "emoji": "😀" * 100_000,
    "words": "a " * 50_000,
    "needle": "y" + "x" * 1_000,
    "accents": "é" * 20_000,
    "angles": "<" * 40_000,
    "huge": "<" * 5_000_000,
    "many": {str(number): number for number in TEN_THOUSAND},
    "integer": 10**4_000,
}


def _sets(expression: str, times: int) -> str:
    """Values that are all kept alive until the end."""
    return "".join(f"{{% set v{number} = {expression} %}}" for number in range(times))


def _loop(expression: str, times: int = 1) -> str:
    body = f"{{% set v = {expression} %}}" * times
    return f"{{% for i in numbers %}}{body}{{% endfor %}}"


#: Refused before anything is compiled.
REFUSED: dict[str, str] = {
    "a power in a constant": "{{ 'a' * 10**9 }}",
    "a power of powers": "{{ 9**(9**8) }}",
    "a constant text times a number": "{{ 'a' * 1000000000 }}",
    "a number times a constant text": "{{ 1000000000 * 'a' }}",
    "a wide format": "{{ '%1000000000d' % 1 }}",
    "a long integer": "{{ " + "9" * 60_000 + " }}",
    "an integer a little too long": "{{ 9999999999999999 }}",
    "an infinite float": "{{ 1e999 }}",
    "range": "{% for i in range(99999) %}{% endfor %}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "namespace": "{% set ns = namespace(x='a') %}",
    "cycler": "{% set c = cycler('a') %}",
    "joiner": "{% set c = joiner() %}",
    "dict": "{{ dict(a=1) }}",
    "a method": "{{ a.upper() }}",
    "a method of an object": "{{ user.delete() }}",
    "str.format": "{{ '{0.__class__}'.format(a) }}",
    "a class": "{{ ''.__class__ }}",
    "a class by item": "{{ ''['__class__'] }}",
    "a private key": "{{ a._secret }}",
    "a private name": "{{ _secret }}",
    "the template itself": "{{ self }}",
    "ljust": "{{ a.ljust(1000000000) }}",
    "center": "{{ a|center(1000000000) }}",
    "indent": "{{ a|indent(1000000000) }}",
    "wordwrap": "{{ a|wordwrap(1) }}",
    "format": "{{ '%s'|format(a) }}",
    "map": "{{ numbers|map('string')|join }}",
    "attr": "{{ a|attr('x') }}",
    "safe": "{{ a|safe }}",
    "three loops": "{% for i in numbers %}" * 3 + "{% endfor %}" * 3,
    "a recursive loop": "{% for i in two recursive %}{{ loop(two) }}{% endfor %}",
    "a macro": "{% macro m() %}x{% endmacro %}",
    "a call block": "{% call m() %}x{% endcall %}",
    "include": "{% include 'x' %}",
    "import": "{% import 'x' as y %}",
    "from import": "{% from 'x' import y %}",
    "extends": "{% extends 'x' %}",
    "a block": "{% block x %}{{ self.x() }}{% endblock %}",
    "a filter block": "{% filter upper %}x{% endfilter %}",
    "a set block": "{% set x %}y{% endset %}",
    "with": "{% with x = 1 %}{% endwith %}",
    "autoescape off": "{% autoescape false %}{{ a }}{% endautoescape %}",
    "do": "{% do two.append(1) %}",
    "a growing list": "{% set l = [two, two] %}",
    "a growing tuple": "{% set l = (two, two) %}",
    "an object": "{% set d = {'x': two} %}",
    "keyword arguments by dict": "{{ a|truncate(**one) }}",
    "arguments by list": "{{ a|truncate(*two) }}",
    "a namespace attribute": "{% set a.b = 1 %}",
    "names in names": "{% for (x, y), z in two %}{% endfor %}",
    "several names at once": "{% set x, y = two %}",
    "deep brackets": "{{ " + "(" * 1_000 + "1" + ")" * 1_000 + " }}",
    "open brackets": "{{ " + "[" * 2_000,
    "many minus signs": "{{ " + "-" * 2_000 + "1 }}",
    "many nots": "{{ " + "not " * 500 + "1 }}",
    "many filters": "{{ a" + "|upper" * 300 + " }}",
    "many attributes": "{{ a" + ".b" * 1_000 + " }}",
    "a long sum": "{{ " + "+".join(["a"] * 1_000) + " }}",
    "a long conjunction": "{{ " + " and ".join(["a"] * 400) + " }}",
    "a tag without end": "{{ " + "a" * 60_000,
    "a long tag": "{{ " + "~".join(["a"] * 30_000) + " }}",
    "deep ifs": "{% if a %}" * 1_000 + "{% endif %}" * 1_000,
    "many elifs": "{% if a %}" + "{% elif a %}x" * 1_000 + "{% endif %}",
    "many outputs": "{{a}}" * 12_800,
    "many comments": "{#x#}" * 13_000,
    "open outputs": "{{" * 30_000,
    "open tags": "{%" * 30_000,
    "open comments": "{#" * 30_000,
    "raw without end": "{% raw %}" * 6_000,
    "blanks in tags": ("{%" + " " * 1_900) * 30,
    "too long": "x{{ a }}" + "y" * 70_000,
}

#: May be saved; must stop by themselves, or be cheap.
BOUNDED: dict[str, str] = {
    "nested loops": "{% for i in numbers %}{% for j in numbers %}{{ i }}{% endfor %}{% endfor %}",
    "a long loop body": "{% for i in numbers %}" + "{{ i }}" * 400 + "{% endfor %}",
    "a loop of literal text": "{% for i in numbers %}" + "y" * 6_000 + "{% endfor %}",
    "a filtered loop with its length": "{% for i in numbers if i %}{{ loop.length }}{{ loop.revindex }}{% endfor %}",
    "doubling": "{% set v0 = 'xxxxxxxxxxxxxxxxxxxx' %}"
    + "".join(f"{{% set v{number + 1} = v{number} ~ v{number} %}}" for number in range(40)),
    "doubling by plus": "{% set v0 = big %}"
    + "".join(f"{{% set v{number + 1} = v{number} + v{number} %}}" for number in range(40)),
    "an undeclared text times a number": "{{ a * 1000000000 }}",
    "an undeclared format": "{{ a % 1 }}",
    "copies": _sets("big|upper", 50),
    "copies of wide characters": _sets("emoji|upper", 50),
    "titles": _sets("words|title", 50),
    "joins": _sets("numbers|join(',')", 50),
    "a join with a long separator": "{{ numbers|join(big) }}",
    "a replacement that multiplies": "{{ big|replace('x', big) }}",
    "replacements": _sets("big|replace('x', 'y')", 50),
    "items": _sets("many|items", 50),
    "slices": _sets("numbers[:]", 50),
    "urlencode": _sets("accents|urlencode", 50),
    "escape": _sets("angles|e", 50),
    "substrings": _sets("needle in big", 50),
    "substrings in a loop": _loop("needle in big"),
    "comparisons": _sets("big == nearly_big", 50),
    "big integers": _sets("integer * integer", 150),
    "a big integer": "{{ integer }}",
    "a huge value": "{{ huge }}",
    "many values": "{{ a }}" * 600,
    "many attributes of nothing": "{{ a.b.c.d|default('x') }}" * 100,
    "a long list": "{% for i in [" + ",".join("1" * 900) + "] %}{{ i }}{% endfor %}",
    "a long concatenation": "{{ " + "~".join("a" * 900) + " }}",
    "long escapes": "{{ '" + "\\u00e9" * 300 + "' }}",
    "deep but allowed": "{{ a" + "|upper" * 30 + " }}",
    "as many elifs as fit": "{% if b %}" + "{% elif b %}x" * 450 + "{% endif %}",
    "blanks": "{{ a " + " " * 1_900 + "-}}",
    **{
        f"a loop of {expression}": _loop(expression, 2)
        for expression in (
            "i|round(2)", "'abc def'|title", "i|string", "'1.5'|float", "'é b'|urlencode", "'a<b'|e",
            "'a b c d'|truncate(5)", "'aba'|replace('a', 'bb')", "two|join('-')", "one|items", "i|default('')",
            "i in two", "i == 3", "two[i]", "a.b.c is defined", "i * 3.3 - 1", "i ~ i", "two[1:2]", "-i",
        )
    },
}  # fmt: skip
