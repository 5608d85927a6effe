"""Which requests are no person's?"""

from __future__ import annotations

import pytest

from techrar.tracking.machines import is_machine

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    ],
)
def test_people_and_the_proxies_that_fetch_for_them_when_they_read(agent: str) -> None:
    assert not is_machine({"user-agent": agent})


@pytest.mark.parametrize(
    "agent",
    [
        *("", "Mozilla/5.0", "Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0)", "python-requests/2.31"),
        *("curl/8.0", "Barracuda Sentinel (EE)", "WhatsApp/2.23", "Mozilla/5.0 HeadlessChrome/120", "Preview/0.5"),
    ],
)
def test_programs_that_look_first(agent: str) -> None:
    assert is_machine({"user-agent": agent})


def test_a_browser_that_says_it_prefetches_and_a_request_for_the_headers_only() -> None:
    assert is_machine({"user-agent": BROWSER, "sec-purpose": "prefetch;prerender"})
    assert is_machine({"user-agent": BROWSER, "purpose": "Prefetch"})
    assert is_machine({"user-agent": BROWSER}, method="HEAD")
