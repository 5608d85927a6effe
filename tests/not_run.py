"""What is said about tests whose server cannot be had? In CI, not to run is to fail."""

from __future__ import annotations

import os

import pytest

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
NEEDS = {
    "rabbitmq": ("AMQP_URL", "RabbitMQ", os.environ.get("NO_RABBITMQ_BECAUSE") or "AMQP_URL names none"),
    "browser": ("CHROMIUM", "Chromium", os.environ.get("NO_CHROMIUM_BECAUSE") or "CHROMIUM names none"),
}
NOT_RUN = "did not run, there is no "


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, (variable, what, why) in NEEDS.items():
            if item.get_closest_marker(marker) and not os.environ.get(variable):
                item.add_marker(pytest.mark.skip(reason=f"{NOT_RUN}{what}: {why}"))


def _not_run(reporter: pytest.TerminalReporter | None) -> dict[str, list[str]]:
    """Per reason, the tests that a missing server kept from running."""
    found: dict[str, list[str]] = {}
    for report in reporter.stats.get("skipped", []) if reporter else []:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if NOT_RUN in reason:
            found.setdefault(reason.removeprefix("Skipped: "), []).append(report.nodeid)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if IN_CI and exitstatus == 0 and _not_run(session.config.pluginmanager.get_plugin("terminalreporter")):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, tests in _not_run(terminalreporter).items():
        terminalreporter.section(f"{len(tests)} tests {reason}", sep="-", yellow=not IN_CI, red=IN_CI)
        for name in sorted(tests):
            terminalreporter.line(name)
        if IN_CI:
            terminalreporter.line("With CI set, that is a failure.")
