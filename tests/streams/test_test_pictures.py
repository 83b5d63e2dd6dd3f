"""Sending a test picture: when it may be, and what becomes of it."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock, crypto
from streams.livestreams import connections, services, test_pictures
from streams.livestreams.selectors import PictureState, find_test_picture
from streams.livestreams.test_pictures import TestPictureRefusedError as RefusedError
from streams.livestreams.test_pictures import start_test_picture, stop_test_picture
from streams.models import AuditEntry, Connection, Livestream, Session, StreamKey
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.overtaking import overtaken
from tests.runs import connected

Publish = Callable[[str, int], int]


@pytest.fixture
def publish() -> Publish:
    """Publish as nginx-rtmp tells of it, and return the hook's status."""

    def call(key: str, client_id: int = 7) -> int:
        address = f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main"
        fields = {"name": key, "call": "publish", "clientid": client_id, "addr": "127.0.0.1", "flashver": "FMLE/3.0"}
        return Client().post(address, fields).status_code

    return call


def _key(livestream: Livestream) -> str:
    """Return the key of the livestream's newest test picture."""
    key = livestream.stream_keys.filter(is_for_test_picture=True).latest("created_at")
    return crypto.decrypt(key.encrypted)


def _is_sending() -> bool:
    return any(thread.name.startswith("test picture") for thread in threading.enumerate())


