"""The totals of an app's lists are kept, and are exactly what counting would say."""

from datetime import timedelta

import pytest

from livehub.core import clock
from streams.meetings.lifecycle import leave_meeting
from streams.meetings.room import kick_all
from streams.meetings.services.meetings import change_meeting, create_meeting
from streams.models import App, Meeting, MeetingCount, MeetingSession, Peer
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, asked_by, read
from tests.meetings.people import added, joined, session_of

# What is asked for, and how many there are of five meetings, of which two are inactive and three had sessions.
TOTALS = {
    "/meetings": 5,
    "/meetings?status=ACTIVE": 3,
    "/meetings?status=INACTIVE": 2,
    "/meetings?search=standup": 5,
    "/meetings?search=standup%202": 1,
    "/meetings?search=standup&status=ACTIVE": 3,
    "/meetings?start_time=2100-01-01T00:00:00Z": 0,
    "/meetings?end_time=2020-01-01T00:00:00Z": 0,
    "/sessions": 3,
    "/sessions?status=LIVE": 1,
    "/sessions?status=ENDED": 2,
    "/sessions?sort_by=minutesConsumed": 3,
    "/sessions?search=standup%202": 1,
    "/sessions?participants=ann": 3,
    "/sessions?participants=nobody": 0,
    "/sessions?start_time=2100-01-01T00:00:00Z": 0,
    "/sessions?end_time=2020-01-01T00:00:00Z": 0,
}
_COUNTED = ("search", "_time=", "participants", "LIVE")


@pytest.fixture
def held(home: NewOrganization) -> list[Meeting]:
    """Five meetings: three had sessions, of which the last goes on; two are inactive."""
    meetings = [_meeting(home.app, f"Standup {number}") for number in range(5)]
    for number, meeting in enumerate(meetings[:3]):
        joined(added(meeting, "ann"), ago=timedelta(minutes=10 * (number + 1)))
    for meeting in meetings[:2]:
        kick_all(meeting=meeting, actor=SYSTEM)
    for meeting in meetings[3:]:
        change_meeting(meeting=meeting, changes={"status": "inactive"}, actor=SYSTEM)
    return meetings


@pytest.mark.parametrize("path", TOTALS)
def test_every_page_has_the_true_total(api: ApiClient, held: list[Meeting], abroad: NewOrganization, path: str) -> None:
    joined(added(_meeting(abroad.app, "Standup 2"), "ann"))
    mark = "&" if "?" in path else "?"

    for page in (f"{path}{mark}per_page=1", f"{path}{mark}per_page=1&page_no=2", f"{path}{mark}page_no=99"):
        assert read(api.get(page))["paging"]["total_count"] == TOTALS[path]


@pytest.mark.parametrize("path", [path for path in TOTALS if not any(each in path for each in _COUNTED)])
def test_total_of_an_app_is_not_counted_anew(api: ApiClient, held: list[Meeting], path: str) -> None:
    mark = "&" if "?" in path else "?"

    asked = asked_by(api, f"{path}{mark}per_page=1")

    # Those that go on may be counted: they are few.
    counting = [query for query in asked if "COUNT(*)" in query and "'live'" not in query]
    assert counting == []


class TestKeptTotals:
    def test_follow_what_is_made_switched_and_gone(self, home: NewOrganization, held: list[Meeting]) -> None:
        assert _totals(home.app) == (5, 2, 3)

        change_meeting(meeting=held[3], changes={"status": "active"}, actor=SYSTEM)
        assert _totals(home.app) == (5, 1, 3)

        held[4].delete()
        assert _totals(home.app) == (4, 0, 3)

        held[0].delete()
        assert _totals(home.app) == (3, 0, 2)

    def test_follow_many_at_once(self, home: NewOrganization, abroad: NewOrganization, held: list[Meeting]) -> None:
        foreign = _meeting(abroad.app, "Theirs")
        Meeting.objects.bulk_create(
            Meeting(app=home.app, status=status) for status in ("inactive", "inactive", "active")
        )
        over = {"meeting": held[4], "app": home.app, "status": "ended", "ended_at": clock.now()}
        MeetingSession.objects.bulk_create(MeetingSession(**over) for _ in range(3))
        assert _totals(home.app) == (8, 4, 6)

        Meeting.objects.filter(app=home.app).exclude(pk=held[0].pk).update(status="inactive")
        assert _totals(home.app) == (8, 7, 6)

        Meeting.objects.filter(app=home.app).exclude(pk=held[0].pk).delete()
        assert _totals(home.app) == (1, 0, 1)
        assert _totals(foreign.app) == (1, 0, 0)

    def test_go_with_their_app(self, home: NewOrganization) -> None:
        other = App.objects.create(organization=home.organization, name="Second")
        MeetingSession.objects.create(meeting=_meeting(other, "Retro"), app=other)

        other.delete()

        assert not MeetingCount.objects.filter(pk=other.pk).exists()


