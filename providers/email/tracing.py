"""How do we see that an e-mail was opened, and its links followed?

In its HTML, after it was rendered: a picture that nobody sees, and links that lead past us. Anything that is not a link
to a page on the web, as a template writes one, is left as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

#: A tag's search ends where the next one begins, so that no markup makes it slow; a longer address is not worth it.
#: Letter by letter instead of by IGNORECASE, which would look at every character and not at every "<" alone.
_LINK = re.compile(
    r"""(<[aA]\s[^<>]*?\b[hH][rR][eE][fF]\s*=\s*["'])([hH][tT][tT][pP][sS]?://[^"'<>\s\ud800-\udfff]{1,1500})(?=["'])"""
)
_plain = lru_cache(maxsize=4_096)(html.unescape)


def traced(content: Mapping[str, Any], pixel: str, click: Callable[[int, str], str] | None) -> Mapping[str, Any]:
    """The same content; `pixel` is the picture's address or empty, `click` makes a link's new address or is None."""
    markup = content.get("html")
    if not markup:
        return content
    if click is not None:
        markup = _past_us(markup, click)
    if pixel:
        markup = _with_picture(markup, pixel)
    return {**content, "html": markup}


def _past_us(markup: str, click: Callable[[int, str], str]) -> str:
    numbers = count(1)

    def replaced(found: re.Match[str]) -> str:
        return found[1] + click(next(numbers), _plain(found[2]))

    return _LINK.sub(replaced, markup)


def _with_picture(markup: str, pixel: str) -> str:
    """At the end of the body, so that a message that is cut short was not read to its end."""
    at = markup.rfind("</body>")
    if at < 0:
        at = markup.rfind("</BODY>")
    picture = f'<img src="{pixel}" width="1" height="1" alt="">'
    return markup + picture if at < 0 else markup[:at] + picture + markup[at:]
