"""Does everybody keep the order: reserve, publish; claim, acknowledge; begin, call?

A broken order is seldom seen in how things end, since sweepers repair what it breaks. So it is watched as it happens:
what was committed is noted here, and whoever publishes, acknowledges or calls is checked against it.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any
from uuid import UUID

from techrar.ledger.states import LEGAL, State


@cache
def beyond(state: State) -> frozenset[State]:
    """Everything that a row in this state may still become, this state included."""
    reached = {state}
    while more := {b for a, b in LEGAL if a in reached} - reached:
        reached |= more
    return frozenset(reached)


class Order:
    def __init__(self) -> None:
        self.reserved: set[UUID] = set()
        self.holder: dict[UUID, UUID | None] = {}  #: delivery -> the envelope or claim that took it last
        self.claims: Counter[UUID] = Counter()
        self.begins: Counter[UUID] = Counter()
        self.ended: dict[UUID, State] = {}
        self.broken: list[str] = []

    def committed(self, name: str, values: Any, cursor: Any) -> None:
        """A statement has taken effect."""
        if name == "reserve":
            self.reserved.add(values["id"])
            self.holder.update(dict.fromkeys(uuids(values["ids"]), values["id"]))
        elif name == "move":
            words = list(zip(*(uuids(values[column]) for column in ("id", "fence", "held_by")), strict=True))
            # What is no longer theirs they publish all the same: it holds nothing, and whoever gets it is refused.
            self.reserved.update(held_by for _, _, held_by in words if held_by)
            for identifier, state, *_ in look(cursor):
                self._move(identifier, State(state), {fence: held_by for i, fence, held_by in words if i == identifier})
        elif name == "claim":
            envelopes = set(uuids(values["envelopes"]))
            for identifier, *_ in look(cursor):
                self._claim(identifier, envelopes, values["claim"])
        elif name == "begin":
            granted = {row[0] for row in look(cursor)}
            pairs = zip(uuids(values["claims"]), uuids(values["ids"]), strict=True)
            self.begins.update(identifier for claim, identifier in pairs if claim in granted)

    def _claim(self, identifier: UUID, envelopes: set[UUID], claim: UUID) -> None:
        if self.holder[identifier] not in envelopes:
            self.broken.append(f"claimed for an envelope that did not hold it: {identifier}")
        self.holder[identifier] = claim
        self.claims[identifier] += 1

    def _move(self, identifier: UUID, state: State, words: dict[UUID | None, UUID | None]) -> None:
        """A row was moved: by its holder, who may have more than one word about it in a batch, or by anybody."""
        holder = self.holder.get(identifier)
        if None not in words:
            if holder not in words:
                self.broken.append(f"moved by somebody who did not hold it: {identifier}")
            self.holder[identifier] = words.get(holder)
        before = self.ended.get(identifier, state)
        if state not in beyond(before):
            self.broken.append(f"was {before.word} and is {state.word}: {identifier}")
        if not state.pending:
            self.ended[identifier] = state

    def published(self, envelope: UUID) -> None:
        if envelope not in self.reserved:
            self.broken.append(f"published before it was reserved: {envelope}")

    def acknowledged(self, envelope: UUID, *, unclaimed: int) -> None:
        if unclaimed:
            self.broken.append(f"acknowledged with {unclaimed} rows not yet claimed: {envelope}")

    def called(self, delivery: UUID, *, times: int) -> None:
        if times > self.begins[delivery]:
            self.broken.append(f"called {times} times, begun {self.begins[delivery]} times: {delivery}")


def uuids(array: str) -> list[UUID]:
    """What `techrar.ledger.arrays` has written."""
    return [None if word == "NULL" else UUID(word) for word in array.strip("{}").split(",") if word]  # type: ignore[misc]


def look(cursor: Any) -> list[Any]:
    """The rows, which are left there for whoever asked."""
    rows: list[Any] = cursor.fetchall()
    if rows:
        cursor.scroll(0, mode="absolute")
    return rows
