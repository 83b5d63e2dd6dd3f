"""The page of a streamer who is no member, and who may make the link to it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from livehub.core.links import token_for
from streams.livestreams import streamer_links
from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.livestreams.services import change_livestream, delete_livestream
from streams.livestreams.streamer_links import LINK_PURPOSE, find_link, make_link, withdraw_link
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.models import AuditEntry, Connection, Lease, Livestream, Session
from streams.organizations import members
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import get_html, squeezed
from tests.runs import finished

pytestmark = pytest.mark.django_db
_FAULT = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3)


def _token(livestream: Livestream, *, shows_key: bool = False) -> str:
    link = make_link(livestream=livestream, shows_key=shows_key, actor=SYSTEM)
    return urlsplit(streamer_links.address_of(link)).fragment


def _ask(token: str) -> Any:
    return Client().get("/streamer/state", headers={"Authorization": f"Bearer {token}"})


def _html(token: str) -> str:
    answer = _ask(token)
    assert answer.status_code == 200
    return squeezed(answer.content.decode())


class TestState:
    def test_tells_what_arrives_and_what_mends_it(self, live: Session) -> None:
        note_findings(Lease.objects.get(), [DatedFault(_FAULT, clock.now())])
        Connection.objects.update(measured={"fps": 29.97, "video_kbps": 2870, "gop_s": 8.3})

        html = _html(_token(live.livestream))

        assert str(live.livestream) in html
        assert '<span class="pill live" data-testid="status">Live</span>' in html
        assert "2.9 Mbit/s" in html
        assert "29.97 fps" in html
        assert "<b>Warning</b>Key frames come only every 8.3 s, so viewers wait longer for the picture." in html
        assert "OBS: Set Settings &gt; Output &gt; Keyframe Interval to 2 s" in html
        assert "ffmpeg: Add -g with twice the frame rate" in html
        # Whoever has an encoder to mend opens nothing first.
        assert "<details" not in html

    def test_says_that_nothing_comes_and_keeps_what_was_wrong(self, live: Session) -> None:
        note_findings(Lease.objects.get(), [DatedFault(_FAULT, clock.now())])
        finished(live)

        html = _html(_token(live.livestream))

        assert "Nothing comes from your encoder." in html
        assert "What was wrong when the encoder sent last" in html

    def test_of_one_that_was_never_sent_to_is_known_as_such(self, livestream: Livestream) -> None:
        html = _html(_token(livestream))

        assert "Nothing comes from your encoder." in html
        assert "Shown while your encoder sends" in html

    def test_has_the_key_only_where_the_operator_wanted_it(self, livestream: Livestream) -> None:
        key = livestream.stream_key

        assert key not in _html(_token(livestream))
        assert key in _html(_token(livestream, shows_key=True))

    def test_is_kept_by_no_cache_and_costs_few_queries(self, live: Session) -> None:
        token = _token(live.livestream)

        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = _ask(token)

        assert answer.headers["Cache-Control"] == "private, no-store"
        assert len(asked) <= 5

    def test_names_no_member_and_no_organization(self, live: Session) -> None:
        html = _html(_token(live.livestream))

        assert str(live.livestream.app.organization) not in html
        assert str(live.livestream.app_id) not in html


class TestLink:
    def test_opens_nothing_once_it_is_withdrawn(self, livestream: Livestream) -> None:
        token = _token(livestream)

        withdraw_link(livestream=livestream, actor=SYSTEM)
        withdraw_link(livestream=livestream, actor=SYSTEM)

        answer = _ask(token)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (410, "private, no-store")
        assert str(livestream) not in answer.content.decode()
        assert AuditEntry.objects.filter(action="livestream.streamer_link_withdrawn").count() == 1

    def test_opens_nothing_once_it_has_expired(self, browser: Client, livestream: Livestream) -> None:
        here = f"/livestreams/{livestream.pk}/streamer-link"
        assert browser.post(here, {"lasts_days": "7"}).status_code == 303
        link = find_link(livestream)
        assert link is not None
        assert link.expires_at is not None
        assert link.expires_at - link.created_at == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))
        token = urlsplit(streamer_links.address_of(link)).fragment
        assert _ask(token).status_code == 200
        told = AuditEntry.objects.get(action="livestream.streamer_link_created").detail
        assert told == {"shows_key": False, "expires_at": clock.isoformat(link.expires_at)}

        link.expires_at = clock.now()
        link.save()

        assert _ask(token).status_code == 410
        assert "Create link" in get_html(browser, here)
        # Nor does it stand in the way of another one.
        assert _ask(_token(livestream)).status_code == 200

    def test_of_a_time_that_there_is_not_is_not_made(self, browser: Client, livestream: Livestream) -> None:
        assert browser.post(f"/livestreams/{livestream.pk}/streamer-link", {"lasts_days": "9999"}).status_code == 422

        assert find_link(livestream) is None

    def test_takes_the_place_of_the_one_before(self, livestream: Livestream) -> None:
        first, second = _token(livestream), _token(livestream)

        assert (_ask(first).status_code, _ask(second).status_code) == (410, 200)

    def test_goes_with_its_livestream(self, livestream: Livestream) -> None:
        token = _token(livestream)

        delete_livestream(livestream=livestream, actor=SYSTEM)

        assert _ask(token).status_code == 410

    def test_says_that_encoders_are_refused(self, livestream: Livestream) -> None:
        token = _token(livestream)

        change_livestream(livestream=livestream, actor=SYSTEM, disabled=True)

        assert "Encoders are refused at the moment." in _html(token)

    @pytest.mark.parametrize("bad", ["", "nonsense", "\u00e4:b"])
    def test_cannot_be_guessed(self, livestream: Livestream, bad: str) -> None:
        _token(livestream)
        link = find_link(livestream)
        assert link is not None

        for token in (bad, link.pk.hex, token_for(link.pk, purpose=members.LINK_PURPOSE)):
            assert _ask(token).status_code == 410
        assert _ask(token_for(link.pk, purpose=LINK_PURPOSE)).status_code == 200

    def test_answers_no_more_pages_than_a_streamer_has(
        self, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.livestreams.streamer_links._REQUESTS", 3)
        token = _token(livestream)

        answers = [_ask(token) for _ in range(5)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 300
        # Another link is another one's.
        assert _ask(_token(livestream)).status_code == 200


class TestPage:
    def test_is_the_same_for_everybody_and_holds_nothing(self, livestream: Livestream) -> None:
        _token(livestream, shows_key=True)

        answer = Client().get("/streamer")

        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert str(livestream) not in answer.content.decode()


class TestOperator:
    def test_makes_copies_and_withdraws_a_link(self, browser: Client, livestream: Livestream) -> None:
        here = f"/livestreams/{livestream.pk}/streamer-link"
        assert here in get_html(browser, f"/livestreams/{livestream.pk}")
        assert "Create link" in get_html(browser, here)

        assert browser.post(here, {"shows_key": "on"}).status_code == 303

        link = find_link(livestream)
        assert link is not None
        assert link.shows_key
        html = get_html(browser, here)
        assert streamer_links.address_of(link) in html
        assert "and the stream key" in html
        assert livestream.stream_key not in html
        assert AuditEntry.objects.get(action="livestream.streamer_link_created").detail == {"shows_key": True}
        browser.post(f"{here}/withdraw")
        assert find_link(livestream) is None

    def test_sees_nothing_of_another_organizations(self, browser: Client, foreign_livestream: Livestream) -> None:
        make_link(livestream=foreign_livestream, shows_key=False, actor=SYSTEM)
        here = f"/livestreams/{foreign_livestream.pk}/streamer-link"

        assert browser.get(here).status_code == 404
        assert browser.post(here).status_code == 404
        assert browser.post(f"{here}/withdraw").status_code == 404
        assert find_link(foreign_livestream) is not None
