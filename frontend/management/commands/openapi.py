"""Prints the OpenAPI document: `manage.py openapi > docs/openapi.json`."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the OpenAPI document of the REST API."

    def handle(self, **_options: Any) -> None:
        from techrar.api import api  # the whole API: loaded for this command only

        self.stdout.write(document(api).decode(), ending="")


def document(api: Any) -> bytes:
    """The same bytes for the same API, so that a difference is a change."""
    # Status codes are numbers in the schema and text in JSON; sorting needs them to be one kind.
    return orjson.dumps(
        orjson.loads(orjson.dumps(api.get_openapi_schema(), option=orjson.OPT_NON_STR_KEYS)),
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
    )
