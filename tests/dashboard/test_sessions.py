"""The page of one broadcast."""

from collections.abc import Callable

import pytest
from django.test import Client

from livehub.core import clock
from streams.livestreams import repeats
from streams.livestreams.services import end_broadcast
from streams.livestreams.states import EventKind
from streams.models import Lease, Livestream, Session, SessionEvent, User
from streams.organizations.services import Actor
from tests import runs
from tests.dashboard.conftest import get_html, squeezed

pytestmark = pytest.mark.django_db


def _address(session: Session) -> str:
    return f"/livestreams/{session.livestream_id}/sessions/{session.pk}"


def test_tells_who_ended_it_and_what_happened(browser: Client, live: Session, owner: User) -> None:
    runs.taken_in(live, media_ms=83_000)
    repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")
    end_broadcast(livestream=live.livestream, actor=Actor(user=owner))

    html = squeezed(get_html(browser, _address(live)))

    assert f'<b>Ended</b><span class="muted">by {owner.email}</span>' in html
    assert "The disk answers too slowly." in html
    assert "<dt>Received</dt><dd>1 min 23 s</dd>" in html
    assert "203.0.113.24" in html


def test_shows_the_latest_of_a_long_story(browser: Client, live: Session) -> None:
    assert "is not shown here" not in get_html(browser, _address(live))
    SessionEvent.objects.bulk_create(
        SessionEvent(session=live, kind=EventKind.RESUMED, at=clock.now(), reason=f"step {number};")
        for number in range(300)
    )

    for address in (_address(live), f"/livestreams/{live.livestream_id}"):
        html = get_html(browser, address)
        assert "step 299;" in html
        assert "step 199;" not in html
        assert "What happened before that is not shown here." in html


def test_says_what_went_wrong(browser: Client, livestream: Livestream) -> None:
    session = runs.connected(livestream)
    runs.failed(session, message="Set the encoder's video codec to H.264.")

    html = get_html(browser, _address(session))

    assert "Set the encoder&#x27;s video codec to H.264." in html
    assert "never" in html


def test_every_row_of_the_list_leads_there(browser: Client, live: Session) -> None:
    for address in (f"/livestreams/{live.livestream_id}", f"/livestreams/{live.livestream_id}/sessions"):
        assert f'href="{_address(live)}"' in get_html(browser, address)


def test_another_livestreams_or_tenants_is_not_found(
    browser: Client, live: Session, stranger: User, foreign_livestream: Livestream, log_in: Callable[[User], Client]
) -> None:
    assert log_in(stranger).get(_address(live)).status_code == 404
    assert browser.get(f"/livestreams/{foreign_livestream.pk}/sessions/{live.pk}").status_code == 404
    assert log_in(stranger).get(f"/livestreams/{foreign_livestream.pk}/sessions/{live.pk}").status_code == 404


def test_sends_only_what_changes_to_htmx(browser: Client, live: Session) -> None:
    html = get_html(browser, _address(live), HX_Request="true")

    assert "<html" not in html
    assert html.count("hx-swap-oob") == 1
