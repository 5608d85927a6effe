"""Which of the messages written on one channel did the broker take?

The broker answers by delivery tag, out of order, several at a time, and it *acknowledges* a message that no queue took
after returning it. Only a tag that was acknowledged and not returned is confirmed. Both publishers count with this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Verdict(StrEnum):
    CONFIRMED = "confirmed"  #: a queue has it
    RETURNED = "returned"  #: no queue took it: the topology lacks something
    REFUSED = "refused"  #: the broker said no: a full queue, or an error of its own


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What one publish came to. Whatever is not in `confirmed` goes back by its publish id."""

    confirmed: frozenset[UUID] = frozenset()
    returned: frozenset[UUID] = frozenset()
    refused: frozenset[UUID] = frozenset()
    unknown: frozenset[UUID] = frozenset()  #: written, no answer: it may arrive, now or later
    unsent: frozenset[UUID] = frozenset()  #: never written
    blocked: bool = False  #: the broker takes nothing at the moment (memory or disk alarm)
    error: str = ""  #: one sentence for the log, empty when all went well
    retry_in: float = 0.0  #: seconds before the next attempt can come to anything

    @property
    def failed(self) -> frozenset[UUID]:
        return self.returned | self.refused | self.unknown | self.unsent


@dataclass(slots=True)
class Confirms:
    """The outstanding tags of one channel in confirm mode; a new channel needs a new one."""

    _last: int = 0
    _waiting: dict[int, UUID] = field(default_factory=dict)
    _returned: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_tag(self) -> int:
        """The tag that the broker will give to the next message on this channel."""
        return self._last + 1

    def wrote(self, publish_id: UUID) -> int:
        self._last += 1
        self._waiting[self._last] = publish_id
        return self._last

    def returned(self, tag: int) -> None:
        """The broker sends a return before the acknowledgement of the same message."""
        if tag in self._waiting:
            self._returned.add(tag)

    def answered(self, tag: int, *, multiple: bool, taken: bool) -> list[tuple[int, UUID, Verdict]]:
        """Settle one tag, or all up to it. Tags that nobody waits for any more are ignored."""
        tags = self._up_to(tag) if multiple else [tag] if tag in self._waiting else []
        return [(each, self._waiting.pop(each), self._verdict(each, taken)) for each in tags]

    def _up_to(self, tag: int) -> list[int]:
        """Tags are written in order, so the waiting ones are sorted; zero means all of them."""
        found: list[int] = []
        for waiting in self._waiting:
            if tag and waiting > tag:
                break
            found.append(waiting)
        return found

    def _verdict(self, tag: int, taken: bool) -> Verdict:
        returned = tag in self._returned
        self._returned.discard(tag)
        if not taken:
            return Verdict.REFUSED
        return Verdict.RETURNED if returned else Verdict.CONFIRMED


def summarise(
    asked: Iterable[UUID],
    written: Iterable[UUID],
    verdicts: Mapping[UUID, Verdict],
    *,
    blocked: bool = False,
    error: str = "",
    retry_in: float = 0.0,
) -> Confirmed:
    """Put every publish id that was asked for into exactly one set."""
    everything, sent = frozenset(asked), frozenset(written)
    by = {v: frozenset(i for i, found in verdicts.items() if found is v) for v in Verdict}
    return Confirmed(
        confirmed=by[Verdict.CONFIRMED],
        returned=by[Verdict.RETURNED],
        refused=by[Verdict.REFUSED],
        unknown=sent - frozenset(verdicts),
        unsent=everything - sent,
        blocked=blocked,
        error=error or _complaint(by),
        retry_in=retry_in,
    )


def _complaint(by: Mapping[Verdict, frozenset[UUID]]) -> str:
    if by[Verdict.RETURNED]:
        return f"no queue took {len(by[Verdict.RETURNED])} message(s): run `manage.py topology`"
    if by[Verdict.REFUSED]:
        return f"the broker refused {len(by[Verdict.REFUSED])} message(s): a queue is full or in trouble"
    return ""
