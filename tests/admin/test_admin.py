"""Support staff's pages: who gets in, what is found, what can be done, and what is never shown."""

import re
from itertools import product

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from streams.livestreams import leases
from streams.livestreams.services import change_livestream, create_livestream, delete_livestream, end_broadcast
from streams.models import ApiKey, AuditEntry, Livestream, Session, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.access.each import for_each
from tests.runs import claimed, connected, taken_in

MODELS = [model for model in admin.site._registry if model._meta.app_label == "streams"]
# Anything that a policy without 'unsafe-inline' stops.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)


@pytest.fixture
def session(livestream: Livestream) -> Session:
    return connected(livestream)


def _list_url(model: type) -> str:
    return reverse(f"admin:streams_{model.__name__.lower()}_changelist")


def _page_url(row: object) -> str:
    return reverse(f"admin:streams_{type(row).__name__.lower()}_change", args=[row.pk])  # type: ignore[attr-defined]


def _found(desk: Client, search: str) -> set[Livestream]:
    return set(desk.get(_list_url(Livestream), {"q": search}).context["cl"].result_list)


class TestDoor:
    @pytest.mark.parametrize("model", MODELS)
    def test_is_shut_to_owners_and_strangers(self, model: type, owner: User) -> None:
        client = Client()
        for _ in range(2):
            response = client.get(_list_url(model))

            assert response.status_code == 302
            assert response.headers["Location"].startswith("/admin/login/")
            client.force_login(owner)

    def test_lets_staff_log_in(self, supporter: User) -> None:
        client = Client()

        form = {"username": supporter.email, "password": "correct horse battery", "next": "/admin/"}
        assert client.get("/admin/", follow=True).redirect_chain[-1] == ("/log-in?next=/admin/", 302)

        response = client.post("/log-in", form)

        assert response.headers["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200

    def test_shuts_when_staff_are_dismissed(self, desk: Client, supporter: User) -> None:
        User.objects.filter(pk=supporter.pk).update(is_staff=False)

        assert desk.get(_list_url(Livestream)).status_code == 302


class TestEditing:
    @pytest.mark.parametrize("model", MODELS)
    def test_is_not_offered(self, desk: Client, model: type) -> None:
        name = model.__name__.lower()

        assert desk.get(reverse(f"admin:streams_{name}_add")).status_code == 403

    def test_is_refused(self, desk: Client, livestream: Livestream, session: Session, home: NewOrganization) -> None:
        for row in (livestream, session, home.organization, home.owner, ApiKey.objects.all()[0]):
            assert desk.post(_page_url(row), {"name": "Changed", "status": "live"}).status_code == 403
            assert desk.post(_page_url(row).replace("change", "delete"), {"post": "yes"}).status_code == 403
        livestream.refresh_from_db()
        assert livestream.name == "Autumn keynote"

    def test_is_refused_to_superusers_too(self, livestream: Livestream) -> None:
        root = User.objects.create_superuser("root@livehub.example", "correct horse battery")
        client = Client()
        client.force_login(root)

        assert client.post(_page_url(livestream), {"name": "Changed"}).status_code == 403


class TestPull:
    def test_is_shown_without_credentials(self, desk: Client, livestream: Livestream) -> None:
        assert "Nowhere" in desk.get(_page_url(livestream)).content.decode()
        url = "rtmp://ann:s3cr3t@source.example.com/live/a"
        change_livestream(livestream=livestream, actor=SYSTEM, pull={"url": url})

        html = desk.get(_page_url(livestream)).content.decode()

        assert "rtmp://***@source.example.com/live/a (Starting)" in html
        assert "s3cr3t" not in html


class TestSearch:
    def test_finds_by_id_name_playback_id_and_owner(
        self, desk: Client, livestream: Livestream, foreign_livestream: Livestream, home: NewOrganization
    ) -> None:
        for search in (str(livestream.pk), livestream.pk.hex, "autumn", livestream.playback_id, home.owner.email):
            assert _found(desk, search) == {livestream}

    def test_finds_ids_as_customers_have_them(self, desk: Client, session: Session, home: NewOrganization) -> None:
        output = session.livestream.outputs.first()
        assert output
        for row in (home.organization, home.app, home.owner, session, output):
            for search in (str(row.pk), row.pk.hex, f" {row.pk.hex.upper()} "):
                found = desk.get(_list_url(type(row)), {"q": search}).context["cl"].result_list
                assert list(found) == [row], (row, search)

    def test_finds_nothing_that_is_not_there(self, desk: Client, livestream: Livestream) -> None:
        assert _found(desk, "nobody@nowhere.example") == set()

    @for_each("model, search", product(MODELS, ["'", "%00", "\ud7ff", "x" * 5000, "{", "\\"]))
    def test_survives_anything(self, desk: Client, model: type, search: str) -> None:
        assert desk.get(_list_url(model), {"q": search}).status_code in {200, 302}

    def test_narrows_by_status(self, desk: Client, livestream: Livestream, session: Session) -> None:
        connecting = desk.get(_list_url(Livestream), {"status": "connecting"}).context["cl"].result_list
        live = desk.get(_list_url(Livestream), {"status": "live"}).context["cl"].result_list

        assert (list(connecting), list(live)) == ([livestream], [])


class TestActions:
    @pytest.mark.parametrize(
        ("action", "end_reason", "audit"),
        [
            ("disable_livestream", "disabled", "livestream.disabled"),
            ("end_broadcast", "ended_by_operator", "livestream.broadcast_ended"),
        ],
    )
    def test_go_through_the_services_in_the_name_of_the_person(
        self,
        desk: Client,
        supporter: User,
        livestream: Livestream,
        session: Session,
        action: str,
        end_reason: str,
        audit: str,
    ) -> None:
        response = desk.post(_list_url(Livestream), {"action": action, "_selected_action": [str(livestream.pk)]})

        session.refresh_from_db()
        assert response.status_code == 302
        assert session.end_reason == end_reason
        entry = AuditEntry.objects.get(action=audit)
        assert (entry.user, entry.address) == (supporter, "127.0.0.1")

    def test_enable(self, desk: Client, livestream: Livestream) -> None:
        for action, expected in (("disable_livestream", True), ("enable_livestream", False)):
            desk.post(_list_url(Livestream), {"action": action, "_selected_action": [str(livestream.pk)]})

            livestream.refresh_from_db()
            assert livestream.disabled is expected

    def test_are_not_for_owners(self, livestream: Livestream, owner: User) -> None:
        client = Client()
        client.force_login(owner)

        client.post(_list_url(Livestream), {"action": "disable_livestream", "_selected_action": [str(livestream.pk)]})

        livestream.refresh_from_db()
        assert not livestream.disabled


class TestPages:
    def test_show_no_secret_and_need_no_inline_script(
        self, desk: Client, livestream: Livestream, session: Session, home: NewOrganization
    ) -> None:
        secrets = _secrets(livestream, home)
        rows = [row for model in MODELS for row in model._default_manager.all()]
        urls = ["/admin/", *map(_list_url, MODELS), *map(_page_url, rows)]

        for url in urls:
            response = desk.get(url)
            page = response.content.decode()
            assert response.status_code == 200, url
            assert not [secret for secret in secrets if secret in page], url
            assert not INLINE.findall(page), url
            assert "unsafe-inline" not in response.headers["Content-Security-Policy"]

    def test_of_a_session_shows_its_steps(self, desk: Client, session: Session) -> None:
        assert "Encoder connected" in desk.get(_page_url(session)).content.decode()

    def test_of_a_session_has_plain_headings_and_tells_its_steps_in_words(self, desk: Client, session: Session) -> None:
        lease = claimed(session, worker="cellar")
        leases.mark_live(lease)

        page = desk.get(_page_url(session)).content.decode()

        for heading in ("Encoder connections", "Worker that runs it", "What happened", "Encoder sends", "Viewers get"):
            assert heading in page
        assert "Run started" in page
        assert "worker cellar, on main, run 1" in page
        for raw in ("run_started", "&#x27;epoch&#x27;", "Session events", ">status<"):
            assert raw not in page

    def test_wear_the_products_colours(self, desk: Client, session: Session) -> None:
        page = desk.get(_page_url(session)).content.decode()

        ours = [page.index(f"css/{name}.") for name in ("dark_mode", "tokens", "admin")]
        assert ours == sorted(ours)

    def test_tells_times_to_the_second_and_in_which_zone(self, desk: Client, supporter: User) -> None:
        page = desk.get(_list_url(User)).content.decode()

        assert f"{supporter.created_at:%Y-%m-%d %H:%M:%S} UTC" in page

    def test_of_a_session_tells_source_renditions_and_times_in_words(self, desk: Client, session: Session) -> None:
        source = {"width": 1280, "height": 720, "video_codec": "h264", "audio_codec": ""}
        renditions = [{"name": "720p", "video_kbps": 2800}, {"name": "<360p>", "video_kbps": 700}]
        Session.objects.filter(pk=session.pk).update(source=source, renditions=renditions)
        taken_in(session, media_ms=3_723_000)

        page = desk.get(_page_url(session)).content.decode()

        assert "width 1280, height 720, video codec h264<" in page
        assert "name 720p, video kbps 2800<br>name &lt;360p&gt;, video kbps 700" in page
        assert "1:02:03" in page
        assert f"{session.created_at:%Y-%m-%d %H:%M:%S} UTC" in page

    def test_tell_whether_encoders_are_accepted(self, desk: Client, livestream: Livestream) -> None:
        assert "Accepted" in desk.get(_page_url(livestream)).content.decode()
        Livestream.objects.filter(pk=livestream.pk).update(disabled=True)

        for url in (_page_url(livestream), _list_url(Livestream)):
            assert "Refused: disabled" in desk.get(url).content.decode()

    def test_have_the_audit_log_as_their_history(self, desk: Client, livestream: Livestream) -> None:
        response = desk.get(_page_url(livestream).replace("change", "history"), follow=True)

        assert [entry.target_id for entry in response.context["cl"].result_list] == [livestream.pk]

    def test_hide_deleted_livestreams(self, desk: Client, livestream: Livestream) -> None:
        delete_livestream(livestream=livestream, actor=SYSTEM)

        assert _found(desk, "") == set()


class TestCost:
    @pytest.mark.parametrize("model", [Livestream, Session, AuditEntry, ApiKey])
    def test_of_a_list_does_not_grow_with_it(
        self, desk: Client, home: NewOrganization, model: type, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        def fill(number: int) -> None:
            for index in range(number):
                made = create_livestream(app=home.app, name=f"Stream {index}", actor=SYSTEM)
                connected(made)

        fill(1)
        with CaptureQueriesContext(connection) as few:
            desk.get(_list_url(model))
        fill(9)

        with django_assert_num_queries(len(few)):
            desk.get(_list_url(model))


def _secrets(livestream: Livestream, home: NewOrganization) -> list[str]:
    keys = ApiKey.objects.all()
    return [
        livestream.stream_key,
        livestream.stream_keys.get().digest,
        livestream.stream_keys.get().encrypted,
        home.api_key,
        home.api_token,
        home.api_key.rpartition("_")[2],
        home.owner.password,
        *(key.secret_hash for key in keys),
    ]


class TestBroadcastSettings:
    def test_are_told_and_what_they_do_now(self, desk: Client, livestream: Livestream) -> None:
        change_livestream(
            livestream=livestream,
            reconnect_window_s=600,
            duplicate_publisher="replace",
            end_hold_s=900,
            max_runtime_s=7200,
            actor=SYSTEM,
        )
        end_broadcast(livestream=livestream, hold=None, actor=SYSTEM)

        html = desk.get(_page_url(livestream)).content.decode()

        assert "Waits 10 minutes; viewers see the usual slate" in html
        assert "It takes over" in html
        assert "For 15 minutes after an end; now until " in html
        assert "Held off: the broadcast was ended" in html
        assert "2 hours" in html

    def test_say_what_happens_without_them(self, desk: Client, livestream: Livestream) -> None:
        change_livestream(livestream=livestream, actor=SYSTEM, reconnect_window_s=0, end_hold_s=0)

        html = desk.get(_page_url(livestream)).content.decode()

        for told in ("The broadcast ends", "Never", "Without end", "Accepted"):
            assert told in html

    def test_the_worker_is_called_what_it_is(self, desk: Client, session: Session) -> None:
        assert "worker that runs it" in desk.get(_page_url(session)).content.decode().lower()
        assert "worker that runs its" not in desk.get(_page_url(session)).content.decode().lower()
