"""How pages tell of an encoder that is waited for, of one that is turned away, and of the settings of both."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now
from django.test import Client

from livehub.core import clock
from streams.livestreams import leases, services
from streams.livestreams.states import EndReason, EventKind
from streams.models import Lease, Livestream, Session, SessionEvent
from streams.organizations.quotas import OwnQuotas, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed
from tests.runs import claimed, connected

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(live: Session) -> Session:
    """One whose encoder has dropped."""
    services.change_livestream(livestream=live.livestream, reconnect_window_s=60, actor=SYSTEM)
    leases.mark_away(Lease.objects.get(), reason=EndReason.ENCODER_STOPPED)
    return live


class TestReconnecting:
    def test_shows_the_time_left_and_what_happened(self, browser: Client, waiting: Session) -> None:
        html = squeezed(get_html(browser, f"/livestreams/{waiting.livestream_id}"))

        assert '<span class="pill warn" data-testid="status">Reconnecting</span>' in html
        assert 'data-time="left">until ' in html
        assert "<b>The encoder dropped.</b>" in html
        assert "<b>Reconnecting</b>Encoder stopped; it is waited for 1 minute" in html
        assert 'data-testid="end-broadcast"' in html

    def test_says_when_the_encoder_is_there_and_its_picture_is_not(self, browser: Client, waiting: Session) -> None:
        connected(waiting.livestream)

        html = squeezed(get_html(browser, f"/livestreams/{waiting.livestream_id}"))

        assert "<b>The encoder is back.</b>" in html
        assert "<b>Encoder connected</b>It is back after 0 seconds" in html

    def test_is_no_interruption_when_another_worker_waits_on(self, browser: Client, waiting: Session) -> None:
        Lease.objects.update(until=Now() - timedelta(seconds=1))
        claimed(waiting, worker="second")

        html = squeezed(get_html(browser, f"/livestreams/{waiting.livestream_id}"))

        assert '<span class="pill warn" data-testid="status">Reconnecting</span>' in html
        assert "<b>The encoder dropped.</b>" in html
        assert "<b>Interrupted</b>A part of LiveHub stopped" in html

    def test_is_on_air_wherever_that_is_told(self, browser: Client, waiting: Session) -> None:
        overview = squeezed(get_html(browser, "/"))

        assert '<dd data-testid="live-count">1<small>of 1</small></dd>' in overview
        assert "Reconnecting" in overview
        assert str(waiting.livestream) in get_html(browser, "/livestreams?status=reconnecting")
        assert str(waiting.livestream) not in get_html(browser, "/livestreams?status=live").partition("<tbody>")[2]

    def test_is_counted_down_wherever_it_is_shown(self, browser: Client, waiting: Session) -> None:
        row = squeezed(get_html(browser, "/livestreams")).partition("<tbody>")[2]
        broadcast = squeezed(get_html(browser, f"/livestreams/{waiting.livestream_id}/sessions/{waiting.pk}"))
        overview = squeezed(get_html(browser, "/"))

        assert row.count('data-time="left">until ') == 1
        assert broadcast.count('data-time="left">until ') == 1
        card, _, trouble = overview.partition("Needs a hand")
        assert 'data-time="left">until ' in card
        assert 'data-time="left">until ' in trouble
        assert "If it does not come back in time, the broadcast ends." in trouble

    def test_stands_above_what_is_over_where_something_is_to_be_done(
        self, browser: Client, waiting: Session, home: NewOrganization
    ) -> None:
        for name in "abcdefg":
            services.create_livestream(app=home.app, name=f"Refused {name}", actor=SYSTEM)
        Livestream.objects.filter(name__startswith="Refused").update(
            refused_publishes=1, last_refusal="No.", last_refused_at=clock.now()
        )

        trouble = squeezed(get_html(browser, "/")).partition("Needs a hand")[2]

        assert trouble.index("The encoder dropped.") < trouble.index("No.")


class TestQueue:
    def test_is_why_the_overview_shows_no_picture(self, browser: Client, livestream: Livestream) -> None:
        session = connected(livestream)
        assert "Waits for a free place" not in get_html(browser, "/")

        SessionEvent.objects.create(session=session, kind=EventKind.QUEUED, at=clock.now())

        assert "Waits for a free place" in get_html(browser, "/")


class TestManyOnAir:
    def test_says_how_many_more_there_are_than_the_overview_shows(
        self, browser: Client, home: NewOrganization, settings: LazySettings
    ) -> None:
        settings.MAX_SESSIONS_PER_ORGANIZATION = 20
        for number in range(12):
            connected(services.create_livestream(app=home.app, name=f"Room {number}", actor=SYSTEM))
        assert "more on air" not in get_html(browser, "/")

        connected(services.create_livestream(app=home.app, name="Room 13", actor=SYSTEM))

        assert "1 more on air: show all livestreams, live first" in get_html(browser, "/")


class TestEnding:
    @pytest.mark.parametrize(
        ("hold_s", "told"),
        [
            (300, "Encoders are turned away for 5 minutes, or until you let them in."),
            (0, "Encoders are let in again at once: one that comes back by itself begins another broadcast."),
        ],
    )
    def test_says_before_for_how_long_encoders_are_turned_away(
        self, browser: Client, live: Session, hold_s: int, told: str
    ) -> None:
        services.change_livestream(livestream=live.livestream, end_hold_s=hold_s, actor=SYSTEM)

        assert told in get_html(browser, f"/livestreams/{live.livestream_id}/end", **HTMX)

    def test_cuts_no_encoder_that_is_away(self, browser: Client, waiting: Session) -> None:
        html = get_html(browser, f"/livestreams/{waiting.livestream_id}/end", **HTMX)

        assert "waits for its encoder: viewers see the end" in html
        assert "the encoder is cut" not in html


class TestStandby:
    def test_is_begun_with_a_button_where_there_is_a_slate(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"
        assert 'data-testid="start-with-slate"' not in get_html(browser, address)
        services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
        assert 'data-testid="start-with-slate"' in get_html(browser, address)

        browser.post(f"{address}/start")

        html = squeezed(get_html(browser, address))
        assert '<span class="pill warn" data-testid="status">Standby</span>' in html
        assert "<b>Waiting for the encoder.</b>" in html
        assert "<b>Starting with the slate</b>" in html
        assert "data-playable" not in html
        # That is the slate's.
        assert "1280" not in html.partition('id="livestream-source-')[2].partition("</dl>")[0]
        assert 'data-time="left">until ' in html
        assert 'data-testid="end-broadcast"' in html
        assert 'data-testid="start-with-slate"' not in html

    def test_says_what_viewers_see(self, browser: Client, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
        services.activate_livestream(livestream=livestream, actor=SYSTEM)
        leases.mark_live(claimed(Session.objects.get()), has_encoder=False)

        html = squeezed(get_html(browser, f"/livestreams/{livestream.pk}"))

        assert "<b>Waiting for the encoder; viewers see the slate.</b>" in html
        assert "data-playable" in html
        assert "<b>Slate on air</b>Viewers see the slate until the encoder comes" in html
        connected(livestream)
        assert "<b>The encoder is connected.</b>" in squeezed(get_html(browser, f"/livestreams/{livestream.pk}"))

    def test_says_why_it_cannot_begin(self, browser: Client, livestream: Livestream, home: NewOrganization) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
        set_quotas(organization=home.organization, quotas=OwnQuotas(sessions=0), actor=SYSTEM)

        answer = browser.post(f"/livestreams/{livestream.pk}/start", follow=True)

        assert "has 0 of 0 broadcasts on air" in answer.content.decode()
        assert not Session.objects.exists()

    def test_is_not_offered_while_encoders_are_refused(self, browser: Client, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=60, disabled=True, actor=SYSTEM)

        assert 'data-testid="start-with-slate"' not in get_html(browser, f"/livestreams/{livestream.pk}")


class TestHold:
    def test_tells_how_long_encoders_are_turned_away(self, browser: Client, live: Session) -> None:
        address = f"/livestreams/{live.livestream_id}"
        services.change_livestream(livestream=live.livestream, end_hold_s=300, actor=SYSTEM)

        browser.post(f"{address}/end")

        html = get_html(browser, address)
        assert 'data-testid="held"' in html
        assert 'data-testid="let-in"' in html
        held_until = Livestream.objects.get().held_until
        assert held_until is not None
        assert (held_until - clock.now()).total_seconds() > 240

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_ends_when_somebody_lets_the_encoder_in(
        self, browser: Client, livestream: Livestream, headers: dict[str, str]
    ) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(minutes=1), actor=SYSTEM)
        address = f"/livestreams/{livestream.pk}"

        answer = browser.post(f"{address}/let-in", headers=headers)

        assert answer.status_code == (200 if headers else 303)
        assert not Livestream.objects.get().is_held
        assert 'data-testid="held"' not in get_html(browser, address)

    def test_is_over_by_itself(self, browser: Client, livestream: Livestream) -> None:
        Livestream.objects.update(held_until=clock.now() - timedelta(seconds=1))

        assert 'data-testid="held"' not in get_html(browser, f"/livestreams/{livestream.pk}")


class TestSettings:
    def test_tell_of_an_end_that_comes_by_itself(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"
        assert "Longest time on air" not in get_html(browser, address)

        services.change_livestream(livestream=livestream, max_runtime_s=7200, actor=SYSTEM)

        assert "Ends by itself after 2 hours" in get_html(browser, address)

    def test_are_changed_and_told(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"
        shown = get_html(browser, f"{address}/broadcast", **HTMX)
        assert "End the broadcast at once" in shown

        said = {
            "reconnect_window_s": "300",
            "while_away": "nothing",
            "duplicate_publisher": "replace",
            "end_hold_s": "0",
        }
        answer = browser.post(f"{address}/broadcast", {**remembered(shown), **said})

        assert answer["Location"] == address
        html = squeezed(get_html(browser, address))
        assert "It is waited for 5 minutes" in html
        assert "Nothing: players run out of video and wait" in html
        assert "Takes over" in html
        assert "Encoders are let in again at once" in html

    def test_hold_the_last_picture(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"
        shown = get_html(browser, f"{address}/broadcast", **HTMX)
        assert "Hold the last picture" in shown

        said = {
            "reconnect_window_s": "60",
            "while_away": "hold",
            "duplicate_publisher": "reject",
            "end_hold_s": "60",
        }
        answer = browser.post(f"{address}/broadcast", {**remembered(shown), **said})

        assert answer["Location"] == address
        assert Livestream.objects.get().while_away == "hold"
        html = squeezed(get_html(browser, address))
        assert "The last picture stands still; the slate if it is not to be had" in html
        # It may have to be shown all the same.
        assert f'src="{address}/slate/image"' in html

    @pytest.mark.parametrize(("before", "chosen", "expected"), [(None, "7200", 7200), (7200, "", None)])
    def test_have_a_longest_time_on_air(
        self, browser: Client, livestream: Livestream, before: int | None, chosen: str, expected: int | None
    ) -> None:
        services.change_livestream(livestream=livestream, max_runtime_s=before, actor=SYSTEM)
        shown = get_html(browser, f"/livestreams/{livestream.pk}/broadcast", **HTMX)
        assert "No limit" in shown
        assert "End after 2 hours" in shown
        said = {
            "reconnect_window_s": "0",
            "while_away": "slate",
            "duplicate_publisher": "reject",
            "end_hold_s": "60",
            "max_runtime_s": chosen,
        }

        answer = browser.post(f"/livestreams/{livestream.pk}/broadcast", {**remembered(shown), **said})

        assert answer.status_code == 303
        assert Livestream.objects.get().max_runtime_s == expected

    def test_that_others_change_meanwhile_stay(self, browser: Client, livestream: Livestream) -> None:
        shown = remembered(get_html(browser, f"/livestreams/{livestream.pk}/broadcast"))
        services.change_livestream(livestream=livestream, while_away="hold", actor=SYSTEM)
        said = {"while_away": "slate", "duplicate_publisher": "reject", "end_hold_s": "300"}

        browser.post(
            f"/livestreams/{livestream.pk}/broadcast",
            {**shown, "reconnect_window_s": shown["initial-reconnect_window_s"], **said},
        )

        changed = Livestream.objects.get()
        assert (changed.while_away, changed.end_hold_s) == ("hold", 300)

    def test_that_a_program_has_chosen_are_offered(self, browser: Client, livestream: Livestream) -> None:
        services.change_livestream(
            livestream=livestream, reconnect_window_s=47, end_hold_s=7, max_runtime_s=5400, actor=SYSTEM
        )

        shown = get_html(browser, f"/livestreams/{livestream.pk}/broadcast")

        assert "Wait 47 seconds for it" in shown
        assert "Turn encoders away for 7 seconds" in shown
        assert "End after 90 minutes" in shown

    def test_that_are_no_choice_are_refused(self, browser: Client, livestream: Livestream) -> None:
        said = {"reconnect_window_s": "9999", "duplicate_publisher": "both", "end_hold_s": "60"}

        assert browser.post(f"/livestreams/{livestream.pk}/broadcast", said).status_code == 422
        assert Livestream.objects.get().reconnect_window_s == 0
