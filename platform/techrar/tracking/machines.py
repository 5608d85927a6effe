"""Who follows a link: a person, or a program that looks first?

By what a request says of itself. What it does (too soon, too many at once) is judged when it is applied, in
`receipts/apply.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Programs that fetch a picture for a reader who has just opened the message (Gmail's and Yahoo's proxies) are no
#: machines in this sense. Apple's prefetching one gives this whole name and nothing else.
_PREFETCHER = "Mozilla/5.0"
_AGENTS = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|headless|python|curl|wget|java/|go-http|okhttp|axios|node-fetch|libwww"
    r"|barracuda|mimecast|proofpoint|trendmicro|symantec|fortinet|sophos|cisco|forcepoint|messagelabs|safebrowsing"
    r"|google-safety|facebookexternalhit|whatsapp/|skypeuri",
    re.IGNORECASE,
)
_PURPOSES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
_LOOKING = ("prefetch", "preview", "prerender")


def is_machine(headers: Mapping[str, str], *, method: str = "GET") -> bool:
    agent = headers.get("user-agent", "").strip()
    if method != "GET" or not agent or agent == _PREFETCHER or _AGENTS.search(agent):
        return True
    return any(word in headers.get(name, "").lower() for name in _PURPOSES for word in _LOOKING)
