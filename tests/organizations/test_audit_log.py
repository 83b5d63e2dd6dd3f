"""The audit log is append-only for everybody who writes SQL, the application included."""

import pytest
from django.db import ProgrammingError, connection, transaction

from streams.models import AuditEntry
from streams.organizations.services import NewOrganization


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE streams_auditentry SET action = 'nothing'",
        "DELETE FROM streams_auditentry",
        "TRUNCATE streams_auditentry",
        "TRUNCATE streams_organization CASCADE",
    ],
)
def test_nothing_in_it_is_changed_or_taken_away(home: NewOrganization, statement: str) -> None:
    before = list(AuditEntry.objects.values())
    assert before

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute(statement)

    assert list(AuditEntry.objects.values()) == before
