"""A configuration that cannot work stops every kind of process with one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WEB = ("-m", "daphne", "-p", "0", "techrar.asgi:application")
CASES = [
    ({"BROKER_PROFILE": "mirrored"}, "BROKER_PROFILE: Input should be 'classic' or 'quorum' (got 'mirrored')"),
    ({"TRANSPORT": "amqp", "AMQP_URL": ""}, "TRANSPORT=amqp needs AMQP_URL to name a RabbitMQ server"),
    ({"ENVIRONMENT": "production"}, "SECRET_KEY must be set to at least 50 random characters in production"),
    ({"ENVIRONMENT": "production", "SECRET_KEY": "x" * 50}, "ENCRYPTION_KEYS must be set in production"),
    ({"ENCRYPTION_KEYS": "k1:short"}, "ENCRYPTION_KEYS must be id:base64-of-32-bytes"),
    ({"DB_POOL_SIZE": "0"}, "DB_POOL_SIZE: Input should be greater than or equal to 1"),
]


@pytest.mark.parametrize(("given", "sentence"), CASES, ids=[" ".join(given) for given, _ in CASES])
def test_the_sentence_says_what_to_do(given: dict[str, str], sentence: str) -> None:
    ended = start(["-m", "consumers", "receipts"], given)
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["manage.py", "check"], ["manage.py", "dispatch"], WEB], ids=lambda c: c[1])
def test_every_kind_of_process_says_it(command: list[str]) -> None:
    ended = start(command, {"BROKER_PROFILE": "mirrored"})
    assert ended.returncode == 1
    assert ended.stderr == CASES[0][1] + "\n"


def start(arguments: list[str], given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
        "DJANGO_SETTINGS_MODULE": "techrar.settings",
        **given,
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
