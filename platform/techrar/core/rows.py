"""How does the web read with hand-made SQL? As named tuples, on Django's connection, with JSON as Python values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from psycopg.types.json import JsonbLoader

from techrar.core.records import by_name


def rows(statement: str, values: Mapping[str, Any]) -> list[Any]:
    connection.ensure_connection()
    with connection.connection.cursor(row_factory=by_name) as cursor:
        # Django turns the loading of JSON off for its whole connection.
        cursor.adapters.register_loader("jsonb", JsonbLoader)
        return list(cursor.execute(statement, values).fetchall())
