"""What did `make` leave on this machine, and how is all of it removed?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local.console import Console
from ops.local.home import LOCAL, ROOT, elsewhere
from ops.local.lock import only_one, stop_leftovers
from ops.local.memory import Memory
from ops.local.trouble import Trouble

CACHES = (".cache", "build", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache")


def main(*, root: Path = ROOT, local: Path = LOCAL) -> int:
    """Servers' data, wherever it lies; the environment; what tools have cached."""
    console = Console(sys.stdout, "clean")
    try:
        with _unused(local, console):
            for folder in (local, elsewhere(root), root / ".venv", *(root / name for name in CACHES)):
                _remove(folder, console)
            for folder in list(root.rglob("__pycache__")):
                shutil.rmtree(folder)
            for file in root.glob(".coverage*"):
                file.unlink()
    except Trouble as trouble:
        console.say(str(trouble))
        return 1
    return 0


@contextmanager
def _unused(local: Path, console: Console) -> Iterator[None]:
    if not local.is_dir():
        yield
        return
    with only_one(local, doing="`make clean`"):
        try:
            memory = Memory(local)
        except Trouble:  # it cannot be read: one of the reasons to come here
            yield
        else:
            stop_leftovers(memory, console.say)
            yield


def _remove(folder: Path, console: Console) -> None:
    if not folder.is_dir() or folder.is_symlink():
        return
    owner = folder.lstat().st_uid
    if owner != os.geteuid():
        console.say(f"{folder} belongs to user {owner} and was left alone.")
        return
    shutil.rmtree(folder)
    console.say(f"Removed {folder}.")


if __name__ == "__main__":
    sys.exit(main())
