"""How is a private PostgreSQL made and started, whatever an earlier run left behind?"""

from __future__ import annotations

import locale
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from ops.local import ports
from ops.local.accounts import run_as
from ops.local.binaries import PostgresBinaries, find_postgres
from ops.local.home import Home
from ops.local.memory import Memory, write_private
from ops.local.process import command_line, identify, spawn, stop_stranger
from ops.local.server import Server
from ops.local.trouble import Trouble

NAME = "PostgreSQL"
USER = DATABASE = "techrar"
SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    # One transaction may touch every partition of a table.
    "max_locks_per_transaction": "256",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data that lives as long as a test run. A killed server still loses nothing; only a power cut would.
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


def prepare(home: Home, memory: Memory, *, durable: bool, rng: random.Random, say: Callable[[str], None]) -> Server:
    """A server ready to be started on our data, which is made first where there is none."""
    base = home.for_account("postgres")
    data = base / "data"
    _set_aside_incomplete(data, say)
    made_by = int((data / "PG_VERSION").read_text()) if data.exists() else None
    binaries = find_postgres(home, made_by=made_by)
    if made_by is None:
        _initialise(base, binaries, home, memory)
    _clear_stale_pid_file(data, say)
    port = ports.choose(NAME, memory=memory, rng=rng, say=say)
    log = home.log / "postgres.log"
    settings = SETTINGS | {"port": str(port)} | ({} if durable else FORGETFUL)

    def launch() -> subprocess.Popen[bytes]:
        _clear_stale_pid_file(data, say)
        with log.open("wb") as output:
            return spawn(
                [binaries.folder / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                output=output,
                account=home.account,
                death_signal=signal.SIGINT,
            )

    return Server(
        name=NAME,
        url=f"postgresql://{USER}:{memory.password(NAME)}@{ports.LOOPBACK}:{port}/{DATABASE}",
        log=log,
        launch=launch,
        answers=lambda: _is_ready(data),
        stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for clients to leave
        fast_signal=signal.SIGQUIT,
    )


def _set_aside_incomplete(data: Path, say: Callable[[str], None]) -> None:
    """`data` appears by one rename when it is finished; what else is found cannot hold anybody's data."""
    unfinished = data.with_name("data.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
        say(f"An earlier start was interrupted while making the database; {unfinished} was removed and is made afresh.")
    if data.exists() and not ((data / "PG_VERSION").is_file() and (data / "global" / "pg_control").is_file()):
        aside = next(name for n in range(1, 1000) if not (name := data.with_name(f"data.broken-{n}")).exists())
        data.rename(aside)
        say(f"{data} is not a complete PostgreSQL data folder; it was moved to {aside.name} and a new one is made.")


def _initialise(base: Path, binaries: PostgresBinaries, home: Home, memory: Memory) -> None:
    unfinished = base / "data.unfinished"
    secret = base / "password"
    write_private(secret, memory.password(NAME))
    if home.account is not None:
        os.chown(secret, home.account.uid, home.account.gid)
    try:
        made = run_as(
            home.account,
            [
                binaries.folder / "initdb", "-D", unfinished, f"--username={USER}", f"--pwfile={secret}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--lc-collate=C", f"--lc-ctype={_character_type()}",
                "--lc-messages=C", "--no-instructions",
            ],
        )  # fmt: skip
    finally:
        secret.unlink()
    if made.returncode != 0:
        raise Trouble(
            f"PostgreSQL could not make its data folder {unfinished}: {(made.stderr or made.stdout).strip()[-300:]}"
        )
    # Single-user mode: no client program and no open port is needed to create the one database we use.
    single = run_as(
        home.account,
        [binaries.folder / "postgres", "--single", "-D", unfinished, "postgres"],
        text=f"CREATE DATABASE {DATABASE}\n",
    )
    if single.returncode != 0 or "ERROR" in single.stderr:
        raise Trouble(f"PostgreSQL could not create the database {DATABASE}: {single.stderr.strip()[-300:]}")
    unfinished.rename(base / "data")


def _character_type() -> str:
    """Unicode-aware upper and lower case where the system knows it; the order stays the bytes' order everywhere."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"


def _clear_stale_pid_file(data: Path, say: Callable[[str], None]) -> None:
    """PostgreSQL refuses to start when the file's process id is in use, be it by quite another program by now."""
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        pid = 0
    running = identify(pid) if pid > 0 else None
    if running and str(data) in command_line(pid):
        say(f"PostgreSQL of an earlier run was still there (process {pid}); it was stopped.")
        stop_stranger(running, signal.SIGINT, patience=20.0)
        running = None
    if file.exists() and not (running and str(data) in command_line(pid)):
        file.unlink()
        if pid:
            say(f"A stale pid file was removed: no PostgreSQL of ours runs as process {pid} any more.")


def _is_ready(data: Path) -> bool:
    """The postmaster writes its state on the eighth line, as `pg_ctl --wait` reads it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"
