from __future__ import annotations

import random

import pytest
import redis

from ops.local import valkey
from ops.local.home import Home
from ops.local.memory import Memory


def test_it_answers_who_knows_the_password_and_leaves_nothing_on_disk(
    home: Home, memory: Memory, said: list[str]
) -> None:
    server = valkey.prepare(home, memory, rng=random.Random(), say=said.append)
    server.start()
    try:
        server.wait_until_it_answers(10)
        with redis.Redis.from_url(server.url) as client:
            client.set("a", "b")
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        stranger = redis.Redis.from_url(server.url.replace(memory.password(valkey.NAME), "wrong"))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    finally:
        server.ask_to_stop(fast=False)
        server.finish_stopping()
    assert server.process is not None
    assert server.process.returncode == 0
    assert [file.name for file in (home.folder / "valkey").iterdir()] == ["valkey.conf"]
