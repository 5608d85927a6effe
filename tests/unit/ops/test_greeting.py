from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from ops.local.greeting import Demo, greeting
from ops.local.trouble import Trouble

NEW = Demo("demo@techrar.test", "word", "trk_test_1")
SILENT = Demo("demo@techrar.test", "", "")
HERE = "postgresql://me:secret@127.0.0.1:15000/techrar"


def test_the_key_of_the_first_run_is_known_to_the_second(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    assert NEW.completed(file, HERE) == NEW
    assert SILENT.completed(file, HERE) == NEW
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret" not in file.read_text()


def test_the_key_of_another_database_is_not_offered(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    NEW.completed(file, HERE)
    there = HERE.replace("15000", "15001")
    assert SILENT.completed(file, there).api_key == ""
    assert Demo(NEW.login, "other", "trk_test_2").completed(file, there).api_key == "trk_test_2"
    assert SILENT.completed(file, HERE) == NEW  # and neither forgets


def test_a_new_key_keeps_the_password(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    NEW.completed(file, HERE)
    assert Demo(NEW.login, "", "trk_test_2").completed(file, HERE) == Demo(NEW.login, "word", "trk_test_2")


def test_a_damaged_note_costs_only_the_key(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    file.write_text("{")
    assert SILENT.completed(file, HERE) == SILENT


@pytest.mark.parametrize("printed", ["", "Traceback", "[]"])
def test_an_answer_that_is_not_json_is_one_sentence(printed: str) -> None:
    with pytest.raises(Trouble, match="instead of JSON"):
        Demo.parse(printed)


def test_warnings_before_the_json_do_no_harm() -> None:
    assert Demo.parse('a warning\n{"login": "demo@techrar.test", "password": null, "api_key": null}\n') == SILENT


def test_the_printed_line_is_one_shell_command_with_a_json_body() -> None:
    text = greeting(port=8000, demo=NEW, transport="amqp", reason="it is there", data=".local", seconds=1)
    send, look = (line for line in text.splitlines() if line.startswith("curl"))
    words = shlex.split(send)
    body = json.loads(words[words.index("-d") + 1])
    assert body["to"] == {"email": "delivered@sandbox.test"}
    assert "http://127.0.0.1:8000/v1/notifications" in words
    assert "Authorization: Bearer trk_test_1" in words
    assert "/timeline" in look
    assert "amqp (it is there)" in text
