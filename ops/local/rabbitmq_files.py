"""What does our RabbitMQ read at its start, and what keeps the system's own configuration out of it?"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local import ports
from ops.local.home import own_folder
from ops.local.memory import write_private

USER = "techrar"
NODE = "techrar@localhost"
CONTROL = "rabbitmqctl"
ON_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


def configure(
    folder: Path, *, amqp: int, distribution: int, names: int, password: str, vhosts: Sequence[str]
) -> dict[str, str]:
    """Write our own configuration; returns an environment that keeps the system's out of it."""
    log = own_folder(folder / "log", 0o700, None)
    write_private(folder / "rabbitmq.conf", "\n".join((
        f"listeners.tcp.local = {ports.LOOPBACK}:{amqp}",
        f"load_definitions = {folder / 'definitions.json'}",
        "log.console = false",
        "log.file = rabbit.log",
        "log.file.level = warning",
        "disk_free_limit.absolute = 50MB",
    )) + "\n")  # fmt: skip
    write_private(folder / "definitions.json", json.dumps(_definitions(password, vhosts)))
    write_private(folder / "enabled_plugins", "[].\n")
    write_private(folder / "rabbitmq-env.conf", "")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),  # Erlang keeps its cookie there
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(log),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ON_LOOPBACK,
        "RABBITMQ_CTL_ERL_ARGS": ON_LOOPBACK,
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": ports.LOOPBACK,
    }


def _definitions(password: str, vhosts: Sequence[str]) -> dict[str, object]:
    """The user and vhosts the server has from its first moment; with these it makes no guest/guest."""
    salt = secrets.token_bytes(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "users": [
            {
                "name": USER,
                "password_hash": digest,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [
            {"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in vhosts
        ],
    }


def control_script(scripts: Path, environment: Mapping[str, str]) -> str:
    """RabbitMQ's own tool, for this server: `.local/rabbitmq/rabbitmqctl list_queues`."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    return f'#!/bin/sh\n{exports}exec {shlex.quote(str(scripts / CONTROL))} "$@"\n'
