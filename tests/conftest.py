"""Which servers does a test talk to?

`make test` starts private servers and names them in the environment; so may you. Each pytest-xdist worker then has its
own database (pytest-django's doing), its own RabbitMQ vhost and its own Valkey database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from pytest_django.plugin import DjangoDbBlocker

pytest_plugins = ["tests.not_run", "tests.fixtures_people"]

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def _worker_url(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path)) if url else url


def _use(**urls: str) -> None:
    """Django has read its settings before pytest reads this file: both the environment and the settings must change."""
    from django.conf import settings

    from techrar import env

    os.environ.update(urls)
    env.load.cache_clear()
    for name, url in urls.items():
        setattr(settings, name, url)
    settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL


if WORKER and os.environ.get("TEST_SERVERS") == "private":
    amqp = os.environ.get("AMQP_URL", "")
    _use(
        AMQP_URL=_worker_url(amqp, f"{urlsplit(amqp).path}_{WORKER}"),
        REDIS_URL=_worker_url(os.environ["REDIS_URL"], f"/{int(WORKER.removeprefix('gw')) + 1}"),
    )


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What opens its own connections, or runs as a process of its own, uses the test database, too."""
    from django.db import connection

    to = connection.settings_dict
    login = quote(to["USER"], safe="") + (":" + quote(to["PASSWORD"], safe="") if to["PASSWORD"] else "")
    _use(DATABASE_URL=f"postgresql://{login}@{to['HOST']}:{to['PORT']}/{to['NAME']}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # A thread that still holds a connection would keep the database from being dropped.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def dsn(django_db_setup: None) -> str:
    """The test database, for connections that Django does not know of. Rows must be committed to be seen there."""
    name = urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/")
    assert name.startswith("test_"), f"{name} is not a test database; tests delete what they find"
    return os.environ["DATABASE_URL"]


@pytest.fixture(scope="session")
def amqp_url() -> str:
    """This worker's RabbitMQ vhost. Mark the test `rabbitmq`: without a server it is skipped and reported."""
    return os.environ["AMQP_URL"]


@pytest.fixture(scope="session")
def redis_url() -> str:
    """This worker's Valkey database."""
    return os.environ["REDIS_URL"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "dsn" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("django_db"):
            # Otherwise a run of only such tests makes no test database at all.
            item.add_marker(pytest.mark.django_db)
