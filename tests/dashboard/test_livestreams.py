"""The pages of livestreams."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from livehub.core import clock
from streams.livestreams import leases, repeats
from streams.livestreams.services import create_livestream, delete_livestream, disable_livestream
from streams.models import Lease, Livestream, Session
from streams.organizations.quotas import OwnQuotas, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization
from tests import runs
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.runs import claimed, failed, finished


def test_why_a_broadcast_failed_is_said_once_and_stands_in_its_timeline(
    browser: Client, livestream: Livestream
) -> None:
    failed(runs.connected(livestream), message="Switch to H.264.")

    assert get_html(browser, f"/livestreams/{livestream.pk}").count("Switch to H.264.") == 2
    assert "Switch to H.264." in get_html(browser, f"/livestreams/{livestream.pk}/sessions")


class TestOverview:
    def test_without_livestreams_leads_to_the_first_one(self, browser: Client) -> None:
        html = get_html(browser, "/")

        assert "Create your first livestream" in html
        assert "live-count" not in html

    def test_counts_what_is_there(self, browser: Client, home: NewOrganization, live: Session) -> None:
        create_livestream(app=home.app, name="Idle one", actor=SYSTEM)

        html = get_html(browser, "/")

        assert "1 <small>of 2</small>" in html
        for address in ("/", "/livestreams"):
            shown = get_html(browser, address)
            assert f'src="/playback/{live.livestream.playback_id}/thumbnail.jpg"' in shown
            assert f'data-preview="/playback/{live.livestream.playback_id}/preview.webp"' in shown

    def test_has_pictures_of_what_only_some_may_watch(self, browser: Client, live: Session) -> None:
        Livestream.objects.filter(pk=live.livestream_id).update(playback_policy="signed")

        html = get_html(browser, "/")

        for name in ("thumbnail.jpg", "preview.webp"):
            assert re.search(rf'"/playback/t/[\w.-]+/{live.livestream.playback_id}/{name}"', html)

    def test_shows_what_needs_a_hand(self, browser: Client, connected: Session, home: NewOrganization) -> None:
        failed(connected, message="Switch to H.264.")
        refused = create_livestream(app=home.app, name="Refused one", actor=SYSTEM)
        Livestream.objects.filter(pk=refused.pk).update(last_refusal="It is disabled.", last_refused_at=clock.now())

        html = get_html(browser, "/")

        assert "Switch to H.264." in html
        assert "It is disabled." in html

    def test_knows_nothing_of_another_organization(
        self, browser: Client, livestream: Livestream, foreign_livestream: Livestream
    ) -> None:
        before = get_html(browser, "/", **HTMX)

        failed(runs.connected(foreign_livestream), message="Theirs.")
        finished(runs.connected(foreign_livestream), media_ms=3_600_000)
        refusal = {"last_refusal": "Theirs.", "last_refused_at": clock.now()}
        Livestream.objects.filter(pk=foreign_livestream.pk).update(**refusal)
        runs.connected(foreign_livestream)

        assert get_html(browser, "/", **HTMX) == before

    def test_counts_broadcasts_of_the_last_day(self, browser: Client, livestream: Livestream) -> None:
        for age in (timedelta(hours=23), timedelta(hours=25)):
            session = runs.connected(livestream)
            failed(session, message="Switch to H.264.")
            Session.objects.filter(pk=session.pk).update(created_at=clock.now() - age)

        html = squeezed(get_html(browser, "/"))

        assert "<dt>Broadcasts, 24 h</dt><dd>1</dd>" in html
        assert '<dt>Failed, 24 h</dt><dd class="bad">1</dd>' in html

    def test_claims_nothing_that_its_own_count_denies(self, browser: Client, livestream: Livestream) -> None:
        failed(runs.connected(livestream), message="Switch to H.264.")
        finished(runs.connected(livestream))

        html = squeezed(get_html(browser, "/"))

        assert '<dt>Failed, 24 h</dt><dd class="bad">1</dd>' in html
        assert "All well: no encoder is away or sends what is faulty, no livestream has failed" in html

    def test_leads_from_a_recent_broadcast_to_its_own_page(self, browser: Client, livestream: Livestream) -> None:
        session = runs.connected(livestream)
        finished(session)

        page = f"/livestreams/{livestream.pk}/sessions/{session.pk}"
        assert f'<a class="recent" href="{page}">' in get_html(browser, "/")

    def test_forgets_what_is_deleted(self, browser: Client, home: NewOrganization, livestream: Livestream) -> None:
        create_livestream(app=home.app, name="Idle one", actor=SYSTEM)
        failed(runs.connected(livestream), message="Switch to H.264.")
        delete_livestream(livestream=livestream, actor=SYSTEM)

        html = squeezed(get_html(browser, "/", **HTMX))

        assert livestream.name not in html
        assert "<dt>Broadcasts, 24 h</dt><dd>0</dd>" in html
        assert "All well" in html

    def test_does_not_ask_for_a_hand_with_what_is_disabled(self, browser: Client, livestream: Livestream) -> None:
        failed(runs.connected(livestream), message="Switch to H.264.")
        disable_livestream(livestream=livestream, actor=SYSTEM)

        assert "All well" in get_html(browser, "/")

    def test_forgets_old_refusals(self, browser: Client, livestream: Livestream) -> None:
        Livestream.objects.update(last_refusal="It is disabled.", last_refused_at=clock.now() - timedelta(days=2))

        assert "It is disabled." not in get_html(browser, "/")

    def test_is_a_fragment_for_htmx(self, browser: Client, livestream: Livestream) -> None:
        html = get_html(browser, "/", **HTMX)

        assert html.count("hx-swap-oob") == 1
        assert "<html" not in html


class TestList:
    def test_costs_the_same_for_many(
        self, browser: Client, home: NewOrganization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            create_livestream(app=home.app, name=f"Camera {number:02d}", actor=SYSTEM)

        # Session and user, membership; then apps, total, those not idle, those disabled, page.
        with django_assert_num_queries(8):
            html = get_html(browser, "/livestreams")

        assert "1\u201325 of 30" in html
        assert "26\u201330 of 30" in get_html(browser, "/livestreams?page=2")
        assert "26\u201330 of 30" in get_html(browser, "/livestreams?page=99")

    def test_searches_filters_and_sorts(self, browser: Client, home: NewOrganization, live: Session) -> None:
        other = create_livestream(app=home.app, name="Aardvark 100%", actor=SYSTEM)
        disable_livestream(livestream=other, actor=SYSTEM)

        assert "Aardvark" not in get_html(browser, "/livestreams?q=keynote")
        assert "Aardvark" in get_html(browser, f"/livestreams?q={other.playback_id}")
        assert "Aardvark" in get_html(browser, f"/livestreams?q={other.pk}")
        assert "Aardvark" not in get_html(browser, "/livestreams?status=live")
        assert "keynote" not in get_html(browser, "/livestreams?status=disabled")
        for sort, first in (
            ("name", "Aardvark"),
            ("oldest", "Autumn"),
            ("last_live", "Autumn"),
            ("newest", "Aardvark"),
            ("", "Autumn"),
        ):
            html = get_html(browser, f"/livestreams?sort={sort}")
            assert (html.index("Aardvark") < html.index("Autumn keynote")) == (first == "Aardvark"), sort

    @pytest.mark.parametrize("query", ["", "?q=Contoso", "?status=idle"])
    def test_holds_nothing_of_another_organization_or_deleted(
        self, browser: Client, home: NewOrganization, foreign_livestream: Livestream, query: str
    ) -> None:
        for name in ("Contoso and us", "Contoso left"):
            create_livestream(app=home.app, name=name, actor=SYSTEM)
        delete_livestream(livestream=Livestream.objects.get(name="Contoso left"), actor=SYSTEM)
        Livestream.objects.filter(pk=foreign_livestream.pk).update(created_at=clock.now() + timedelta(hours=1))

        html = get_html(browser, f"/livestreams{query}", **HTMX)

        assert "Contoso and us" in html
        assert "Contoso left" not in html
        assert foreign_livestream.name not in html

    @pytest.mark.parametrize(
        "query", ["q=%00", "status=nonsense", "sort=nonsense", "page=0", "page=x", "page=99999999999999999999"]
    )
    def test_takes_nonsense_calmly(self, browser: Client, livestream: Livestream, query: str) -> None:
        assert browser.get(f"/livestreams?{query}").status_code == 200

    def test_says_when_nothing_matches_and_when_nothing_is_there(self, browser: Client, home: NewOrganization) -> None:
        assert "No livestreams yet" in get_html(browser, "/livestreams")
        assert "No livestream matches" in get_html(browser, "/livestreams?q=x")

    def test_keeps_its_query_in_its_pages(self, browser: Client, home: NewOrganization) -> None:
        for number in range(26):
            create_livestream(app=home.app, name=f"A&B {number}", actor=SYSTEM)

        assert "/livestreams?q=A%26B&amp;sort=name&amp;page=2" in get_html(browser, "/livestreams?q=A%26B&sort=name")

    def test_switch_answers_with_the_row(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/disable", {"from": "list"}, headers=HTMX)

        assert answer.content.decode().strip().startswith(f'<tr id="livestream-row-{livestream.pk}"')
        assert "Disabled" in answer.content.decode()

    def test_switch_works_without_javascript(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/disable", {"from": "list"})

        assert (answer.status_code, answer["Location"]) == (303, "/livestreams")

    def test_escapes_names(self, browser: Client, home: NewOrganization) -> None:
        create_livestream(app=home.app, name="<script>alert(1)</script>", actor=SYSTEM)

        for page in ("/", "/livestreams"):
            assert "<script>alert" not in get_html(browser, page)


class TestCreate:
    def test_leads_to_its_page(self, browser: Client, home: NewOrganization) -> None:
        answer = browser.post("/livestreams/create", {"name": "Autumn keynote"})

        livestream = Livestream.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/livestreams/{livestream.pk}")
        assert livestream.app == home.app

    @pytest.mark.parametrize("name", ["", "  ", "x" * 256, "line\nbreak", "bell\x07", "nul\x00"])
    def test_explains_a_name_that_cannot_be_used(self, browser: Client, home: NewOrganization, name: str) -> None:
        answer = browser.post("/livestreams/create", {"name": name})

        assert answer.status_code == 422
        assert 'class="field-error"' in answer.content.decode()
        assert not Livestream.objects.exists()

    def test_tells_of_a_quota(self, browser: Client, home: NewOrganization) -> None:
        set_quotas(organization=home.organization, quotas=OwnQuotas(livestreams=0), actor=SYSTEM)

        answer = browser.post("/livestreams/create", {"name": "Autumn keynote"})

        assert answer.status_code == 422
        assert "has 0 livestreams, and its limit is 0. Delete 1 first." in answer.content.decode()

    def test_opens_in_a_dialog(self, browser: Client, home: NewOrganization) -> None:
        dialog = get_html(browser, "/livestreams/create", **HTMX)

        assert "<html" not in dialog
        assert 'hx-post="/livestreams/create"' in dialog
        answer = browser.post("/livestreams/create", {"name": "Keynote"}, headers=HTMX)
        assert answer["HX-Redirect"] == f"/livestreams/{Livestream.objects.get().pk}"


class TestPage:
    def test_shows_a_live_broadcast(self, browser: Client, live: Session) -> None:
        html = get_html(browser, f"/livestreams/{live.livestream_id}")

        for text in ("Live", "H.264 High, 1280\u00d7720", "29.97 fps", "OBS 31 from 203.0.113.24", "720p, as sent"):
            assert text in html
        assert "Viewers can watch" in html
        assert "End broadcast" in html

    def test_tells_no_number_before_it_is_measured(self, browser: Client, live: Session) -> None:
        live.connections.update(measured={})

        html = get_html(browser, f"/livestreams/{live.livestream_id}")

        assert "H.264 High" in html
        for guessed in ("29.97 fps", "2 s</dd>"):
            assert guessed not in html

    def test_tells_what_happened_newest_first(self, browser: Client, live: Session) -> None:
        html = get_html(browser, f"/livestreams/{live.livestream_id}").partition('class="timeline"')[2]

        assert html.index("Viewers can watch") < html.index("Encoder connected")
        # Which worker began a run says nothing to a person.
        assert "Run started" not in html

    def test_says_when_no_worker_is_free(self, browser: Client, connected: Session) -> None:
        address = f"/livestreams/{connected.livestream_id}"
        assert "Waiting to start" not in get_html(browser, address)

        Session.objects.filter(pk=connected.pk).update(created_at=clock.now() - timedelta(seconds=6))

        html = get_html(browser, address)
        assert "Waiting to start" in html
        assert "Waits for a worker: none of its machine has come yet" in html

    def test_says_that_all_places_are_taken(self, browser: Client, connected: Session, home: NewOrganization) -> None:
        claimed(runs.connected(create_livestream(app=home.app, name="Runs", actor=SYSTEM)))
        Session.objects.filter(pk=connected.pk).update(created_at=clock.now() - timedelta(seconds=6))

        html = get_html(browser, f"/livestreams/{connected.livestream_id}")

        assert html.count("Waits for a free place: 1 of 1 broadcasts run on this machine") == 2

    def test_puts_the_error_of_a_failed_broadcast_first(self, browser: Client, connected: Session) -> None:
        failed(connected, message="Switch to H.264.")

        html = get_html(browser, f"/livestreams/{connected.livestream_id}")

        assert html.index("Switch to H.264.") < html.index("Connect an encoder")
        assert "End broadcast" not in html

    def test_says_that_a_broadcast_is_interrupted_until_a_worker_has_it_again(
        self, browser: Client, live: Session
    ) -> None:
        address = f"/livestreams/{live.livestream_id}"
        assert 'data-testid="interruption"' not in get_html(browser, address)

        repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")

        html = get_html(browser, address)
        assert html.index("<b>Interrupted.</b> The disk answers too slowly.") < html.index("Connect an encoder")
        assert html.index("Connect an encoder") < html.index("<b>Interrupted</b> The disk answers too slowly.")
        Lease.objects.update(not_before=None)
        leases.mark_live(claimed(live, worker="second"))
        html = get_html(browser, address)
        assert 'data-testid="interruption"' not in html
        assert "<b>Resumed</b>" in html

    @pytest.mark.parametrize("address", ["/", "/livestreams", "/livestreams?status=live", "/livestreams/{}"])
    def test_every_pill_of_it_says_so(self, browser: Client, live: Session, address: str) -> None:
        address = address.format(live.livestream_id)
        pills = '<span class="pill {}" data-testid="status">{}</span>'
        assert pills.format("live", "Live") in get_html(browser, address)

        repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")

        html = get_html(browser, address)
        assert pills.format("warn", "Interrupted") in html
        assert pills.format("live", "Live") not in html
        Lease.objects.update(not_before=None)
        leases.mark_live(claimed(live, worker="second"))
        assert pills.format("live", "Live") in get_html(browser, address)

    def test_knowing_it_costs_no_query_more(
        self, browser: Client, home: NewOrganization, live: Session, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")
        for number in range(3):
            other = runs.connected(create_livestream(app=home.app, name=f"Camera {number}", actor=SYSTEM))
            leases.mark_live(claimed(other))

        with django_assert_num_queries(8):
            html = get_html(browser, "/livestreams")

        assert (html.count(">Interrupted<"), html.count('data-testid="status">Live<')) == (1, 3)

    def test_says_that_a_broadcast_waits(self, browser: Client, live: Session) -> None:
        repeats.postpone_session(Lease.objects.get(), message="The disk is full.")

        html = get_html(browser, f"/livestreams/{live.livestream_id}")

        assert "<b>Waiting.</b> The disk is full. The broadcast goes on as soon as possible." in html

    def test_says_so_until_viewers_get_new_media(self, browser: Client, live: Session) -> None:
        repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")
        Lease.objects.update(not_before=None)
        address = f"/livestreams/{live.livestream_id}"

        lease = claimed(live, worker="second")
        assert 'data-testid="interruption"' in get_html(browser, address)
        leases.mark_live(lease)

        assert 'data-testid="interruption"' not in get_html(browser, address)

    def test_says_that_another_worker_took_over(self, browser: Client, live: Session) -> None:
        Lease.objects.update(until=clock.now() - timedelta(seconds=1))

        claimed(live, worker="second")

        assert "another one goes on" in get_html(browser, f"/livestreams/{live.livestream_id}")

    def test_says_nothing_of_an_interruption_before_the_first_run(self, browser: Client, connected: Session) -> None:
        assert 'data-testid="interruption"' not in get_html(browser, f"/livestreams/{connected.livestream_id}")

    def test_says_nothing_of_an_interruption_once_the_broadcast_is_over(self, browser: Client, live: Session) -> None:
        repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly.")
        runs.ended(live)

        assert 'data-testid="interruption"' not in get_html(browser, f"/livestreams/{live.livestream_id}")

    def test_offers_the_last_broadcast_as_long_as_there_are_files_of_it(self, browser: Client, live: Session) -> None:
        address, offer = f"/livestreams/{live.livestream_id}", 'data-testid="replay"'
        assert offer not in get_html(browser, address)
        runs.ended(live)
        html = get_html(browser, address)
        assert (offer in html, f'data-recording="{live.pk}"' in html) == (True, True)

        Session.objects.update(file_nodes=[])
        assert offer not in get_html(browser, address)

    def test_offers_nothing_of_what_nobody_saw(self, browser: Client, connected: Session) -> None:
        claimed(connected)
        runs.ended(connected)

        assert 'data-testid="replay"' not in get_html(browser, f"/livestreams/{connected.livestream_id}")

    def test_forgets_the_error_with_the_next_broadcast(self, browser: Client, connected: Session) -> None:
        failed(connected, message="Switch to H.264.")
        runs.connected(connected.livestream)

        assert 'data-testid="error"' not in get_html(browser, f"/livestreams/{connected.livestream_id}")

    def test_counts_refused_encoders(self, browser: Client, livestream: Livestream) -> None:
        Livestream.objects.update(
            refused_publishes=3, last_refusal="The livestream is disabled.", last_refused_at=clock.now()
        )

        html = get_html(browser, f"/livestreams/{livestream.pk}")

        assert "3 encoder connections refused." in html
        assert "The livestream is disabled." in html

    @pytest.mark.parametrize(("after_s", "shown"), [(60, "refused"), (-60, "error")])
    def test_tells_what_came_last(self, browser: Client, connected: Session, after_s: int, shown: str) -> None:
        failed(connected, message="Switch to H.264.")
        refused_at = clock.now() + timedelta(seconds=after_s)
        Livestream.objects.update(refused_publishes=1, last_refusal="No room.", last_refused_at=refused_at)

        html = get_html(browser, f"/livestreams/{connected.livestream_id}")

        told = [name for name in ("refused", "error") if f'data-testid="{name}"' in html]
        assert told == [shown]

    @pytest.mark.parametrize("source", [{}, {"width": 1280}, {"video_codec": "h264"}, {"unknown": [1]}])
    def test_bears_a_source_that_tells_little(self, browser: Client, live: Session, source: dict[str, object]) -> None:
        Session.objects.update(source=source, renditions=[{"name": "main"}, {"kind": "audio"}])

        assert "OBS 31" in get_html(browser, f"/livestreams/{live.livestream_id}")

    def test_never_holds_the_key_unasked(self, browser: Client, live: Session) -> None:
        key = live.livestream.stream_key

        for address in (f"/livestreams/{live.livestream_id}", "/livestreams", "/"):
            assert key not in get_html(browser, address)
            assert key not in get_html(browser, address, **HTMX)

    def test_live_parts_are_all_of_the_page(self, browser: Client, live: Session) -> None:
        page = get_html(browser, f"/livestreams/{live.livestream_id}")
        parts = get_html(browser, f"/livestreams/{live.livestream_id}", **HTMX)

        ids = [part.split('"')[0] for part in parts.split('id="livestream-')[1:]]
        assert len(ids) == 15
        for name in ids:
            assert f'id="livestream-{name}"' in page

    def test_lists_its_sessions_in_pages(
        self, browser: Client, livestream: Livestream, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(27):
            finished(runs.connected(livestream), media_ms=125_000)

        # Session and user, membership; then livestream, sessions, their connections, their number, the timeline, the
        # outputs, the test picture, and whether a disk is full; its recordings, their policy, the app's
        # storage, the archive; its clips, and whether there is something to clip; who watches, and what is wrong
        # with it.
        with django_assert_num_queries(19):
            html = get_html(browser, f"/livestreams/{livestream.pk}")

        assert "all 27" in html
        assert html.count('data-testid="session"') == 10
        assert "before it was live." in html
        assert "26\u201327 of 27" in get_html(browser, f"/livestreams/{livestream.pk}/sessions?page=2")
