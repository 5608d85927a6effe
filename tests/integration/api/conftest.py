"""A web process as it runs in production, whose servers can be taken away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.chaos.tcp_proxy import TcpProxy

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30


@dataclass
class Web:
    url: str
    database: TcpProxy
    valkey: TcpProxy
    broker: TcpProxy
    log: Path

    def get(self, path: str, key: str = "", **options: Any) -> requests.Response:
        return self.call("GET", path, key, **options)

    def call(self, method: str, path: str, key: str = "", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.request(method, self.url + path, headers=headers, timeout=20, **options)


@contextmanager
def away(server: TcpProxy) -> Iterator[None]:
    """Gone, and then back."""
    server.refuse()
    server.cut()
    try:
        yield
    finally:
        server.accept()


def eventually(ask: Callable[[], requests.Response], wanted: Callable[[requests.Response], bool]) -> requests.Response:
    """What a caller sees who asks again until the answer is the wanted one."""
    until = time.monotonic() + 10
    while not wanted(answer := ask()) and time.monotonic() < until:
        time.sleep(0.1)  # the caller's, not ours
    return answer


@pytest.fixture(scope="module")
def web_process(dsn: str, redis_url: str, amqp_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    log = tmp_path_factory.mktemp("web") / "web.log"
    port = _free_port()
    with TcpProxy(dsn) as database, TcpProxy(redis_url) as valkey, TcpProxy(amqp_url) as broker:
        environ = os.environ | {
            "DATABASE_URL": database.url,
            "REDIS_URL": valkey.url,
            "AMQP_URL": broker.url,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
            "DJANGO_SETTINGS_MODULE": "techrar.settings",
        }
        options = ["--interface", "wsgi", "--port", str(port), "--blocking-threads", "4"]
        command = [sys.executable, "-m", "granian", *options, "techrar.wsgi:application"]
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=out, stderr=out)
        web = Web(f"http://127.0.0.1:{port}", database, valkey, broker, log)
        try:
            _wait_until_alive(web, process)
            yield web
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture
def web(web_process: Web, transactional_db: None) -> Web:
    """With every server there. Rows are committed, so that the process sees them."""
    answer = eventually(lambda: web_process.get("/readyz"), lambda answer: answer.json()["status"] == "ok")
    assert answer.status_code == 200, answer.text
    return web_process


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_alive(web: Web, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            web.get("/livez").raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.05)  # nothing announces that a process listens
        else:
            return
    pytest.fail(f"the web process did not start:\n{web.log.read_text()}")
