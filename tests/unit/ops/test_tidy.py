from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.tidy import findings, main


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fine\n", []),
        ("", []),
        ("one\ntwo \n", [(2, "trailing whitespace")]),
        ("one", [(1, "no line end at the end")]),
        ("a\r\n", [(1, "carriage return")]),
        ("<" * 7 + " ours\n", [(1, "merge marker")]),
        ("\n-----BEGIN RSA PRIVATE" + " KEY-----\n", [(2, "private key")]),
    ],
)
def test_what_no_reviewer_should_have_to_look_for_is_found(text: str, found: list[tuple[int, str]]) -> None:
    assert list(findings(text)) == found


def test_files_and_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.md").write_bytes(b"ok\nbad \r\n")
    (tmp_path / "good.md").write_text("ok\n")
    assert main([str(tmp_path / "good.md")]) == 0
    assert main([str(tmp_path / "good.md"), str(tmp_path / "bad.md")]) == 1
    assert "bad.md:2: carriage return" in capsys.readouterr().out
