"""What pytest says, and answers in CI, when a server cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.home import ROOT

TESTS = """
import pytest

@pytest.mark.rabbitmq
def test_with_a_broker():
    raise AssertionError("it ran")

def test_without():
    pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_two.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = rabbitmq\n")
    return tmp_path


def run(suite: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    plugins = ("-p", "no:django", "-p", "no:cacheprovider", "-p", "tests.not_run")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, "-m", "pytest", *plugins, *options, suite]
    return subprocess.run(command, cwd=suite, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_tests_without_their_server_are_named_with_the_reason(suite: Path, options: tuple[str, ...]) -> None:
    done = run(suite, *options, NO_RABBITMQ_BECAUSE="nobody may install it")
    assert done.returncode == 0, done.stdout
    assert "1 tests did not run, there is no RabbitMQ: nobody may install it" in done.stdout
    assert "test_two.py::test_with_a_broker" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_in_ci_that_is_a_failure(suite: Path, options: tuple[str, ...]) -> None:
    done = run(suite, *options, CI="true")
    assert done.returncode == 1
    assert "With CI set, that is a failure." in done.stdout


def test_with_the_server_they_run(suite: Path) -> None:
    done = run(suite, AMQP_URL="amqp://there")
    assert done.returncode == 1
    assert "it ran" in done.stdout
