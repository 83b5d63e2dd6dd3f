"""What an operator is told to change in the encoder."""

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


def test_a_good_source_needs_none(livestream: Livestream) -> None:
    session = sending(livestream, source=_GOOD, measured={"audio_kbps": 128, "gop_s": 4.0})

    assert advise(session) == []


def test_key_frames_that_come_seldom_now(livestream: Livestream) -> None:
    session = sending(livestream, source=_GOOD, measured={"audio_kbps": 128, "gop_s": 8.3})

    assert advise(session) == [
        "Key frames come only every 8 seconds, so viewers wait longer for the picture. "
        "Set the encoder's keyframe interval to 2 s."
    ]


def test_a_source_that_was_poor_from_the_start_is_said_before_it_is_measured(livestream: Livestream) -> None:
    session = sending(livestream, source={**_GOOD, "gop_s": 10.0}, measured={})

    assert advise(session)[0].startswith("Key frames come only every 10 seconds")


@pytest.mark.parametrize(
    ("codec", "kbps", "start"),
    [("", 0, "There is no sound in this stream."), ("aac", 0, "The sound has stopped coming.")],
)
def test_sound_that_is_missing(livestream: Livestream, codec: str, kbps: int, start: str) -> None:
    measured = {"gop_s": 2.0, "audio_kbps": kbps}
    (sentence,) = advise(sending(livestream, source={**_GOOD, "audio_codec": codec}, measured=measured))

    assert sentence.startswith(start)


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
    session = sending(livestream, source={}, measured={})
    assert advise(session) == []
    runs.ended(session)
    Session.objects.update(source={**_GOOD, "gop_s": 10.0})
    assert advise(Session.objects.with_connections().get()) == []


def test_an_encoder_sends_as_long_as_media_is_noted(livestream: Livestream) -> None:
    connection = sending(livestream, source=_GOOD, measured={}).connection
    assert connection is not None
    assert connection.is_sending
    connection.last_seen_at = clock.now() - timedelta(seconds=6)
    assert not connection.is_sending
    connection.last_seen_at = connection.disconnected_at = clock.now()
    assert not connection.is_sending
