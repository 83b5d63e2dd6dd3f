"""Support staff's view of meetings."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from streams.meetings.services.meetings import create_meeting
from streams.meetings.services.participants import delete_participant
from streams.models import Meeting, Participant
from streams.organizations.admin import MOST_INLINE
from streams.organizations.services import SYSTEM, NewOrganization
from tests.meetings.people import added, joined, session_of

STORAGE = {"type": "aws", "access_key": "AKIA-1", "secret": "s3cret-1", "region": "eu", "bucket": "films"}
MEETINGS = reverse("admin:streams_meeting_changelist")
PARTICIPANTS = reverse("admin:streams_participant_changelist")
PRESETS = reverse("admin:streams_preset_changelist")
SESSIONS = reverse("admin:streams_meetingsession_changelist")


@pytest.fixture
def meeting(home: NewOrganization) -> Meeting:
    values = {"title": "Backend standup", "recording_config": {"storage_config": STORAGE}}
    return create_meeting(app=home.app, values=values, actor=SYSTEM)  # type: ignore[arg-type]  # Spelt out above.


@pytest.fixture
def foreign_meeting(abroad: NewOrganization) -> Meeting:
    return create_meeting(app=abroad.app, values={"title": "Contoso board"}, actor=SYSTEM)


def _found(desk: Client, search: str) -> set[Meeting]:
    return set(desk.get(MEETINGS, {"q": search}).context["cl"].result_list)


def test_finds_by_id_title_and_owner(
    desk: Client, meeting: Meeting, foreign_meeting: Meeting, home: NewOrganization
) -> None:
    for search in (str(meeting.pk), meeting.pk.hex, "STANDUP", home.owner.email):
        assert _found(desk, search) == {meeting}
    assert _found(desk, "nobody@nowhere.example") == set()


def test_a_meeting_shows_who_may_join_and_no_secret(desk: Client, meeting: Meeting) -> None:
    added(meeting, "mary", name="Mary Sue")

    page = desk.get(reverse("admin:streams_meeting_change", args=[meeting.pk])).content.decode()

    assert "Mary Sue" in page
    assert "Northwind Events" in page
    for secret in ("s3cret-1", "AKIA-1", meeting.storage_secrets_encrypted):
        assert secret not in page


def test_a_meeting_shows_no_more_of_those_who_may_join_than_a_page_can_hold(desk: Client, meeting: Meeting) -> None:
    mary = added(meeting, "mary")
    known = {"meeting": meeting, "preset_id": mary.preset_id}
    Participant.objects.bulk_create(
        Participant(**known, custom_participant_id=str(number)) for number in range(MOST_INLINE + 1)
    )

    page = desk.get(reverse("admin:streams_meeting_change", args=[meeting.pk]))

    [inline] = page.context["inline_admin_formsets"]
    assert len(inline.formset.forms) == MOST_INLINE
    assert f"{MOST_INLINE} at most" in page.content.decode()


def test_a_meeting_leads_to_its_sessions(desk: Client, meeting: Meeting, foreign_meeting: Meeting) -> None:
    joined(added(meeting, "mary", name="Mary Sue"))
    joined(added(foreign_meeting, "stranger"))

    found = desk.get(f"{SESSIONS}?meeting__id__exact={meeting.pk}").context["cl"].result_list

    assert list(found) == [session_of(meeting)]
    page = desk.get(reverse("admin:streams_meetingsession_change", args=[found[0].pk])).content.decode()
    assert "Mary Sue" in page


def test_participants_are_found_by_name_and_ids_and_by_their_meeting(
    desk: Client, meeting: Meeting, foreign_meeting: Meeting
) -> None:
    mary = added(meeting, "user-7", name="Mary Sue")
    delete_participant(participant=mary, actor=SYSTEM)
    added(foreign_meeting, "stranger")
    own_page = desk.get(reverse("admin:streams_meeting_change", args=[meeting.pk])).content.decode()
    assert f'href="{PARTICIPANTS}?meeting__id__exact={meeting.pk}"' in own_page

    asked = [f"q={each}" for each in (mary.pk, meeting.pk, "USER-7", "mary")]
    for query in (*asked, f"meeting__id__exact={meeting.pk}"):
        assert list(desk.get(f"{PARTICIPANTS}?{query}").context["cl"].result_list) == [mary]


def test_presets_are_found_by_name_app_and_organization(desk: Client, home: NewOrganization) -> None:
    assert len(desk.get(PRESETS, {"q": home.app.pk.hex}).context["cl"].result_list) == 7
    [found] = desk.get(PRESETS, {"q": f"webinar_viewer {home.organization.name}"}).context["cl"].result_list

    page = desk.get(reverse("admin:streams_preset_change", args=[found.pk])).content.decode()

    assert "can_record" in page


@pytest.mark.parametrize("url", [MEETINGS, SESSIONS, PARTICIPANTS, PRESETS])
def test_a_list_costs_the_same_however_long(desk: Client, home: NewOrganization, url: str) -> None:
    counts = []
    for number in (1, 9):
        for index in range(number):
            made = create_meeting(app=home.app, values={"title": str(index)}, actor=SYSTEM)
            joined(added(made, "mary"))
        with CaptureQueriesContext(connection) as captured:
            desk.get(url)
        counts.append(len(captured))

    assert counts[0] == counts[1]
