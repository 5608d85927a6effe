from __future__ import annotations

from typing import Any

import pytest
import yaml

from ops.local.home import ROOT
from techrar.env import Env

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "techrar"}


def test_every_process_of_the_house_has_its_container() -> None:
    assert set(OURS) == {"setup", "web", "live", "dispatcher", "deliver-urgent", "deliver-bulk", "receipts"}
    assert set(COMPOSE["services"]) - set(OURS) == {"postgres", "rabbitmq", "valkey"}


@pytest.mark.parametrize("name", OURS)
def test_only_settings_that_exist_are_set(name: str) -> None:
    assert {setting.lower() for setting in OURS[name]["environment"]} <= set(Env.model_fields)


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_holds_no_data_and_no_environment() -> None:
    rules = (ROOT / "ops" / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert rules[1] == "**"
    assert not [rule for rule in rules if rule.startswith(("!.venv", "!.local", "!.env", "!."))]
