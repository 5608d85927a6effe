"""What has to be the same at the next start: ports, passwords, who was running?"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.local.process import Identity
from ops.local.trouble import Trouble


class Memory:
    """One JSON file only its owner can read, replaced as a whole so that a crash leaves the old or the new."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state.json"
        self._facts: dict[str, Any] = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise Trouble(
                f"{self.file} cannot be read, and it holds the passwords of the data: "
                "restore it, or start afresh with `make clean`."
            )
        return facts

    def _section(self, name: str) -> dict[str, Any]:
        section = self._facts.setdefault(name, {})
        assert isinstance(section, dict)
        return section

    def _write(self) -> None:
        write_private(self.file, json.dumps(self._facts, indent=1, sort_keys=True))

    def password(self, name: str, *, size: int = 24) -> str:
        """Made once. Other users of the machine can reach a loopback port, too."""
        passwords = self._section("passwords")
        if name not in passwords:
            passwords[name] = secrets.token_urlsafe(size)
            self._write()
        return str(passwords[name])

    def port(self, name: str) -> int | None:
        port = self._section("ports").get(name)
        return int(port) if port else None

    def remember_port(self, name: str, port: int) -> None:
        if self.port(name) != port:
            self._section("ports")[name] = port
            self._write()

    def processes(self) -> list[tuple[str, Identity]]:
        """Who ran when this was last written, oldest first."""
        return [
            (str(name), Identity(int(pid), str(started))) for name, pid, started in self._facts.get("processes", [])
        ]

    def remember_processes(self, running: Iterable[tuple[str, Identity]]) -> None:
        self._facts["processes"] = [[name, identity.pid, identity.started] for name, identity in running]
        self._write()


def write_private(file: Path, text: str) -> None:
    """Never readable by others, not even for an instant; complete or not there."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(file)
