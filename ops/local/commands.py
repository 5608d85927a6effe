"""How does the supervisor have management commands run, without knowing Django itself?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from ops.local.commander import MARK
from ops.local.console import Console
from ops.local.home import ROOT
from ops.local.process import spawn
from ops.local.trouble import Trouble

COMMANDER = (sys.executable, "-m", "ops.local.commander")


class Commands:
    """One helper process for as long as the `with` block lasts."""

    def __init__(self, console: Console, env: Mapping[str, str], *, commander: Sequence[str] = COMMANDER) -> None:
        self._console = console
        self._process = spawn(commander, env=env, output=subprocess.PIPE, cwd=ROOT, input_=subprocess.PIPE)

    def run(self, *words: str) -> str:
        """What the command printed; when it fails, that is shown and everything stops."""
        name = f"`manage.py {words[0]}`"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = []
        try:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; why, it says in its output
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            if line.startswith(MARK):
                answer = json.loads(line.removeprefix(MARK))
                output = str(answer["output"])
                if answer["code"] == 0:
                    return output
                said += output.splitlines()
                break
            said.append(line)
        self._console.lines(words[0], said)
        raise Trouble(f"{name} failed (its own words are above): everything is stopped.")

    def __enter__(self) -> Commands:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()
