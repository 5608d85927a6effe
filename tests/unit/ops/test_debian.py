from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops.local import debian


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH; a test puts in what the system is said to have."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def install() -> tuple[str, list[str]]:
    said: list[str] = []
    return debian.install(["rabbitmq-server"], say=said.append), said


def test_a_system_without_apt_is_said_to_be_one(programs: Path) -> None:
    reason, said = install()
    assert reason == "rabbitmq-server is not installed, and this system has no apt-get to install it with"
    assert said == []


def test_without_root_the_command_to_type_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(programs, "apt-get", "exit 0")
    put(programs, "sudo", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "`sudo apt-get install rabbitmq-server`" in install()[0]


def test_sudo_that_asks_for_no_password_is_used(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(programs, "apt-get", "exit 0")
    put(programs, "sudo", f'echo "$@" >> {programs}/log; exit 0')
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    reason, said = install()
    assert reason == ""
    assert said == ["Installing Debian's rabbitmq-server (no service of the system is started by that)."]
    assert "rabbitmq-server" in (programs / "log").read_text()


def test_a_failed_installation_is_told_with_its_last_words(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(programs, "apt-get", "exit 0")
    put(programs, "sudo", 'case "$2" in true) exit 0;; esac; echo "E: no such package"; exit 100')
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install()[0] == "apt-get could not install rabbitmq-server: E: no such package"


def test_while_packages_are_installed_a_policy_forbids_to_start_their_services(programs: Path) -> None:
    policy = programs / "policy-rc.d"
    put(programs, "apt-get", f'cat {policy} > {programs}/seen; echo "$@" > {programs}/asked')
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", debian.SCRIPT, "sh", policy, "chromium"], env=environ, check=True)
    assert "exit 101" in (programs / "seen").read_text()
    assert (programs / "asked").read_text().split()[-1] == "chromium"
    assert not policy.exists()


def test_a_policy_that_was_there_stays_as_it_was(programs: Path) -> None:
    policy = programs / "policy-rc.d"
    policy.write_text("theirs")
    put(programs, "apt-get", "exit 0")
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", debian.SCRIPT, "sh", policy, "chromium"], env=environ, check=True)
    assert policy.read_text() == "theirs"


def test_stale_package_lists_are_renewed_once(programs: Path) -> None:
    put(programs, "apt-get", f'echo "$1" >> {programs}/calls; [ "$1" = update ] || [ -e {programs}/new ] || exit 100')
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", debian.SCRIPT, "sh", programs / "policy", "x"], env=environ, check=False)
    assert done.returncode == 100
    assert (programs / "calls").read_text().split() == ["install", "update", "install"]
