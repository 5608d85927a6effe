"""Imports point down only, and the linter that says so would notice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "platform")])}
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)


def test_every_contract_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("platform/techrar/core/ids.py", "from techrar.ledger import states", "imports point down only"),
        ("platform/techrar/notifications/services.py", "import techrar.receipts.apply", "imports point down only"),
        ("platform/techrar/ledger/moves.py", "import kombu", "only the publisher knows Kombu"),
        ("platform/techrar/dispatch/relay.py", "import pika", "only the engine's AMQP source knows pika"),
        ("providers/http.py", "import django", "work without Django"),
    ],
)
def test_a_forbidden_import_is_named(tmp_path: Path, file: str, line: str, contract: str) -> None:
    for name in ("platform", "consumers", "providers", "segmentation", "abtest", "frontend", "ops"):
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    broken = tmp_path / file
    broken.write_text(broken.read_text().replace("from __future__ import annotations\n", f"{line}\n", 1))
    done = lint(tmp_path)
    assert done.returncode == 1
    assert re.search(rf"{contract}.* BROKEN", done.stdout), done.stdout


def copy(source: Path, target: Path) -> None:
    for path in source.rglob("*.py"):
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
