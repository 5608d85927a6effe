"""What the docs name exists, and what exists is named in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from providers.registry import channels
from segmentation.registry import rules
from techrar.broker.topology import Profile, plan
from techrar.env import Env
from techrar.ledger.states import State

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def table(page: str, column: int = 0) -> list[str]:
    """The first words in code quotes of a page's tables."""
    rows = [line.split("|")[1:] for line in (DOCS / page).read_text().splitlines() if line.startswith("|")]
    return [m.group(1) for row in rows if (m := re.match(r"\s*`([^`]+)`", row[column]))]


def test_every_setting_is_documented_with_its_default() -> None:
    named = {name.lower() for name in table("configuration.md")}
    assert named == set(Env.model_fields)


def test_every_rule_of_segments_is_documented() -> None:
    named = {word for word in table("campaigns.md") if not word.startswith("/")}
    assert named == set(rules())


def test_every_state_is_in_the_glossary() -> None:
    text = (DOCS / "glossary.md").read_text().split("## States")[1]
    assert re.findall(r"^\| (\w+) \|", text, re.M)[1:] == [s.word for s in sorted(State, key=ORDER.index)]


#: As a delivery lives, not as states are numbered.
WORDS = "scheduled accepted queued sending unknown sent delivered bounced failed dead skipped cancelled expired"
ORDER = [State[word.upper()] for word in WORDS.split()]


def test_every_command_of_the_operating_page_exists() -> None:
    commands = {p.stem for p in ROOT.glob("**/management/commands/*.py") if ".venv" not in p.parts} - {"__init__"}
    named = set(re.findall(r"manage\.py (\w+)", "\n".join(table("operating.md"))))
    assert named - {"up", "migrate"} == commands


def test_every_queue_is_documented() -> None:
    text = (DOCS / "broker.md").read_text()
    for profile in Profile:
        for queue in plan(list(channels()), profile).queues:
            pattern = re.sub(rf"\.({'|'.join(channels())})(?=\.|$)", ".<channel>", queue.name)
            pattern = re.sub(r"^retry\.\w+\.[abc]$", lambda m: m.group(0).rsplit(".", 1)[0], pattern)
            assert pattern in text, f"{queue.name} is not in docs/broker.md as {pattern}"


def test_architecture_and_its_laws_fit_two_pages() -> None:
    text = (DOCS / "architecture.md").read_text()
    assert len(text.split()) <= 1300
    assert len(re.findall(r"^\d+\. \*\*", text, re.M)) == 11


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_paths_named_in_the_docs_exist(page: Path) -> None:
    tops = ("platform/", "consumers/", "providers/", "ops/", "tests/", "docs/", "ledger/", "dispatch/", "policy/",
            "notifications/", "receipts/", "campaigns/")  # fmt: skip
    for path in re.findall(r"`([\w./-]+\.py)`", page.read_text()):
        if path.startswith(tops):
            assert (ROOT / path).exists() or (ROOT / "platform/techrar" / path).exists(), f"{page.name} names {path}"
