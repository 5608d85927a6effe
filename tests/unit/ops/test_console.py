from __future__ import annotations

import io
import os

from ops.local.console import LONGEST, Console, Lines


def test_pieces_become_whole_lines() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\n\nthr") == ["two", ""]
    assert lines.rest() == ["thr"]
    assert lines.rest() == []


def test_a_line_without_an_end_does_not_grow_for_ever() -> None:
    lines = Lines()
    assert lines.feed(b"x" * (LONGEST + 1)) == ["x" * (LONGEST + 1)]
    assert lines.rest() == []


def test_every_line_carries_its_speaker() -> None:
    out = io.StringIO()
    console = Console(out)
    console.lines("web", ["one", "two"])
    console.say("A sentence.")
    assert [line.split("|")[0].strip() for line in out.getvalue().splitlines()] == ["web", "web", "up"]


def test_a_reader_that_went_away_is_noticed_and_does_no_harm() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as out:
        console = Console(out)
        os.close(read)
        console.say("Nobody reads this.")
        assert console.gone
        console.say("Nor this.")


def test_a_reader_that_went_away_is_noticed_in_silence_too() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as out:
        console = Console(out)
        console.notice_who_left()
        assert not console.gone
        os.close(read)
        console.notice_who_left()
        assert console.gone
        console.say("Nobody reads this.")
