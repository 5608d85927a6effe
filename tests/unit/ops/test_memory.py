from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.local.memory import Memory, write_private
from ops.local.process import identify
from ops.local.trouble import Trouble


def test_a_password_is_made_once_and_kept(tmp_path: Path) -> None:
    first = Memory(tmp_path).password("PostgreSQL")
    assert len(first) >= 32
    assert Memory(tmp_path).password("PostgreSQL") == first
    assert Memory(tmp_path).password("Valkey") != first


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.password("PostgreSQL")
    assert memory.file.stat().st_mode & 0o777 == 0o600


def test_an_interrupted_write_leaves_the_old_state(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    kept = memory.password("PostgreSQL")
    memory.file.with_name("state.json.new").write_text('{"passw')
    assert Memory(tmp_path).password("PostgreSQL") == kept
    write_private(memory.file, memory.file.read_text())
    assert not memory.file.with_name("state.json.new").exists()


@pytest.mark.parametrize("content", ["{", "[1]", ""])
def test_a_damaged_file_is_one_sentence_that_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(Trouble, match=r"state\.json cannot be read.*make clean"):
        Memory(tmp_path)


def test_who_was_running_is_remembered(tmp_path: Path) -> None:
    me = identify(os.getpid())
    assert me is not None
    Memory(tmp_path).remember_processes([("web", me)])
    assert Memory(tmp_path).processes() == [("web", me)]
