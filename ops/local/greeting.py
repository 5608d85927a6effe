"""What does somebody want to know when everything runs? The address, a way in, and one line to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.local import ports
from ops.local.environment import address
from ops.local.memory import write_private
from ops.local.trouble import Trouble

FIRST_SEND = {
    "to": {"email": "delivered@sandbox.test"},
    "channels": ["email"],
    "content": {"email": {"subject": "Hello", "text": "It works."}},
}


@dataclass(frozen=True)
class Demo:
    """What `manage.py demo --json` answers. It can tell secrets only when it makes them: they are stored as hashes."""

    login: str
    password: str
    api_key: str

    @classmethod
    def read(cls, said: Mapping[str, object]) -> Demo:
        return cls(*(str(said.get(name) or "") for name in ("login", "password", "api_key")))

    @classmethod
    def parse(cls, printed: str) -> Demo:
        last = printed.strip().splitlines()[-1:]
        try:
            return cls.read(json.loads(last[0]))
        except (IndexError, ValueError, AttributeError):
            raise Trouble(f"`manage.py demo --json` printed {last} instead of JSON: everything is stopped.") from None

    def completed(self, file: Path, database: str) -> Demo:
        """With what an earlier run was told about the same database; all of it is kept for the next run."""
        try:
            kept = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):
            kept = {}
        known = Demo.read(kept.get(address(database), {}))
        whole = Demo(self.login, self.password or known.password, self.api_key or known.api_key)
        write_private(file, json.dumps({**kept, address(database): asdict(whole)}, indent=1))
        return whole


def greeting(*, port: int, demo: Demo, transport: str, reason: str, data: str, seconds: float) -> str:
    url = f"http://{ports.LOOPBACK}:{port}"
    bearer = f"-H 'Authorization: Bearer {demo.api_key}'"
    headers = f"""{bearer} -H 'Content-Type: application/json' -H "Idempotency-Key: hello-$(date +%s)\""""
    return f"""
  Techrar is up ({seconds:.1f} s).

    URL        {url}
    sign in    {demo.login}   password  {demo.password or "as it was printed by the run that made it"}
    API key    {demo.api_key}
    transport  {transport} ({reason})
    data       {data}

  Send a message, then look at what happened to it (put in the id that the first line answers):

curl -sS -X POST {url}/v1/notifications {headers} -d '{json.dumps(FIRST_SEND)}'
curl -sS {url}/v1/notifications/ID/timeline {bearer}

  Ctrl-C stops everything.

"""
