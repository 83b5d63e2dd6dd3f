"""What viewers have watched of a session; whoever counts them says so here."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import F

from streams.livestreams.models import Session


@transaction.atomic
def add_watched(watched_ms: Mapping[UUID, int]) -> None:
    """Add media time to sessions, by their ids; those that are not there are left out.

    Their rows are locked until the transaction ends, in the order of their ids, and nothing else is: to be called last.
    """
    ids = Session.objects.filter(pk__in=watched_ms).order_by("pk").select_for_update(no_key=True)
    for session_id in list(ids.values_list("pk", flat=True)):
        # Not `updated_at`: nobody has changed it.
        Session.objects.filter(pk=session_id).update(viewer_ms=F("viewer_ms") + watched_ms[session_id])
