"""What of encoders, of simulcasts and of fetched sources needs a hand, for the overview."""

from collections.abc import Sequence

from django.db.models import Q
from django.urls import reverse

from streams.dashboard.concerns import Concern
from streams.livestreams.health_states import FindingSeverity
from streams.livestreams.models import IngestFinding, Output, PullSource
from streams.livestreams.states import PullState, SessionStatus, SimulcastState
from streams.organizations.models import Organization

# Of each kind.
_SHOWN = 3
# One that has failed once or twice may well come by itself.
_TRIES = 3
# More than one encoder can have wrong at once.
_FAULTS_OF_ONE = 20


def list_flow_concerns(organization: Organization) -> Sequence[Concern]:
    """Return what goes nowhere, or does not come, of what is to; each kind newest first, the newest three.

    Before that the three encoders that send the worst, each with its worst fault.
    """
    return [*_faults(organization), *_pulls(organization), *_simulcasts(organization)]


def _faults(organization: Organization) -> list[Concern]:
    findings = IngestFinding.objects.holding().filter(
        severity__in=[FindingSeverity.ERROR, FindingSeverity.WARNING],
        # One that is away is waited for, which is said by itself.
        session__status=SessionStatus.LIVE,
        session__livestream__app__organization=organization,
    )
    # By their first letters errors come before warnings.
    rows = findings.select_related("session__livestream").order_by("severity", "since")
    worst: dict[object, IngestFinding] = {}
    for row in rows[: _SHOWN * _FAULTS_OF_ONE]:
        worst.setdefault(row.session_id, row)
    return [
        Concern(
            row.shown.label,
            row.shown.tone,
            str(row.session.livestream),
            row.message,
            row.since,
            _page(row.session.livestream_id),
        )
        for row in list(worst.values())[:_SHOWN]
    ]


def _pulls(organization: Organization) -> list[Concern]:
    is_failing = Q(state=PullState.ERRORED) | Q(state=PullState.RETRYING, tries__gte=_TRIES)
    pulls = PullSource.objects.filter(
        is_failing,
        # Said once more for the index.
        state__in=[PullState.ERRORED, PullState.RETRYING],
        enabled=True,
        livestream__deleted_at=None,
        livestream__disabled=False,
        livestream__app__organization=organization,
    )
    found = pulls.select_related("livestream").order_by("-since")[:_SHOWN]
    return [
        Concern(
            pull.shown.label,
            pull.shown.tone,
            str(pull.livestream),
            f"Fetched from {pull.masked_url}: {pull.reason}",
            pull.since,
            _page(pull.livestream_id),
        )
        for pull in found
    ]


def _simulcasts(organization: Organization) -> list[Concern]:
    is_failing = Q(push_state=SimulcastState.ERRORED) | Q(push_state=SimulcastState.RETRYING, push_tries__gte=_TRIES)
    outputs = Output.objects.filter(
        is_failing,
        push_state__in=[SimulcastState.ERRORED, SimulcastState.RETRYING],
        enabled=True,
        livestream__deleted_at=None,
        livestream__app__organization=organization,
    )
    found = outputs.select_related("livestream").order_by("-push_since")[:_SHOWN]
    return [
        Concern(
            output.shown.label,
            output.shown.tone,
            str(output.livestream),
            f"Simulcast to {output}: {output.push_message}",
            output.push_since,
            _page(output.livestream_id),
        )
        for output in found
    ]


def _page(livestream_id: object) -> str:
    return reverse("streams:livestream_detail", kwargs={"livestream_id": livestream_id})
