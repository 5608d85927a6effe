"""Django's command line, with the project package on the path; and `up`, which starts what Django needs first."""

import os
import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 12):
    sys.exit("Techrar needs Python 3.11 or 3.12; this is %d.%d (%s)." % (*sys.version_info[:2], sys.executable))  # noqa: UP031

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]


def main() -> None:
    if find_spec("django") is None:
        sys.exit("Django is not installed for this Python: run `make env`, then .venv/bin/python manage.py …")
    if sys.argv[1:2] == ["up"]:
        # Settings are read from the environment, and the servers' addresses are known only once they run.
        from ops.local.up import main as up

        sys.exit(up(sys.argv[2:]))
    from ops.local.environment import adopt

    adopt(os.environ)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "techrar.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
