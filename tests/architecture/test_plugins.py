"""What follows from a channel's folder and a provider's file, without a line elsewhere?"""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.registry import channels, providers_of
from techrar.api import api
from techrar.broker.topology import Profile, plan

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(p.parent.name for p in (ROOT / "providers").glob("*/__init__.py"))
VENDORS = sorted(
    (p.parent.name, p.stem)
    for p in (ROOT / "providers").glob("*/*.py")
    if "(Provider" in p.read_text() or "Provider)" in p.read_text() or p.stem == "sandbox"
)


def test_every_folder_is_a_channel_and_every_channel_a_folder() -> None:
    assert list(channels()) == FOLDERS


@pytest.mark.parametrize(("channel", "vendor"), VENDORS)
def test_every_vendors_file_is_a_provider(channel: str, vendor: str) -> None:
    assert vendor in providers_of(channel)


@pytest.mark.parametrize("key", FOLDERS)
def test_queues_api_fields_and_docs_follow_from_the_folder(key: str) -> None:
    queues = {queue.name for queue in plan(list(channels()), Profile.CLASSIC).queues}
    assert {f"deliver.{key}", f"deliver.{key}.urgent", f"dead.{key}"} <= queues
    schemas = api.get_openapi_schema()["components"]["schemas"]
    assert channels()[key].address_field in schemas["To"]["properties"]
    assert key in schemas["Content"]["properties"]
    matrix = (ROOT / "docs/providers/README.md").read_text()
    assert all(f"`{vendor}`" in matrix for vendor in providers_of(key))
