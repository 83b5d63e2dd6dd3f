"""What an operator is told beside what the doctor finds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from livehub.core import clock
from streams.livestreams.advice import advise
from streams.models import Connection, Livestream, Session
from tests import runs

pytestmark = pytest.mark.django_db
_GOOD = {"video_codec": "h264", "audio_codec": "aac", "gop_s": 2.0, "video_kbps": 2500, "fps": 30.0}


def sending(livestream: Livestream, *, source: Mapping[str, object], measured: Mapping[str, object]) -> Session:
    session = runs.connected(livestream)
    Session.objects.filter(pk=session.pk).update(source=source)
    Connection.objects.filter(session=session).update(measured=measured)
    return Session.objects.with_connections().get(pk=session.pk)


def test_where_all_goes_there_is_none(livestream: Livestream) -> None:
    session = sending(livestream, source=_GOOD, measured={"audio_kbps": 128, "gop_s": 4.0})

    assert advise(session) == []


def test_faults_of_the_encoder_are_findings_and_said_nowhere_else(livestream: Livestream) -> None:
    poor = {**_GOOD, "audio_codec": "", "gop_s": 10.0}

    assert advise(sending(livestream, source=poor, measured={"audio_kbps": 0, "gop_s": 8.3})) == []


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        (["720p"], "720p is left out since 14:02 UTC, because this machine is too busy; it comes back by itself."),
        (
            ["720p", "480p"],
            "720p and 480p are left out since 14:02 UTC, because this machine is too busy; "
            "they come back by themselves.",
        ),
    ],
)
def test_renditions_that_are_left_out(livestream: Livestream, left_out: list[str], sentence: str) -> None:
    session = sending(livestream, source=_GOOD, measured={})
    session.left_out, session.left_out_since = left_out, datetime(2026, 5, 1, 14, 2, tzinfo=UTC)

    assert advise(session) == [sentence]


def test_nothing_is_said_of_a_source_that_is_not_known_yet_or_no_more(livestream: Livestream) -> None:
    left_out = {"left_out": ["720p"], "left_out_since": clock.now()}
    session = sending(livestream, source={}, measured={})
    Session.objects.update(**left_out)
    assert advise(Session.objects.with_connections().get()) == []
    runs.ended(session)
    Session.objects.update(source=_GOOD, **left_out)
    assert advise(Session.objects.with_connections().get()) == []


def test_an_encoder_sends_as_long_as_media_is_noted(livestream: Livestream) -> None:
    connection = sending(livestream, source=_GOOD, measured={}).connection
    assert connection is not None
    assert connection.is_sending
    connection.last_seen_at = clock.now() - timedelta(seconds=6)
    assert not connection.is_sending
    connection.last_seen_at = connection.disconnected_at = clock.now()
    assert not connection.is_sending
