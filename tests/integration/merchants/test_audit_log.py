"""The audit log can be added to, and nothing else."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from techrar.merchants.models import AuditEntry
from tests.factories import Person


@pytest.mark.parametrize(
    "statement", ["UPDATE merchants_auditentry SET actor = 'somebody else'", "DELETE FROM merchants_auditentry"]
)
def test_the_database_refuses_to_rewrite_history(alice: Person, statement: str) -> None:
    before = AuditEntry.objects.count()
    assert before > 0
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEntry.objects.count() == before
    assert not AuditEntry.objects.filter(actor="somebody else").exists()
