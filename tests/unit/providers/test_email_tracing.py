"""What becomes of an e-mail's HTML when its opens and clicks are counted?"""

from __future__ import annotations

import time

import pytest

from providers.email.tracing import traced


def past_us(markup: str) -> str:
    """With the number and the old address in place of ours."""
    return str(traced({"html": markup}, "", lambda number, url: f"[{number} {url}]")["html"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<a href="https://a.example/x">', '<a href="[1 https://a.example/x]">'),
        ("<a href='http://a.example'>", "<a href='[1 http://a.example]'>"),
        ('<A CLASS="b" HREF = "HTTPS://A.example">', '<A CLASS="b" HREF = "[1 HTTPS://A.example]">'),
        ('<a\n  title="t"\n  href="https://a.example/?x=1&amp;y=2">', None),
        ('<a href="https://a.example/1"></a><a href="https://a.example/2">', None),
    ],
)
def test_links_to_the_web_lead_past_us(before: str, after: str | None) -> None:
    expected = (
        after
        or {
            1: '<a\n  title="t"\n  href="[1 https://a.example/?x=1&y=2]">',
            2: '<a href="[1 https://a.example/1]"></a><a href="[2 https://a.example/2]">',
        }[before.count("<a")]
    )
    assert past_us(before) == expected


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="mailto:ann@example.com">',
        '<a href="tel:+12025550123">',
        '<a href="#top">',
        '<a href="/relative">',
        '<a href="javascript:alert(1)">',
        '<a href="https://a.example/with space">',
        f'<a href="https://a.example/{"x" * 2000}">',
        '<img src="https://a.example/x.png">',
        '<link href="https://a.example/x.css">',
        "https://a.example/ as text",
        '<a href="https://a.example/\ud800">',
    ],
)
def test_everything_else_is_left_as_it_is(markup: str) -> None:
    assert past_us(markup) == markup


def test_the_picture_is_the_last_thing_in_the_body() -> None:
    picture = '<img src="https://n.example/t/o/x" width="1" height="1" alt="">'
    for before, after in [
        ("<body>Hi</body></html>", f"<body>Hi{picture}</body></html>"),
        ("<BODY>Hi</BODY>", f"<BODY>Hi{picture}</BODY>"),
        ("<p>Hi</p>", f"<p>Hi</p>{picture}"),
    ]:
        assert traced({"html": before}, "https://n.example/t/o/x", None)["html"] == after


def test_an_email_without_html_stays_as_it_is() -> None:
    content = {"subject": "Hello", "text": "https://a.example/"}
    assert traced(content, "https://n.example/t/o/x", lambda number, url: url) == content


@pytest.mark.parametrize(
    "markup", ["<a " * 100_000, '<a href="' * 50_000, "<a " + "href=" * 80_000, "<a" + " " * 300_000]
)
def test_no_markup_makes_it_slow(markup: str) -> None:
    begun = time.process_time()
    past_us(markup)
    assert time.process_time() - begun < 2.0
