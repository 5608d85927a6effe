"""Law 10: a new provider or channel is one new file or folder: do the pages that say how work as written?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^```python (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CONTRACT = """
import asyncio
from providers import docs, testing
from providers.http import Network
from providers.registry import channels, provider, providers_of

async def contract(cls):
    net = Network()
    await testing.check_one_outcome_each(cls, net)
    await net.close()

def check(channel, key):
    cls = provider(channel, key)
    assert cls is not None, list(providers_of(channel))
    testing.check_declaration(cls)
    testing.check_refuses_unsigned(cls)
    asyncio.run(contract(cls))
    assert f"| `{key}` |" in docs.filled("<!-- generated: matrix -->\\n<!-- end -->")
    return cls
"""


def files_of(page: str) -> dict[str, str]:
    found = dict(CODE.findall((ROOT / "docs" / page).read_text()))
    assert found, f"docs/{page} shows no file"
    return found


def run(code: str, *paths: Path) -> str:
    """In a process of its own, so that what is added here is not there for other tests."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT, ROOT / "platform")))}
    done = subprocess.run(
        [sys.executable, "-c", CONTRACT + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def provider_source() -> str:
    return files_of("adding-a-provider.md")["providers/sms/acme.py"]


def test_a_provider_is_known_because_its_file_is_in_the_folder(tmp_path: Path, provider_source: str) -> None:
    (tmp_path / "acme.py").write_text(provider_source)
    out = run(
        f"""
import providers.sms
providers.sms.__path__.append({str(tmp_path)!r})  # stands for the folder itself
print(check("sms", "acme").__module__)
"""
    )
    assert out == "providers.sms.acme\n"


def test_a_provider_from_another_package_is_known_by_its_entry_point(tmp_path: Path, provider_source: str) -> None:
    (tmp_path / "acme_sms.py").write_text(provider_source)
    package = tmp_path / "acme_sms-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sms\nVersion: 1.0\n")
    shown = (ROOT / "docs" / "adding-a-provider.md").read_text()
    (entry,) = re.findall(r'^\[project\.entry-points\."techrar\.providers"\]\n(\w+) = "(\w+)"$', shown, re.MULTILINE)
    (package / "entry_points.txt").write_text(f"[techrar.providers]\n{entry[0]} = {entry[1]}\n")
    assert run('print(check("sms", "acme").__module__)', tmp_path) == "acme_sms\n"


def test_without_the_file_there_is_no_such_provider() -> None:
    assert run('print(provider("sms", "acme"))') == "None\n"


def test_a_channel_is_known_because_its_folder_is_there_and_its_queues_follow(tmp_path: Path) -> None:
    for name, source in files_of("adding-a-channel.md").items():
        path = tmp_path / Path(name).relative_to("providers")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    out = run(
        f"""
import providers
providers.__path__.append({str(tmp_path)!r})  # stands for the folder itself
from techrar.broker.topology import Profile, plan

cls = check("fax", "sandbox")
fax = channels()["fax"]
assert fax.normalise("+1 (202) 555-0123") == "+12025550123"
assert cls.word(cls.address_for("bounce")) == "bounce"
print(*sorted(q.name for q in plan(list(channels()), Profile.CLASSIC).queues if "fax" in q.name))
"""
    )
    assert out == "dead.fax deliver.fax deliver.fax.urgent\n"


def test_a_channel_without_a_sandbox_stops_the_start(tmp_path: Path) -> None:
    source = files_of("adding-a-channel.md")["providers/fax/__init__.py"]
    (tmp_path / "fax").mkdir()
    (tmp_path / "fax" / "__init__.py").write_text(source)
    out = run(
        f"""
import providers
providers.__path__.append({str(tmp_path)!r})
from techrar.core.errors import ConfigurationError
try:
    channels()
except ConfigurationError as error:
    print(error)
"""
    )
    assert out == "channel 'fax' has no sandbox provider, which test mode needs\n"
