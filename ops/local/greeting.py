"""What does somebody want to know when everything runs? The address, a way in, and one line to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.local import ports
from ops.local.environment import address
from ops.local.memory import write_private

FIRST_SEND = {
    "to": {"email": "delivered@sandbox.test"},
    "channels": ["email"],
    "content": {"email": {"subject": "Hello", "text": "It works."}},
}


@dataclass(frozen=True)
class Demo:
    """What `manage.py demo --json` answers. It can tell the key only when it makes one: it is stored as a hash."""

    login: str
    password: str
    api_key: str

    @classmethod
    def read(cls, said: Mapping[str, object]) -> Demo:
        return cls(*(str(said.get(name) or "") for name in ("login", "password", "api_key")))

    def kept(self, file: Path, database: str) -> Demo:
        """Remember a new key beside the database it opens; recall it when that database has it already."""
        if self.api_key:
            write_private(file, json.dumps({"database": address(database), **asdict(self)}))
            return self
        try:
            before = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):
            return self
        return Demo.read(before) if before.get("database") == address(database) else self


def greeting(*, port: int, demo: Demo, transport: str, reason: str, data: str, seconds: float) -> str:
    url = f"http://{ports.LOOPBACK}:{port}"
    key = demo.api_key or "YOUR_API_KEY"
    bearer = f"-H 'Authorization: Bearer {key}'"
    headers = f"""{bearer} -H 'Content-Type: application/json' -H "Idempotency-Key: hello-$(date +%s)\""""
    return f"""
  Techrar is up ({seconds:.1f} s).

    URL        {url}
    sign in    {demo.login}   password  {demo.password}
    API key    {demo.api_key or "made by an earlier run elsewhere; make another in the settings page"}
    transport  {transport} ({reason})
    data       {data}

  Send a message, then look at what happened to it (put in the id that the first line answers):

curl -sS -X POST {url}/v1/notifications {headers} -d '{json.dumps(FIRST_SEND)}'
curl -sS {url}/v1/notifications/ID/timeline {bearer}

  Ctrl-C stops everything.

"""
