from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.accounts import Account, can_enter, run_as, server_account
from ops.local.home import elsewhere, open_home, own_folder
from ops.local.trouble import Trouble

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the servers an account of their own")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="about ordinary users")


@pytest.fixture
def other() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@as_user
def test_an_ordinary_user_keeps_everything_in_one_private_folder(tmp_path: Path) -> None:
    home = open_home(tmp_path / "local")
    assert home.shared == home.folder
    assert home.account is None
    assert home.folder.stat().st_mode & 0o777 == 0o700


@as_root
def test_below_a_folder_that_only_root_enters_the_data_goes_elsewhere_and_nothing_is_opened_up(
    tmp_path: Path, other: Path
) -> None:
    closed = own_folder(tmp_path / "closed", 0o700, None)
    home = open_home(closed / "local", other=other)
    assert home.shared == other
    assert home.folder == closed / "local"
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_where_the_account_can_pass_through_the_data_stays_in_the_checkout(other: Path) -> None:
    other.chmod(0o755)
    home = open_home(other / "local", other=other / "unused")
    assert home.shared == other / "local"
    assert not (other / "unused").exists()


@as_root
def test_the_accounts_folder_is_closed_to_everybody_else(other: Path) -> None:
    other.chmod(0o755)
    home = open_home(other / "local")
    assert home.account is not None
    found = home.for_account("postgres").stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == home.account.uid
    assert not can_enter(Account("somebody", 12345, 12345), home.shared / "postgres")


def test_a_symlink_in_place_of_our_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(Trouble, match="not a folder of ours"):
        own_folder(tmp_path / "link", 0o700, None)
    assert Path("/etc").stat().st_mode & 0o777 == 0o755


@as_root
def test_a_folder_that_somebody_else_made_first_is_refused(other: Path) -> None:
    os.chown(other, 12345, 12345)
    with pytest.raises(Trouble, match="belongs to user 12345"):
        own_folder(other, 0o711, None)


def test_two_checkouts_never_share_a_folder_elsewhere() -> None:
    assert elsewhere(Path("/a")) != elsewhere(Path("/b"))
    assert elsewhere(Path("/a")) == elsewhere(Path("/a"))


def test_a_program_that_is_not_there_is_not_an_error_of_ours() -> None:
    assert run_as(server_account(), ["/nowhere/initdb"]).returncode == 127


def test_a_program_that_may_not_be_run_is_not_an_error_of_ours(tmp_path: Path) -> None:
    program = tmp_path / "initdb"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o600)
    assert run_as(server_account(), [program]).returncode == 126
