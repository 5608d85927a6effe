"""Is there anything in these files that no reviewer should have to look for?"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FINDINGS = (
    (re.compile(r"[ \t]+$", re.MULTILINE), "trailing whitespace"),
    (re.compile(r"^(<{7}|>{7}) ", re.MULTILINE), "merge marker"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + " KEY-----"), "private key"),
    (re.compile(r"\r"), "carriage return"),
)


def findings(text: str) -> Iterator[tuple[int, str]]:
    """Line numbers and what is wrong there."""
    for pattern, what in FINDINGS:
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, what
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no line end at the end"


def main(files: Sequence[str]) -> int:
    found = [f"{file}:{line}: {what}" for file in files for line, what in sorted(findings(_read(file)))]
    sys.stdout.write("".join(line + "\n" for line in found))
    return 1 if found else 0


def _read(file: str) -> str:
    with Path(file).open(encoding="utf-8", newline="") as handle:  # newline="": carriage returns stay visible
        return handle.read()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
