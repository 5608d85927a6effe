"""`manage.py up` as a process of its own, with stand-ins for the service's own parts."""

from __future__ import annotations

import sys
from pathlib import Path

from ops.local import up
from ops.local.supervisor import Program

HERE = Path(__file__).parent
COMMANDER = (sys.executable, str(HERE / "stand_in_commander.py"))


def programs(port: int) -> list[Program]:
    idle = (sys.executable, "-c", "import time; time.sleep(600)")
    web = (sys.executable, str(HERE / "stand_in_web.py"), str(port))
    return [Program("web", web, rank=1, patience=10), Program("dispatcher", idle, rank=2, patience=10)]


if __name__ == "__main__":
    sys.exit(up.main([], folder=Path(sys.argv[1]), programs=programs, commander=COMMANDER))
