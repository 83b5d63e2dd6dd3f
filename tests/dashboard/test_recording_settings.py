"""How a livestream's broadcasts are recorded: said in a form, and told on its page."""

import pytest
from django.test import Client
from pytest_django import Settings

from streams.meetings.broadcasts import start_meeting_livestream
from streams.models import AuditEntry, Livestream, Meeting, Output, RecordingPolicy
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.policies import change_recording, is_recorded
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed
from tests.stores.storages import storage_of

pytestmark = pytest.mark.django_db

_DAY_S = 86_400


@pytest.fixture(autouse=True)
def _records_alone(settings: Settings) -> None:
    settings.RECORD_AUTOMATICALLY = True


@pytest.fixture
def page(livestream: Livestream) -> str:
    return f"/livestreams/{livestream.pk}"


@pytest.fixture
def there(page: str) -> str:
    return f"{page}/recording-settings"


def _facts(browser: Client, page: str) -> str:
    return squeezed(get_html(browser, page)).partition('data-testid="recording-facts"')[2].partition("</div>")[0]


def _left_alone(browser: Client, there: str) -> dict[str, str]:
    """Return what the form sends of whoever unticks the box and changes nothing else."""
    return {**remembered(get_html(browser, there)), "slate": "cut"}


def test_the_page_tells_what_holds_where_nobody_has_said_anything(browser: Client, page: str) -> None:
    facts = _facts(browser, page)

    assert "Every broadcast" in facts
    assert "On this LiveHub, until deleted (as usual here)" in facts


def test_what_is_usual_comes_from_the_instance(browser: Client, page: str, there: str, settings: Settings) -> None:
    settings.RECORDING_RETENTION_S = 14 * _DAY_S

    assert "On this LiveHub, for 14 days (as usual here)" in _facts(browser, page)
    assert '<option value="" selected>As usual here: for 14 days</option>' in get_html(browser, there)


def test_all_of_it_is_said_in_one_form(
    browser: Client, home: NewOrganization, livestream: Livestream, page: str, there: str
) -> None:
    storage = storage_of(home.app)
    shown = get_html(browser, there, **HTMX)
    assert "Amazon S3, films/shows" in shown

    answer = browser.post(
        there,
        {
            **remembered(shown),
            "is_recorded": "on",
            "storage": str(storage.pk),
            "retention_s": str(7 * _DAY_S),
            "max_seconds": "7200",
            "slate": "keep",
            "file_name_prefix": "keynote",
        },
    )

    assert answer["Location"] == page
    policy = RecordingPolicy.objects.get(livestream=livestream)
    assert (policy.storage, policy.retention_s, policy.max_seconds) == (storage, 7 * _DAY_S, 7200)
    assert (policy.file_name_prefix, policy.slate) == ("keynote", "keep")
    assert f"In {storage.name}, for 7 days</span>" in _facts(browser, page)
    assert AuditEntry.objects.get(action="livestream.recording_settings_changed").detail["changed"] == [
        "file_name_prefix",
        "max_seconds",
        "retention_s",
        "slate",
        "storage",
        "uses_app_storage",
    ]


def test_the_apps_storage_is_usual_and_this_livehub_can_be_chosen(
    browser: Client, home: NewOrganization, livestream: Livestream, page: str, there: str
) -> None:
    usual = storage_of(home.app, name="Archive", is_default=True)
    shown = get_html(browser, there)
    assert f'<option value="" selected>As for all of {home.app.name}: Archive</option>' in shown
    assert "In Archive, until deleted" in _facts(browser, page)

    told = []
    for chosen in ("here", str(usual.pk), ""):
        browser.post(there, {**_left_alone(browser, there), "storage": chosen})
        policy = RecordingPolicy.objects.get(livestream=livestream)
        told.append((policy.storage, policy.uses_app_storage))

    assert told == [(None, False), (usual, False), (None, True)]


def test_what_was_left_alone_is_not_said_again(browser: Client, livestream: Livestream, there: str) -> None:
    shown = remembered(get_html(browser, there))
    # By a program, while the form is open.
    change_recording(livestream=livestream, actor=SYSTEM, retention_s=_DAY_S)

    browser.post(there, {**shown, "is_recorded": "on", "slate": "cut", "file_name_prefix": "keynote"})

    policy = RecordingPolicy.objects.get(livestream=livestream)
    assert (policy.retention_s, policy.file_name_prefix) == (_DAY_S, "keynote")


def test_a_length_that_a_program_chose_is_offered(browser: Client, livestream: Livestream, there: str) -> None:
    change_recording(livestream=livestream, actor=SYSTEM, retention_s=5 * _DAY_S, max_seconds=5400)

    html = get_html(browser, there)

    assert f'<option value="{5 * _DAY_S}" selected>For 5 days</option>' in html
    assert '<option value="5400" selected>Stop after 90 minutes</option>' in html


def test_it_is_switched_off_and_on(browser: Client, livestream: Livestream, page: str, there: str) -> None:
    browser.post(there, _left_alone(browser, there))

    assert not is_recorded(livestream)
    assert "Only when somebody asks, while a broadcast is going on" in _facts(browser, page)
    browser.post(there, {**_left_alone(browser, there), "is_recorded": "on"})
    assert is_recorded(livestream)


def test_an_archive_that_somebody_deleted_is_made_again(browser: Client, livestream: Livestream, there: str) -> None:
    Output.objects.filter(livestream=livestream, type="archive").delete()

    browser.post(there, {**_left_alone(browser, there), "is_recorded": "on"})

    assert is_recorded(livestream)


def test_what_cannot_be_is_said_at_its_field(browser: Client, there: str) -> None:
    answer = browser.post(there, {"file_name_prefix": "a/b", "slate": "cut"}, headers=HTMX)

    assert answer.status_code == 422
    assert "A file&#x27;s name has no slashes." in answer.content.decode()
    assert not RecordingPolicy.objects.exists()


def test_a_storage_of_another_organization_is_none(browser: Client, there: str, abroad: NewOrganization) -> None:
    answer = browser.post(there, {"storage": str(storage_of(abroad.app).pk)})

    assert answer.status_code == 422
    assert "Select a valid choice" in answer.content.decode()


def test_an_instance_that_records_nothing_by_itself_says_so(
    browser: Client, page: str, there: str, settings: Settings
) -> None:
    settings.RECORD_AUTOMATICALLY = False

    assert "this LiveHub records nothing by itself" in _facts(browser, page)
    assert "its administrator has switched that off" in get_html(browser, there)


def test_a_meetings_livestream_is_recorded_as_its_meeting_says(browser: Client, meeting: Meeting) -> None:
    livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
    page = f"/livestreams/{livestream.pk}"

    assert "As its meeting says" in _facts(browser, page)
    assert "change-recording" not in get_html(browser, page)
    assert browser.get(f"{page}/recording-settings").status_code == 404


def test_deleting_a_storage_says_what_follows_and_keeps_the_next_ones_here(
    browser: Client, home: NewOrganization, livestream: Livestream, page: str
) -> None:
    storage = storage_of(home.app)
    change_recording(livestream=livestream, actor=SYSTEM, storage=storage)
    asked = squeezed(get_html(browser, f"/account/storages/{storage.pk}/delete"))
    assert "1 livestream keeps its next recordings on this LiveHub instead." in asked

    browser.post(f"/account/storages/{storage.pk}/delete")

    assert RecordingPolicy.objects.get(livestream=livestream).storage is None
    assert "On this LiveHub" in _facts(browser, page)
