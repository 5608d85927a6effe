"""Do the pages about providers say what the code does?"""

from __future__ import annotations

import pytest

from providers import docs
from providers.base import Provider
from providers.registry import PROVIDERS, load

load()
PAGES = sorted(docs.PAGES.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_generated_tables_are_fresh(page: object) -> None:
    text = (docs.PAGES / str(page)).read_text()
    assert text == docs.filled(text), "stale: run `python -m providers.docs`"


@pytest.mark.parametrize("cls", PROVIDERS.values(), ids=list(PROVIDERS))
def test_every_provider_has_its_page_and_its_place_in_the_matrix(cls: type[Provider]) -> None:
    assert (docs.PAGES / docs.page_of(cls)).exists(), f"write docs/providers/{docs.page_of(cls)}"
    assert f"[{cls.title}]({docs.page_of(cls)}) | `{cls.key}` |" in (docs.PAGES / "README.md").read_text()


def test_a_table_that_was_changed_by_hand_is_noticed() -> None:
    page = (docs.PAGES / "README.md").read_text()
    assert docs.filled(page.replace("| 30 s |", "| 31 s |")) == page


@pytest.mark.parametrize("key", list(PROVIDERS))
def test_no_secret_default_shows_in_a_table(key: str) -> None:
    assert "whsec_" not in docs.filled(f"<!-- generated: config.{key} -->\n<!-- end -->").replace("whsec_ and", "")
