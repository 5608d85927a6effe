"""Do the models and the migrations agree? Needs no database: nothing is asked of one."""

from __future__ import annotations

import os
import sys

from ops.local.home import ROOT


def main() -> None:
    sys.path.insert(0, str(ROOT / "platform"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "techrar.settings"
    from django.conf import settings

    # Django would otherwise compare with the history in a database and warn that there is none.
    settings.DATABASES = {}
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "makemigrations", "--check", "--dry-run"])


if __name__ == "__main__":
    main()
