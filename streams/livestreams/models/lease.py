"""Who runs a broadcast."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from streams.livestreams.models.session import Connection, Session


class LeaseQuerySet(models.QuerySet["Lease"]):
    def free(self) -> Self:
        """Keep those that no worker holds, by the database's clock."""
        return self.filter(Q(until=None) | Q(until__lt=Now()))

    def claimable(self) -> Self:
        """Keep free ones whose next run may start already."""
        return self.free().filter(Q(not_before=None) | Q(not_before__lte=Now()))


class Lease(models.Model):
    """The right to run an open session: one worker at a time holds it, and each claim is a new epoch.

    There is one row per open session, and it is renewed every second. It is narrow, and no index names a column that
    changes, so that a renewal costs PostgreSQL next to nothing (a heap-only tuple).
    """

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, primary_key=True, related_name="lease", editable=False
    )
    worker = models.CharField(max_length=255, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False)
    until = models.DateTimeField(null=True, editable=False)
    # Which the run pulls, or pulled last: an open one beside it is an encoder that the worker does not follow yet.
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, editable=False
    )
    # Back-off after a failed run: nobody may claim the session earlier.
    not_before = models.DateTimeField(null=True, editable=False)

    objects = LeaseQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.session_id} epoch {self.epoch}"
