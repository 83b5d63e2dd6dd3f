"""What of recordings, simulcasts and fetched sources the overview says needs a hand."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from livehub.core import clock
from streams.livestreams import outputs, services
from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.livestreams.outputs import NewOutput
from streams.livestreams.states import OutputType
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.models import Lease, Livestream, Output, PullSource, Recording, Session, User
from streams.organizations.services import SYSTEM
from streams.recordings.services import NewRecording, start_recording
from tests.dashboard.conftest import get_html, squeezed
from tests.runs import finished

pytestmark = pytest.mark.django_db

_REASON = "The other side answered that it takes nothing."


@pytest.fixture
def simulcast(livestream: Livestream) -> Output:
    new = NewOutput(type=OutputType.SIMULCAST, name="Channel 4", uri="rtmp://a.example.com/live")
    return outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)


@pytest.fixture
def pull(livestream: Livestream) -> PullSource:
    url = "rtmp://ann:s3cr3t@source.example.com/live"
    services.change_livestream(livestream=livestream, actor=SYSTEM, pull={"url": url})
    return PullSource.objects.get()


@pytest.fixture
def recording(live: Session, livestream: Livestream) -> Recording:
    return start_recording(livestream=livestream, new=NewRecording(), actor=SYSTEM)


def _concerns(browser: Client) -> str:
    return squeezed(get_html(browser, "/")).partition("Needs a hand")[2].partition("</section>")[0]


def _change(row: Output | PullSource | Recording, **values: object) -> None:
    type(row).objects.filter(pk=row.pk).update(**values)


def test_an_encoder_that_sends_what_is_faulty_does_by_its_worst_fault(browser: Client, live: Session) -> None:
    lease, now = Lease.objects.get(), clock.now()
    black = DatedFault(IngestFault(FindingKind.BLACK, Severity.ERROR, 12.0), now)
    interval = DatedFault(IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3), now - timedelta(hours=1))
    low = DatedFault(IngestFault(FindingKind.BITRATE_LOW, Severity.INFO, 900.0, "1.5 to 4 Mbit/s"), now)

    note_findings(lease, [low])
    assert "All well" in _concerns(browser)

    note_findings(lease, [low, interval, black])
    told = _concerns(browser)
    assert "The picture has been black for 12 s." in told
    assert "Key frames come only" not in told
    assert f'href="/livestreams/{live.livestream_id}"' in told

    note_findings(lease, [interval])
    assert "Key frames come only every 8.3 s" in _concerns(browser)

    finished(live)
    assert "Key frames come only" not in _concerns(browser)


@pytest.mark.parametrize(("state", "tries"), [("errored", 1), ("retrying", 3)])
def test_a_simulcast_that_gets_nowhere_does(
    browser: Client, livestream: Livestream, simulcast: Output, state: str, tries: int
) -> None:
    _change(simulcast, push_state=state, push_tries=tries, push_message=_REASON, push_since=clock.now())

    told = _concerns(browser)

    assert f"Simulcast to Channel 4: {_REASON}" in told
    assert f'href="/livestreams/{livestream.pk}"' in told


@pytest.mark.parametrize(("state", "tries"), [("retrying", 2), ("broadcasting", 9), ("idle", 0)])
def test_one_that_will_or_does_get_there_does_not(browser: Client, simulcast: Output, state: str, tries: int) -> None:
    _change(simulcast, push_state=state, push_tries=tries, push_message=_REASON, push_since=clock.now())

    assert "Simulcast" not in _concerns(browser)
    assert "All well" in _concerns(browser)


def test_a_source_that_does_not_come_does_and_tells_no_credentials(browser: Client, pull: PullSource) -> None:
    _change(pull, state="retrying", tries=3, reason=_REASON)

    told = _concerns(browser)

    assert f"Fetched from rtmp://***@source.example.com/live: {_REASON}" in told
    assert "s3cr3t" not in told


def test_one_that_is_off_does_not(browser: Client, pull: PullSource) -> None:
    _change(pull, state="errored", tries=3, reason=_REASON, enabled=False)

    assert "Fetched from" not in _concerns(browser)


def test_a_recording_that_cannot_be_stored_does(browser: Client, recording: Recording) -> None:
    assert "Recording:" not in _concerns(browser)
    _change(recording, status="uploading", problem=_REASON, invoked_at=clock.now() - timedelta(days=9))

    told = _concerns(browser)

    assert f"Recording: {_REASON}" in told
    assert f'href="/recordings/{recording.pk}"' in told


@pytest.mark.parametrize(("days", "is_told"), [(0, True), (2, False)])
def test_one_that_failed_does_for_a_day(browser: Client, recording: Recording, days: int, is_told: bool) -> None:
    _change(recording, status="errored", problem=_REASON, invoked_at=clock.now() - timedelta(days=days))

    assert (f"Recording: {_REASON}" in _concerns(browser)) is is_told


def test_nobody_is_told_of_anothers(
    browser: Client,
    stranger: User,
    log_in: Callable[[User], Client],
    recording: Recording,
    simulcast: Output,
    pull: PullSource,
) -> None:
    now = clock.now()
    _change(simulcast, push_state="errored", push_message=_REASON, push_since=now)
    _change(pull, state="errored", reason=_REASON)
    _change(recording, status="uploading", problem=_REASON)

    assert _concerns(browser).count(_REASON) == 3
    assert _REASON not in _concerns(log_in(stranger))
