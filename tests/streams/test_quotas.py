"""No organization takes more than it may, however many of its encoders come at the same moment."""

import base64
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from streams.livestreams import repeats
from streams.livestreams.advice import advise
from streams.livestreams.bitrate import BitrateExceededError, BitrateWatch
from streams.livestreams.services import create_livestream
from streams.livestreams.states import EndReason, SessionStatus
from streams.models import App, AuditEntry, Connection, Livestream, Organization, Session
from streams.organizations.quotas import OwnQuotas, QuotaExceededError, Quotas, quotas_of, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization, create_organization
from tests.runs import claimed, connected, ended
from tests.streams.races import publish

_HANG_S = 30
# Sooner than PostgreSQL itself gives up.
_MOST_S = 2.8
_ROUNDS = 10


def _streams(home: NewOrganization, count: int) -> list[Livestream]:
    return [create_livestream(app=home.app, name=f"Stage {number}", actor=SYSTEM) for number in range(count)]


def _allow(home: NewOrganization, **quotas: int | None) -> None:
    set_quotas(organization=home.organization, quotas=OwnQuotas(**quotas), actor=SYSTEM)


def _at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment, each on a connection of its own; return what each returned or raised."""
    barrier, told = threading.Barrier(len(deeds), timeout=_HANG_S), list[Any]()

    def do(deed: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            told.append(deed())
        except QuotaExceededError as error:
            told.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(deed,), daemon=True) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_HANG_S)
        assert not thread.is_alive()
    return told


@pytest.mark.django_db
class TestQuotasOf:
    def test_lets_an_only_organization_use_all_slots(self, home: NewOrganization, settings: LazySettings) -> None:
        settings.MAX_SESSIONS_PER_ORGANIZATION = 0
        settings.LIVE_SLOTS = 8

        assert quotas_of(home.organization).sessions == 8
        create_organization(name="Fabrikam", email="owner@fabrikam.example")
        assert quotas_of(home.organization).sessions == 6

    def test_lets_each_of_several_have_one_broadcast_however_few_the_slots(
        self, home: NewOrganization, abroad: NewOrganization, settings: LazySettings
    ) -> None:
        settings.MAX_SESSIONS_PER_ORGANIZATION = 0
        settings.LIVE_SLOTS = 1

        assert [quotas_of(each.organization).sessions for each in (home, abroad)] == [1, 1]

    def test_goes_by_the_setting_and_before_it_by_the_organizations_own(
        self, home: NewOrganization, settings: LazySettings
    ) -> None:
        settings.MAX_SESSIONS_PER_ORGANIZATION = 3
        assert quotas_of(home.organization).sessions == 3

        call_command("set_quotas", organization=home.organization.pk, sessions=5, stdout=StringIO())

        organization = Organization.objects.get()
        assert (quotas_of(organization).sessions, organization.max_livestreams) == (5, None)
        entry = AuditEntry.objects.get(action="organization.quotas_set")
        assert entry.detail == {"sessions": 5, "livestreams": None, "broadcast_kbps": None}
        told = StringIO()
        argument = f"--organization={organization.pk}"
        call_command("set_quotas", argument, "--sessions=default", "--broadcast-kbps=8000", stdout=told)
        assert "3 broadcasts on air at once" in told.getvalue()
        assert "8000 kbit/s" in told.getvalue()

    def test_of_none_at_all_are_no_defaults(self, home: NewOrganization) -> None:
        _allow(home, sessions=0, livestreams=0, broadcast_kbps=0)

        assert quotas_of(Organization.objects.get()) == Quotas(sessions=0, livestreams=0, broadcast_kbps=0)

    def test_refuses_what_cannot_be_meant(self, home: NewOrganization) -> None:
        with pytest.raises(ValidationFailedError):
            _allow(home, sessions=-1)
        with pytest.raises(CommandError, match="Choose a number"):
            call_command("set_quotas", f"--organization={home.organization.pk}", "--sessions=99999999999")
        with pytest.raises(CommandError, match="No organization"):
            call_command("set_quotas", "--organization=00000000-0000-0000-0000-000000000000")


@pytest.mark.django_db
class TestSessions:
    def test_refuses_one_more_and_says_so_on_its_livestream(self, home: NewOrganization) -> None:
        first, second = _streams(home, 2)
        _allow(home, sessions=1)
        session = connected(first)

        status, words = publish(second.stream_key)

        assert status == 403
        sentence = "Your organization has 1 of 1 broadcasts on air. End one, then try again."
        assert words == sentence
        second.refresh_from_db()
        assert (second.refused_publishes, second.last_refusal) == (1, sentence)
        ended(session)
        assert publish(second.stream_key)[0] == 302

    def test_is_not_used_up_by_others(self, home: NewOrganization, abroad: NewOrganization) -> None:
        _allow(home, sessions=1)
        (theirs,) = _streams(abroad, 1)
        connected(theirs)
        (own,) = _streams(home, 1)

        assert publish(own.stream_key)[0] == 302

    def test_counts_an_encoder_that_comes_back_once(self, home: NewOrganization) -> None:
        (livestream,) = _streams(home, 1)
        _allow(home, sessions=1)
        session = connected(livestream)
        Connection.objects.filter(session=session).update(disconnected_at=clock.now())

        assert publish(livestream.stream_key)[0] == 302
        assert Session.objects.open().count() == 1

    def test_does_not_count_an_encoder_that_has_left(self, home: NewOrganization) -> None:
        first, second = _streams(home, 2)
        _allow(home, sessions=1)
        claimed(connected(first))
        Connection.objects.update(disconnected_at=clock.now())

        assert publish(second.stream_key)[0] == 302


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.usefixtures("broker")
    def test_publishes_do_not_exceed_the_quota(self, home: NewOrganization) -> None:
        keys = [stream.stream_key for stream in _streams(home, 4)]

        for _ in range(_ROUNDS):
            _allow(home, sessions=1)
            told = _at_once(*(partial(publish, key) for key in keys))
            first, *others = sorted(status for status, _ in told)
            # 503 for who waited too long for those in front, on a busy machine.
            assert first == 302
            assert set(others) <= {403, 503}
            ended(Session.objects.open().get())

    @pytest.mark.usefixtures("broker")
    def test_livestreams_do_not_exceed_the_quota(self, home: NewOrganization) -> None:
        create = partial(create_livestream, app=home.app, name="Stage", actor=SYSTEM)

        for number in range(_ROUNDS):
            _allow(home, livestreams=number + 1)
            _at_once(create, create)
            assert Livestream.objects.count() == number + 1

    @pytest.mark.usefixtures("broker")
    def test_an_encoder_has_its_answer_while_somebody_counts_for_long(self, home: NewOrganization) -> None:
        (livestream,) = _streams(home, 1)
        key = livestream.stream_key
        parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
        with psycopg.connect(**parameters) as other:
            other.execute("SELECT 1 FROM streams_organization FOR NO KEY UPDATE")
            began_at = time.monotonic()
            status, _ = publish(key)

        assert status == 503
        assert time.monotonic() - began_at < _MOST_S
        assert publish(key)[0] == 302


@pytest.mark.django_db
class TestLivestreams:
    def test_counts_those_of_all_its_apps_and_of_no_other_organization(
        self, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        _allow(home, livestreams=2)
        _streams(abroad, 3)
        _streams(home, 1)
        second = App.objects.create(organization=home.organization, name="Second")

        create_livestream(app=second, name="Stage", actor=SYSTEM)

        with pytest.raises(QuotaExceededError, match=r"has 2 livestreams, and its limit is 2\. Delete 1 first\."):
            create_livestream(app=home.app, name="Stage", actor=SYSTEM)

    def test_says_how_many_there_are_when_the_limit_was_lowered(self, home: NewOrganization) -> None:
        _streams(home, 3)
        _allow(home, livestreams=1)

        with pytest.raises(QuotaExceededError, match=r"has 3 livestreams, and its limit is 1\. Delete 3 first\."):
            create_livestream(app=home.app, name="Stage", actor=SYSTEM)

    def test_refuses_one_more_to_programs(self, home: NewOrganization, client: Client) -> None:
        _allow(home, livestreams=0)

        for path, authorization in (
            ("/v2/livestreams", f"Basic {_basic(home)}"),
            (
                f"/client/v4/accounts/{home.organization.pk.hex}/realtime/kit/{home.app.pk.hex}/livestreams",
                f"Bearer {home.api_token}",
            ),
        ):
            response = client.post(
                path,
                json.dumps({"name": "Keynote"}),
                content_type="application/json",
                headers={"Authorization": authorization},
            )
            assert response.status_code == 422, response.content
            body = response.json()
            assert body["success"] is False
            assert body["error"]["type"] == "quota_exceeded"
            assert "has 0 livestreams, and its limit is 0" in json.dumps(body)
        assert not Livestream.objects.exists()


class TestBitrate:
    def test_bears_a_short_excess(self) -> None:
        watch, received_bytes = BitrateWatch(1000), 0
        for second in range(100):
            watch.note(now_s=second, received_bytes=received_bytes)
            received_bytes += (5000 if second % 40 < 2 else 1200) * 125

    def test_does_not_bear_a_long_one(self) -> None:
        watch = BitrateWatch(1000)
        for second in range(30):
            watch.note(now_s=second, received_bytes=second * 200_000)

        with pytest.raises(BitrateExceededError, match=r"sent 1\.6 Mbit/s, and your organization's limit is 1\."):
            watch.note(now_s=30, received_bytes=30 * 200_000)

    @pytest.mark.django_db
    def test_is_told_before(self, home: NewOrganization) -> None:
        (livestream,) = _streams(home, 1)
        session = connected(livestream)
        Session.objects.filter(pk=session.pk).update(source={"audio_codec": "aac", "gop_s": 2.0})
        _allow(home, broadcast_kbps=1000)

        for kbps, count in ((760, 0), (780, 1)):
            Connection.objects.update(measured={"video_kbps": kbps, "audio_kbps": 128, "gop_s": 2.0})
            advice = advise(Session.objects.with_connections().get())
            assert len(advice) == count

        assert advice == [
            "The encoder sends 0.9 Mbit/s, and your organization's limit is 1. "
            "Set the encoder to a lower bitrate: far above that, a broadcast is ended."
        ]


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
class TestRecheck:
    def test_runs_again_at_once_and_says_what_changed(self, session: Session) -> None:
        lease = claimed(session)

        assert repeats.recheck_session(lease, message="The encoder changed its picture to 1280x720.") == 0

        event = session.events.get(kind="source_changed")
        assert event.reason == "The encoder changed its picture to 1280x720."
        assert event.is_interruption
        assert claimed(session, worker="second").epoch == 2

    def test_ends_a_session_whose_encoder_does_not_stop(self, session: Session) -> None:
        delays = []
        for _ in range(5):
            lease = claimed(session)
            delays.append(repeats.recheck_session(lease, message="Changed."))
            session.lease.__class__.objects.update(not_before=None)

        assert delays == [0.0, 0.5, 1.0, 2.0, None]
        session.refresh_from_db()
        assert (session.status, session.end_reason) == (SessionStatus.ERRORED, EndReason.SOURCE_REFUSED)
        assert session.error_message == (
            "The encoder changed its settings 5 times within three minutes. Choose one, then start it again."
        )

    def test_forgets_changes_of_long_ago(self, session: Session) -> None:
        for _ in range(8):
            assert repeats.recheck_session(claimed(session), message="Changed.") == 0
            session.events.update(at=clock.now() - timedelta(minutes=4))


def _basic(home: NewOrganization) -> str:
    return base64.b64encode(f"{home.organization.pk.hex}:{home.api_key}".encode()).decode()
