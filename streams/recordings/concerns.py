"""What of recordings needs a hand, for the overview."""

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse

from livehub.core import clock
from streams.dashboard.concerns import Concern
from streams.organizations.models import Organization
from streams.recordings.models import Recording
from streams.recordings.states import UNFINISHED, RecordingStatus

_SHOWN = 5
# Nothing can be done about it later, either.
_LATELY = timedelta(days=1)


def list_recording_concerns(organization: Organization) -> Sequence[Concern]:
    """Return recordings that cannot be stored now, and those of the last day that never will be; newest first."""
    rows = Recording.objects.for_organization(organization).select_related("livestream", "meeting").newest_first()
    # One after the other: each has an index.
    waiting = rows.filter(status__in=UNFINISHED).exclude(problem="")[:_SHOWN]
    failed = rows.filter(status=RecordingStatus.ERRORED, invoked_at__gte=clock.now() - _LATELY)[:_SHOWN]
    found = sorted([*waiting, *failed], key=lambda recording: recording.invoked_at, reverse=True)
    return [
        Concern(
            recording.shown.label,
            "bad" if recording.is_over else "warn",
            recording.subject,
            f"Recording: {recording.problem}",
            recording.invoked_at,
            reverse("streams:recording_detail", kwargs={"recording_id": recording.pk}),
        )
        for recording in found[:_SHOWN]
    ]
