"""Rows by name, for hand-made SQL."""

from __future__ import annotations

from typing import Any

from psycopg.rows import namedtuple_row

#: Typed as Any: psycopg's own type knows no fields.
by_name: Any = namedtuple_row
