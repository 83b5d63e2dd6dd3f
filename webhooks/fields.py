"""What the rows need of PostgreSQL that Django has no words for."""

from django.db import models
from django.db.models import Func


class Uuid7(Func):
    """A new id that sorts by time, so that an index of millions grows at its end. Source: RFC 9562, 5.7."""

    function = "webhooks_uuid7"
    template = "%(function)s()"
    output_field = models.UUIDField()


class CurrentTransaction(Func):
    """The number of the transaction that writes the row."""

    function = "pg_current_xact_id"
    template = "%(function)s()"


class TransactionField(models.Field):  # type: ignore[type-arg]  # Takes no parameters at run time.
    """PostgreSQL's xid8: transactions are numbered as they begin to write, and never twice."""

    def db_type(self, connection: object) -> str:
        return "xid8"
