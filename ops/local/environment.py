"""Which environment do the service's processes get, and how does another terminal get the same one?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

from ops.local import ports
from ops.local.home import LOCAL, ROOT
from ops.local.memory import Memory, write_private
from ops.local.trouble import Trouble

PYTHONPATH = os.pathsep.join((str(ROOT), str(ROOT / "platform")))
FILE = "environment.json"
SHARED = ("DATABASE_URL", "REDIS_URL", "AMQP_URL", "TRANSPORT", "PUBLIC_URL", "SECRET_KEY")
# `make` speaks to its own kind through these; a `make` started by one of ours must not listen.
MAKE_TALK = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def for_service(environ: Mapping[str, str], *, servers: Mapping[str, str], port: int, memory: Memory) -> dict[str, str]:
    """What was set by the caller stays; the servers' addresses and a private secret key are added."""
    inherited = {name: value for name, value in environ.items() if name not in MAKE_TALK}
    return {
        **inherited,
        **servers,
        "PUBLIC_URL": environ.get("PUBLIC_URL") or f"http://{ports.LOOPBACK}:{port}",
        "SECRET_KEY": environ.get("SECRET_KEY") or memory.password("secret key", size=48),
        "DJANGO_SETTINGS_MODULE": "techrar.settings",
        "PYTHONPATH": PYTHONPATH,
        "PYTHONUNBUFFERED": "1",
    }


def publish(folder: Path, environment: Mapping[str, str]) -> None:
    write_private(folder / FILE, json.dumps({name: environment[name] for name in SHARED if name in environment}))


def withdraw(folder: Path) -> None:
    (folder / FILE).unlink(missing_ok=True)


def adopt(environ: MutableMapping[str, str], *, folder: Path = LOCAL) -> None:
    """`manage.py …` in another terminal talks to the servers `manage.py up` runs, unless servers are named."""
    if any(environ.get(name) for name in ("DATABASE_URL", "REDIS_URL", "AMQP_URL")):
        return
    try:
        published = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return
    for name, value in published.items():
        environ.setdefault(name, value)


def web_port(environ: Mapping[str, str]) -> int:
    given = environ.get("PORT") or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise Trouble(f"PORT must be a number between 1 and 65535, not {given!r}.")
    return int(given)


def address(url: str) -> str:
    """A URL without its password, for eyes and notes."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port or ''}{parts.path}"