class TestStart:
    def test_calls_our_encoder_with_a_key_that_runs_out(
        self, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        present = livestream.stream_key

        with capture(execute=True):
            start_test_picture(livestream=livestream, actor=SYSTEM)

        key = StreamKey.objects.get(is_for_test_picture=True)
        assert broker.arguments == [("streams.send_test_picture", {"stream_key_id": str(key.pk)})]
        assert key.revoked_at is not None
        assert timedelta(seconds=60) < key.revoked_at - clock.now() < timedelta(seconds=90)
        assert livestream.stream_key == present
        assert AuditEntry.objects.filter(action="livestream.test_picture_started").exists()

    def test_is_an_encoder_by_a_name_of_its_own(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        assert find_test_picture(livestream) == PictureState.STARTING

        assert publish(_key(livestream), 7) == 302

        connection = Connection.objects.get()
        assert (connection.software, connection.address) == ("LiveHub's test picture", None)
        assert find_test_picture(livestream) == PictureState.ON

    @pytest.mark.parametrize(
        ("obstacle", "words"),
        [("disabled", "disabled"), ("encoder", "An encoder is connected"), ("itself", "on already")],
    )
    def test_says_why_it_cannot_be(self, livestream: Livestream, obstacle: str, words: str) -> None:
        if obstacle == "disabled":
            services.disable_livestream(livestream=livestream, actor=SYSTEM)
        elif obstacle == "encoder":
            connected(livestream)
        else:
            start_test_picture(livestream=livestream, actor=SYSTEM)
        keys = StreamKey.objects.count()

        with pytest.raises(RefusedError, match=words):
            start_test_picture(livestream=livestream, actor=SYSTEM)

        assert StreamKey.objects.count() == keys

    def test_is_sent_to_a_few_at_once(self, home: NewOrganization, publish: Publish) -> None:
        rows = [services.create_livestream(app=home.app, name=f"Camera {number}", actor=SYSTEM) for number in range(3)]
        for row in rows[:2]:
            start_test_picture(livestream=row, actor=SYSTEM)
        assert publish(_key(rows[0]), 1) == 302

        with pytest.raises(RefusedError, match="Other livestreams"):
            start_test_picture(livestream=rows[2], actor=SYSTEM)

        stop_test_picture(livestream=rows[0], actor=SYSTEM)
        start_test_picture(livestream=rows[2], actor=SYSTEM)

    def test_is_in_nobodys_way_once_it_is_stopped_or_has_not_come(self, home: NewOrganization) -> None:
        rows = [services.create_livestream(app=home.app, name=f"Camera {number}", actor=SYSTEM) for number in range(4)]
        for row in rows[:2]:
            start_test_picture(livestream=row, actor=SYSTEM)
        stop_test_picture(livestream=rows[0], actor=SYSTEM)

        start_test_picture(livestream=rows[2], actor=SYSTEM)

        with pytest.raises(RefusedError, match="Other livestreams"):
            start_test_picture(livestream=rows[3], actor=SYSTEM)
        StreamKey.objects.filter(is_for_test_picture=True).update(created_at=Now() - timedelta(seconds=11))
        start_test_picture(livestream=rows[3], actor=SYSTEM)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("broker")
    def test_is_sent_to_no_more_when_two_ask_at_the_same_instant(self, home: NewOrganization) -> None:
        rows = [services.create_livestream(app=home.app, name=f"Camera {number}", actor=SYSTEM) for number in range(3)]
        start_test_picture(livestream=rows[0], actor=SYSTEM)

        with pytest.raises(RefusedError, match="Other livestreams"):
            overtaken(
                lambda: start_test_picture(livestream=rows[2], actor=SYSTEM),
                by=lambda: start_test_picture(livestream=rows[1], actor=SYSTEM),
            )

    def test_that_never_comes_is_said_and_can_be_tried_again(self, livestream: Livestream) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)

        StreamKey.objects.filter(is_for_test_picture=True).update(created_at=Now() - timedelta(seconds=11))

        assert find_test_picture(livestream) == PictureState.FAILED
        # Its message has lain in the queue all the time.
        test_pictures.send_test_picture(stream_key_id=StreamKey.objects.get(is_for_test_picture=True).pk)
        assert not _is_sending()
        start_test_picture(livestream=livestream, actor=SYSTEM)
        assert find_test_picture(livestream) == PictureState.STARTING

    def test_that_is_over_can_follow_another(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        publish(_key(livestream), 7)
        connections.encoder_left(key=_key(livestream), node="main", client_id=7)
        assert find_test_picture(livestream) is None

        start_test_picture(livestream=livestream, actor=SYSTEM)


class TestStop:
    def test_ends_its_session_and_its_key(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        publish(_key(livestream), 7)

        assert stop_test_picture(livestream=livestream, actor=SYSTEM)

        assert Session.objects.get().end_reason == "ended_by_operator"
        assert publish(_key(livestream), 8) == 403
        assert find_test_picture(livestream) is None
        assert not stop_test_picture(livestream=livestream, actor=SYSTEM)

    def test_leaves_those_of_other_livestreams_alone(
        self, livestream: Livestream, foreign_livestream: Livestream, publish: Publish
    ) -> None:
        for client_id, each in enumerate((livestream, foreign_livestream)):
            start_test_picture(livestream=each, actor=SYSTEM)
            assert publish(_key(each), client_id) == 302

        stop_test_picture(livestream=livestream, actor=SYSTEM)

        assert [find_test_picture(each) for each in (livestream, foreign_livestream)] == [None, PictureState.ON]
        assert StreamKey.objects.valid().filter(is_for_test_picture=True).get().livestream == foreign_livestream

    def test_before_it_came_keeps_it_away(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        key = StreamKey.objects.get(is_for_test_picture=True)

        stop_test_picture(livestream=livestream, actor=SYSTEM)

        assert find_test_picture(livestream) is None
        assert publish(_key(livestream), 7) == 403
        test_pictures.send_test_picture(stream_key_id=key.pk)
        assert not _is_sending()

    def test_lets_any_other_encoder_be(self, livestream: Livestream) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        session = connected(livestream)

        stop_test_picture(livestream=livestream, actor=SYSTEM)

        session.refresh_from_db()
        assert session.is_open


class TestOtherEncoders:
    def test_take_the_place_of_a_test_picture(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        publish(_key(livestream), 7)
        test_session = Session.objects.get()

        assert publish(livestream.stream_key, 8) == 302

        test_session.refresh_from_db()
        assert test_session.end_reason == "test_picture_replaced"
        assert not Session.objects.open().get().has_test_picture()

    def test_are_never_replaced_by_one(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)
        session = connected(livestream)

        assert publish(_key(livestream), 8) == 403

        session.refresh_from_db()
        assert session.is_open

    def test_reset_of_the_key_ends_a_test_picture_too(self, livestream: Livestream, publish: Publish) -> None:
        start_test_picture(livestream=livestream, actor=SYSTEM)

        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        assert publish(_key(livestream), 7) == 403
