from __future__ import annotations

from pathlib import Path

import pytest

from ops.local import clean
from ops.local.home import own_folder
from ops.local.lock import only_one
from ops.local.memory import Memory


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (".local", ".venv", ".ruff_cache", "ops"):
        (tmp_path / name / "inside").mkdir(parents=True)
    (tmp_path / "ops" / "__pycache__").mkdir()
    (tmp_path / ".coverage.host").touch()
    (tmp_path / "README.md").touch()
    return tmp_path


def cleaned(checkout: Path) -> int:
    return clean.main(root=checkout, local=checkout / ".local")


def test_what_make_made_goes_and_the_rest_stays(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Memory(checkout / ".local").password("PostgreSQL")
    assert cleaned(checkout) == 0
    assert sorted(path.name for path in checkout.iterdir()) == ["README.md", "ops"]
    assert [path.name for path in (checkout / "ops").iterdir()] == ["inside"]
    assert f"Removed {checkout / '.venv'}." in capsys.readouterr().out
    assert cleaned(checkout) == 0  # nothing left to do


def test_data_outside_the_checkout_goes_too(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = own_folder(tmp_path_factory.mktemp("far") / "data", 0o711, None)
    monkeypatch.setattr(clean, "elsewhere", lambda root: other)
    assert cleaned(checkout) == 0
    assert not other.exists()


def test_nothing_is_removed_while_it_is_in_use(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with only_one(checkout / ".local", doing="`make up`"):
        assert cleaned(checkout) == 1
    assert (checkout / ".venv").is_dir()
    assert "`make up`" in capsys.readouterr().out


def test_a_damaged_state_is_no_reason_to_stay(checkout: Path) -> None:
    (checkout / ".local" / "state.json").write_text("{")
    assert cleaned(checkout) == 0
    assert not (checkout / ".local").exists()


def test_a_symlink_in_the_place_of_a_folder_is_not_followed(checkout: Path) -> None:
    (checkout / "build").symlink_to(checkout / "ops")
    assert cleaned(checkout) == 0
    assert (checkout / "ops" / "inside").is_dir()
