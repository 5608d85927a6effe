"""In which folders do the servers keep their things, and who may enter them?"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ops.local.accounts import Account, can_enter, server_account
from ops.local.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class Home:
    """`folder` is ours; `shared` is where the servers' account can reach, usually the same folder."""

    folder: Path
    shared: Path
    account: Account | None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def for_account(self, name: str) -> Path:
        """A folder that belongs to the servers' account and that nobody else can look into."""
        return own_folder(self.shared / name, 0o700, self.account)


def elsewhere(root: Path = ROOT) -> Path:
    """The folder outside the checkout: one per checkout, so that two of them never share data."""
    return Path("/var/tmp") / f"techrar-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"  # noqa: S108 - see own_folder


def open_home(folder: Path = LOCAL, *, other: Path | None = None, account: Account | None = None) -> Home:
    """Make the folders. Nothing above them is touched: what the account cannot enter is replaced, not opened up."""
    account = account or server_account()
    # The account passes through (x), and can list nothing; what is secret in here is 0600 or 0700.
    own_folder(folder, 0o700 if account is None else 0o711, None)
    own_folder(folder / "log", 0o700, None)
    if account is None or can_enter(account, folder):
        return Home(folder, folder, account)
    other = other or elsewhere()
    own_folder(other, 0o711, None)
    if not can_enter(account, other):
        raise Trouble(
            f"PostgreSQL cannot run as root, and {account.name} can enter neither {folder} nor {other}: "
            "run this as an ordinary user."
        )
    return Home(folder, other, account)


def own_folder(folder: Path, mode: int, account: Account | None) -> Path:
    """Create a folder, or make sure that the one found is a real folder of that owner.

    Names below /var/tmp can be guessed, and whoever creates one first owns it: such a one is refused.
    """
    owner = os.geteuid() if account is None else account.uid
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
            raise Trouble(
                f"{folder} is not a folder of ours (it belongs to user {found.st_uid}): move it away and try again."
            ) from None
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(mode)
    return folder
