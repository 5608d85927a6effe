from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest

from ops.local.commands import Commands
from ops.local.console import Console
from ops.local.environment import PYTHONPATH
from ops.local.trouble import Trouble


@pytest.fixture
def terminal() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def commands(terminal: io.StringIO, dsn: str) -> Iterator[Commands]:
    env = {**os.environ, "DATABASE_URL": dsn, "PYTHONPATH": PYTHONPATH, "DJANGO_SETTINGS_MODULE": "techrar.settings"}
    with Commands(Console(terminal), env) as commands:
        yield commands


def test_one_process_runs_one_command_after_the_other(commands: Commands, terminal: io.StringIO) -> None:
    assert "merchants" in commands.run("showmigrations", "--plan")
    assert "No migrations to apply" in commands.run("migrate", "--noinput", "--no-color")
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("migrate", "--nonsense"), "unrecognized arguments: --nonsense"),
        (("nonsense",), "Unknown command: 'nonsense'"),
        (("sqlmigrate", "merchants", "9999"), "Cannot find a migration"),
    ],
)
def test_a_failure_is_shown_with_its_own_words(
    commands: Commands, terminal: io.StringIO, words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(Trouble, match=rf"`manage\.py {words[0]}` failed"):
        commands.run(*words)
    assert reason in terminal.getvalue()
    assert "Traceback" not in terminal.getvalue()
