from __future__ import annotations

from pathlib import Path

import pytest

from ops.local import environment
from ops.local.memory import Memory
from ops.local.trouble import Trouble

SERVERS = {"DATABASE_URL": "postgresql://private", "TRANSPORT": "ledger"}


def service(tmp_path: Path, **environ: str) -> dict[str, str]:
    return environment.for_service(environ, servers=SERVERS, port=8001, memory=Memory(tmp_path))


def test_the_secret_key_is_private_and_stays_the_same(tmp_path: Path) -> None:
    first = service(tmp_path)["SECRET_KEY"]
    assert len(first) >= 50
    assert service(tmp_path)["SECRET_KEY"] == first


def test_what_the_caller_set_stays(tmp_path: Path) -> None:
    env = service(tmp_path, SECRET_KEY="mine", PUBLIC_URL="https://mine", LOG_LEVEL="DEBUG", MAKEFLAGS="-j")
    assert (env["SECRET_KEY"], env["PUBLIC_URL"], env["LOG_LEVEL"]) == ("mine", "https://mine", "DEBUG")
    assert "MAKEFLAGS" not in env
    assert service(tmp_path)["PUBLIC_URL"] == "http://127.0.0.1:8001"


def test_another_terminal_finds_the_servers_until_they_stop(tmp_path: Path) -> None:
    environment.publish(tmp_path, service(tmp_path))
    assert (tmp_path / environment.FILE).stat().st_mode & 0o777 == 0o600
    found: dict[str, str] = {"TRANSPORT": "amqp"}
    environment.adopt(found, folder=tmp_path)
    assert found["DATABASE_URL"] == "postgresql://private"
    assert found["TRANSPORT"] == "amqp"
    environment.withdraw(tmp_path)
    found = {}
    environment.adopt(found, folder=tmp_path)
    assert found == {}


def test_servers_that_were_named_are_not_mixed_with_ours(tmp_path: Path) -> None:
    environment.publish(tmp_path, service(tmp_path))
    found = {"REDIS_URL": "redis://theirs"}
    environment.adopt(found, folder=tmp_path)
    assert found == {"REDIS_URL": "redis://theirs"}


@pytest.mark.parametrize(("given", "port"), [({}, 8000), ({"PORT": ""}, 8000), ({"PORT": "9000"}, 9000)])
def test_the_port_comes_from_the_environment(given: dict[str, str], port: int) -> None:
    assert environment.web_port(given) == port


@pytest.mark.parametrize("given", ["web", "0", "65536", "-1"])
def test_an_impossible_port_is_one_sentence(given: str) -> None:
    with pytest.raises(Trouble, match="PORT must be a number between 1 and 65535"):
        environment.web_port({"PORT": given})


def test_an_address_shows_no_password() -> None:
    assert environment.address("postgresql://me:secret@there:5432/db") == "there:5432/db"
