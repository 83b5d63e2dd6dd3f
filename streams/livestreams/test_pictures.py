"""Sending a test picture: a minute of the product's own encoder, for whoever has none at hand.

It is an encoder like any other: it publishes to our own ingest server with a key, gets a session, and can be ended. Its
key runs out a little after the minute, so that whatever hangs or dies, nothing publishes with it any longer.
"""

from datetime import timedelta
from threading import Thread
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from livehub.core import clock, crypto, events, jobs
from livehub.core.errors import DomainError
from streams.livestreams import lifecycle
from streams.livestreams.events import LivestreamChanged
from streams.livestreams.locks import find_open_session_of, lock_livestream
from streams.livestreams.models import Livestream, StreamKey
from streams.livestreams.selectors import TEST_PICTURE_START_S, PictureState, count_test_pictures, find_test_picture
from streams.livestreams.states import EndReason, SessionStatus
from streams.livestreams.stream_keys import give_test_picture_key
from streams.media import test_picture
from streams.organizations.services import Actor, record

LENGTH_S = 60.0
# It has to connect within the time to start, and a hung one is killed a few seconds after its end.
_KEY_LIFETIME = timedelta(seconds=LENGTH_S + TEST_PICTURE_START_S + 10)
# Each takes a good part of a core, and so does what is made of it.
_MOST_AT_ONCE = 2
# Any number that nothing else locks: who counts waits for who has counted.
_COUNT_LOCK = 7_101


class TestPictureRefusedError(DomainError):
    """It would get in the way of something, or is on already."""

    code = "test_picture_refused"
    http_status = 409


@transaction.atomic
def start_test_picture(*, livestream: Livestream, actor: Actor) -> None:
    """Have our own encoder publish to the livestream for a minute.

    :raises NotFoundError: when it is deleted.
    :raises TestPictureRefusedError: when it is disabled, stopped or on air, or enough test pictures are on already.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_COUNT_LOCK])
    livestream = lock_livestream(livestream.pk)
    _check(livestream)
    key = give_test_picture_key(livestream, lifetime=_KEY_LIFETIME)
    jobs.enqueue("streams.send_test_picture", stream_key_id=key.pk)
    _tell(livestream, action="livestream.test_picture_started", actor=actor)


@transaction.atomic
def stop_test_picture(*, livestream: Livestream, actor: Actor) -> bool:
    """End the livestream's test picture, and tell whether it had one; an encoder that is no test picture stays.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    keys = StreamKey.objects.valid().filter(livestream=livestream, is_for_test_picture=True)
    if not keys.update(revoked_at=Now()):
        return False
    session = find_open_session_of(livestream)
    if session is not None and session.has_test_picture():
        lifecycle.close_session(session, new=SessionStatus.ENDED, reason=EndReason.ENDED_BY_OPERATOR, actor=actor)
    _tell(livestream, action="livestream.test_picture_stopped", actor=actor)
    return True


def send_test_picture(*, stream_key_id: UUID) -> None:
    """Start the encoder on this machine and return, unless it has been stopped or nobody waits for it any more.

    A thread of its own waits for its end: it keeps nobody's slot, and when the process dies, the encoder does.
    """
    young = StreamKey.objects.valid().filter(created_at__gt=clock.now() - timedelta(seconds=TEST_PICTURE_START_S))
    key = young.filter(pk=stream_key_id, is_for_test_picture=True).first()
    if key is None:
        return
    told = {"base_url": settings.INGEST_PULL_URL, "name": crypto.decrypt(key.encrypted), "length_s": LENGTH_S}
    label = f"test picture livestream={key.livestream_id}"
    Thread(target=test_picture.publish, kwargs={**told, "label": label}, name=label, daemon=True).start()


def _check(livestream: Livestream) -> None:
    if livestream.disabled:
        raise TestPictureRefusedError("The livestream is disabled. Enable it first.")
    if livestream.stopped_at is not None:
        raise TestPictureRefusedError("The meeting's livestream was stopped, and takes no picture any more.")
    if find_test_picture(livestream) in {PictureState.STARTING, PictureState.ON}:
        raise TestPictureRefusedError("The test picture is on already.")
    session = find_open_session_of(livestream)
    if session is not None and session.awaits_encoder:
        raise TestPictureRefusedError("The broadcast waits for its encoder. End it first.")
    if session is not None and session.has_encoder():
        raise TestPictureRefusedError("An encoder is connected. Stop it first, and then send the test picture.")
    if count_test_pictures() >= _MOST_AT_ONCE:
        raise TestPictureRefusedError("Other livestreams are getting a test picture. Try again in a minute.")


def _tell(livestream: Livestream, *, action: str, actor: Actor) -> None:
    record(organization=livestream.app.organization, actor=actor, action=action, target=livestream)
    events.publish(LivestreamChanged.of(livestream, at=clock.now(), actor=actor, changed=()))
