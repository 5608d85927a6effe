"""Who said that? Sentences of ours and lines of the processes, each with its name in front."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from typing import TextIO

WIDTH = 18
# A process that writes without line ends must not fill our memory.
LONGEST = 16_384


class Console:
    """Once whoever reads us has gone (`make up | head`), there is nobody to write for: `gone` says so."""

    def __init__(self, out: TextIO, name: str = "up") -> None:
        self.out = out
        self.name = name
        self.gone = False

    def write(self, text: str) -> None:
        if self.gone:
            return
        try:
            self.out.write(text)
            self.out.flush()
        except BrokenPipeError:
            self._leave()

    def notice_who_left(self) -> None:
        """Also while there is nothing to write: a pipe's writing end has an error once nobody reads."""
        try:
            poll = select.poll()
            poll.register(self.out.fileno(), 0)
        except OSError:  # not a file of the system's
            return
        if not self.gone and poll.poll(0):
            self._leave()

    def _leave(self) -> None:
        self.gone = True
        # Python flushes once more at exit; that may not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    def say(self, sentence: str) -> None:
        self.lines(self.name, [sentence])

    def lines(self, name: str, lines: Iterable[str]) -> None:
        self.write("".join(f"{name:<{WIDTH}}| {line}\n" for line in lines))


class Lines:
    """Whole lines out of the pieces a pipe gives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            whole.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def rest(self) -> list[str]:
        last, self._rest = self._rest, b""
        return [last.decode(errors="replace")] if last else []
