from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.home import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


def test_every_command_is_explained() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    explained = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)
    assert explained == phony[1].split()


@needs_make
def test_make_alone_lists_the_commands() -> None:
    listed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    assert "make up" in listed
    assert "make test-all" in listed


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Just enough of one for the environment script; the Python in it says what a test wants it to say."""
    folder = tmp_path / "checkout"
    (folder / "ops" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "ops" / "local" / "env.sh", folder / "ops" / "local")
    return folder


def made(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    stand_in = checkout / "python"
    stand_in.write_text(f"#!/bin/sh\n{python}\n")
    stand_in.chmod(0o755)
    return subprocess.run(
        ["sh", "ops/local/env.sh", "dev"], cwd=checkout, env={"PATH": "/usr/bin:/bin", "PYTHON": str(stand_in)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_another_python_is_refused_with_one_sentence(checkout: Path) -> None:
    done = made(checkout, 'case "$1" in --version) echo "Python 3.13.0";; *) exit 1;; esac')
    assert done.returncode == 1
    assert done.stderr == (
        "Techrar needs Python 3.11 or 3.12, and found Python 3.13.0: install one of them, or name it with "
        "PYTHON=/path/to/python.\n"
    )
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_refused_with_what_to_install(checkout: Path) -> None:
    done = made(checkout, f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac')
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert done.returncode == 1
    assert f"apt-get install python{version}-venv" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def manage(version: str) -> subprocess.CompletedProcess[str]:
    code = f"import runpy, sys; sys.version_info = ({version}); runpy.run_path('manage.py')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", ["3, 10, 9", "3, 13, 0"])
def test_manage_py_says_which_python_it_needs(version: str) -> None:
    done = manage(version)
    assert done.returncode == 1
    assert done.stderr.startswith("Techrar needs Python 3.11 or 3.12; this is 3.1")
    assert len(done.stderr.strip().splitlines()) == 1