def test_sessions_that_go_on_are_sorted_among_those_that_are_over(
    api: ApiClient, held: list[Meeting], abroad: NewOrganization
) -> None:
    """They consumed 10, 20 and, of the one that goes on, 30 minutes; a fourth goes on for 15."""
    joined(added(held[1], "bob"), ago=timedelta(minutes=15))
    joined(added(_meeting(abroad.app, "Theirs"), "eve"), ago=timedelta(minutes=12))
    expected = [MeetingSession.objects.get(meeting=held[number], ended_at__isnull=number == 2) for number in (0, 1, 2)]
    fourth = MeetingSession.objects.get(meeting=held[1], ended_at=None)
    ids = [str(each.pk) for each in (expected[0], fourth, expected[1], expected[2])]

    ascending = read(api.get("/sessions?sort_by=minutesConsumed&sort_order=ASC"))["data"]["sessions"]
    descending = read(api.get("/sessions?sort_by=minutesConsumed"))["data"]["sessions"]
    second_page = read(api.get("/sessions?sort_by=minutesConsumed&sort_order=ASC&per_page=2&page_no=2"))

    assert [each["id"] for each in ascending] == ids
    assert [each["id"] for each in descending] == ids[::-1]
    assert [each["id"] for each in second_page["data"]["sessions"]] == ids[2:]
    of_one = read(api.get(f"/sessions?sort_by=minutesConsumed&associated_id={held[0].pk}"))["data"]["sessions"]
    assert [each["id"] for each in of_one] == [ids[0]]
    assert [round(each["minutes_consumed"]) for each in ascending] == [10, 15, 20, 30]
    assert ascending[1]["meeting_display_name"] == "Standup 1"


def test_participants_are_found_by_their_id_and_ours(api: ApiClient, held: list[Meeting]) -> None:
    mary = joined(added(held[2], "mary"))
    stay = mary.session_participant
    wanted = [str(session_of(held[2]).pk)]

    for named in ("mary", stay.participant_id, stay.pk, f"nobody,{stay.pk}"):
        found = read(api.get(f"/sessions?participants={named}"))
        assert [each["id"] for each in found["data"]["sessions"]] == wanted
        assert found["paging"]["total_count"] == 1


def test_duration_is_that_of_all_connections_and_sorts(api: ApiClient, held: list[Meeting]) -> None:
    meeting = held[2]
    bob = added(meeting, "bob")
    leave_meeting(peer=joined(bob, ago=timedelta(minutes=20)))
    joined(bob, ago=timedelta(minutes=5))
    Peer.objects.filter(left_at=None, session_participant__participant=bob).update(
        joined_at=clock.now() - timedelta(minutes=5)
    )

    path = f"/sessions/{session_of(meeting).pk}/participants"
    found = read(api.get(f"{path}?sort_by=duration&sort_order=ASC"))["data"]["participants"]
    shown = read(api.get(f"{path}?sort_by=duration&include_peer_events=true"))["data"]["participants"]

    assert [(each["custom_participant_id"], round(each["duration"])) for each in found] == [("bob", 25), ("ann", 30)]
    assert [each["preset_name"] for each in shown] == ["group_call_host", "group_call_host"]
    assert [len(each["peer_events"]) for each in shown] == [2, 5]


def _meeting(app: App, title: str) -> Meeting:
    return create_meeting(app=app, values={"title": title}, actor=SYSTEM)


def _totals(app: App) -> tuple[int, int, int]:
    kept = MeetingCount.objects.get(app=app)
    meetings = Meeting.objects.filter(app=app)
    counted = meetings.count(), meetings.filter(status="inactive").count(), MeetingSession.objects.for_app(app).count()
    assert (kept.meetings, kept.inactive_meetings, kept.sessions) == counted
    return counted
