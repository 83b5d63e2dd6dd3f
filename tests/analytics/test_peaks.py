"""The most who watched at once: of the broadcasts and days that are asked for, and of nobody else's."""

from datetime import UTC, datetime

import pytest

from streams.livestreams.services import create_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.analytics.rows import broadcast, peaked, watched
from tests.api.clients import ApiClient, read

pytestmark = pytest.mark.django_db


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def _broadcast(livestream: Livestream, day: str, *, peak: int) -> None:
    session = broadcast(livestream, _at(f"{day}T12:00"), until=_at(f"{day}T13:00"))
    watched(session, _at(f"{day}T12:10"), viewer_ms=1_000, views=1)
    peaked(session, _at(f"{day}T12:10"), peak=peak)


def _peaks(api: ApiClient, group: str) -> set[int | None]:
    query = f"start_date=2026-11-01&end_date=2026-11-30&group_by={group}&per_page=100"
    return {row["peak_viewers"] for row in read(api.get(f"/analytics/livestreams?{query}"))["data"]}


def test_is_that_of_these_days_alone(dyte: ApiClient, keynote: Livestream) -> None:
    for day, peak in (("10-31", 50), ("11-10", 7), ("12-01", 60)):
        _broadcast(keynote, day, peak=peak)

    assert _peaks(dyte, "livestream") == {7}
    assert _peaks(dyte, "day") == {None, 7}


def test_is_nobody_elses(dyte: ApiClient, keynote: Livestream, abroad: NewOrganization) -> None:
    _broadcast(keynote, "11-10", peak=7)
    theirs = create_livestream(app=abroad.app, name="Theirs", actor=SYSTEM)
    for day in ("11-10", "11-11"):
        _broadcast(theirs, day, peak=90)

    for group in ("livestream", "session", "day"):
        assert _peaks(dyte, group) <= {None, 7}
