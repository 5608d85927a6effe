"""Where is the database, for connections that Django does not make?"""

from __future__ import annotations

from django.db import connections
from psycopg.conninfo import make_conninfo


def dsn() -> str:
    """The address of Django's database, also when a test has switched to another."""
    current = connections["default"].settings_dict
    return make_conninfo(
        host=current["HOST"],
        port=current["PORT"],
        dbname=current["NAME"],
        user=current["USER"],
        password=current["PASSWORD"] or None,
    )
