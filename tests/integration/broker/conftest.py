"""A clean broker for each test, in each profile, and tools to look into it and to hurt it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator

import pytest

from ops.chaos.tcp_proxy import TcpProxy
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile
from tests.integration.broker.transports import AmqpTransport, Transport
from tests.support.broker_bench import Bench


@pytest.fixture(scope="module", params=list(Profile), ids=str)
def profile(request: pytest.FixtureRequest) -> Profile:
    return Profile(request.param)


@pytest.fixture(scope="module")
def broker(amqp_url: str, profile: Profile) -> Iterator[Bench]:
    bench = Bench(amqp_url, profile)
    bench.wipe()
    yield bench
    bench.wipe()
    bench.close()


@pytest.fixture
def bench(broker: Bench) -> Bench:
    """The whole topology, as declared and empty."""
    broker.restore()
    return broker


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[TcpProxy]:
    with TcpProxy(amqp_url) as proxy:
        yield proxy


@pytest.fixture
def publisher(bench: Bench) -> Iterator[Publisher]:
    publisher = Publisher(bench.url, bench.profile)
    yield publisher
    publisher.close()


@pytest.fixture(
    scope="module",
    params=[pytest.param(profile, id=f"amqp-{profile}", marks=pytest.mark.rabbitmq) for profile in Profile],
)
def kind(request: pytest.FixtureRequest) -> str:
    """The transports that must keep the contract."""
    return str(request.param)


@pytest.fixture
def transport(kind: str, request: pytest.FixtureRequest) -> Iterator[Transport]:
    """One of them, with no work waiting."""
    transport = AmqpTransport(request.getfixturevalue("amqp_url"), Profile(kind))
    yield transport
    transport.close()


@pytest.fixture
def rabbitmqctl() -> Callable[..., str]:
    """Runs the broker's own tool where the environment says how (it needs the broker's cookie)."""
    command = os.environ.get("TECHRAR_RABBITMQCTL", "")
    if not command:
        pytest.skip("did not run, there is no rabbitmqctl: TECHRAR_RABBITMQCTL names none")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*shlex.split(command), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
