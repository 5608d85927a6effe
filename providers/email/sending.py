"""What do the e-mail vendors' adapters share?

Who a message is from, its unsubscribe headers, which messages may go in one call, and how several calls of one batch
keep their outcomes apart.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field
from yarl import URL

from providers import addresses
from providers.base import Message, Outcome, Reason
from providers.email import mime
from providers.errors import Misconfigured, ProviderError, Transient

#: Nobody can turn off what they need: an order's receipt, a code to sign in with.
WITHOUT_UNSUBSCRIBE = {"transactional", "security"}
CALLS_AT_ONCE = 8  # of one batch, where it takes several
MARGIN = 2.0  # seconds left for putting the outcomes together
SHORTEST_CALL = 5.0  # with less time left, a call is not begun

T = TypeVar("T")
#: What one HTTP call carries: its messages, and the vendor's payload or what is needed to make it.
Call = tuple[list[Message], T]
#: Makes it: gets these two, and the time by the loop's clock at which it must have ended.
Caller = Callable[[list[Message], T, float], Awaitable[list[Outcome]]]


def _an_address(value: str) -> str:
    return addresses.email(value) if value else ""


FromAddress = Annotated[str, AfterValidator(_an_address), Field(description="The sender where a message names none.")]
FromName = Annotated[str, Field(max_length=200, description="The name shown beside that address.")]


def sender_of(config: Any, message: Message) -> mime.From:
    address = message.sender.get("address") or config.from_address
    if not address:
        raise Misconfigured(Reason.ACCOUNT, "neither the message nor the account names a sender address")
    name = message.sender.get("name", "") or config.from_name
    return mime.From(address, name, message.sender.get("reply_to", ""))


def unsubscribe_headers(message: Message) -> dict[str, str]:
    """RFC 2369 and RFC 8058: mail programs show a button that needs one click."""
    if not message.unsubscribe_url or message.category in WITHOUT_UNSUBSCRIBE:
        return {}
    url = mime.line(str(URL(message.unsubscribe_url)))
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def parts_of(message: Message) -> dict[str, str]:
    """The bodies it has, HTML with the preheader in it."""
    content = message.content
    given = {"html": mime.with_preheader(content.get("html"), content.get("preheader")), "text": content.get("text")}
    return {part: body for part, body in given.items() if body}


def grouped(batch: Iterable[Message], alike: Callable[[Message], Hashable]) -> list[list[Message]]:
    """Those that may share a call: alike in what the call says once, and no address twice."""
    found: dict[Hashable, list[Message]] = {}
    seen: Counter[Hashable] = Counter()
    for message in batch:
        key = alike(message)
        twin = (key, message.address.lower())
        found.setdefault((key, seen[twin]), []).append(message)
        seen[twin] += 1
    return list(found.values())


def portions(sizes: Sequence[int], limit: int) -> Iterator[slice]:
    """Consecutive runs whose sizes stay within the limit together; what is larger on its own stands alone."""
    start = total = 0
    for at, size in enumerate(sizes):
        if at > start and total + size > limit:
            yield slice(start, at)
            start, total = at, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))


async def in_calls(calls: Sequence[Call[T]], call: Caller[T], *, within: float) -> list[Outcome]:
    """Make the calls, a few at once, so that all have ended within these seconds."""
    until = asyncio.get_running_loop().time() + within - MARGIN
    gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(messages: list[Message], payload: T) -> list[Outcome]:
        async with gate:
            return await settled(call, messages, payload, until)

    done = await asyncio.gather(*(one(messages, payload) for messages, payload in calls))
    return [outcome for outcomes in done for outcome in outcomes]


async def settled(call: Caller[T], messages: list[Message], payload: T, until: float) -> list[Outcome]:
    """The outcomes of one call; its failure is that of its messages and of no others."""
    try:
        return await call(messages, payload, until)
    except ProviderError as error:
        return [error.outcome(message) for message in messages]


def time_left(until: float) -> float:
    """Seconds that a call may take; with too few left it is not begun, so that nobody has to guess its end."""
    left = until - asyncio.get_running_loop().time()
    if left < SHORTEST_CALL:
        raise Transient(Reason.TIMEOUT, "the calls before it took all the time there was")
    return left
