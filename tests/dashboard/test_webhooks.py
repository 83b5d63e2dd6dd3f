"""The pages of webhooks: whoever manages keys makes them, whoever runs livestreams tries and replays."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, timedelta
from html import unescape
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from streams.livestreams.services import delete_livestream
from streams.models import AuditEntry, Livestream, User
from streams.organizations.apps import create_app
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed
from tests.webhooks.happenings import ENDED, LIVE, delivery_of, happened, listening
from webhooks.catalogue import EVENT_NAMES
from webhooks.forms import ReplayForm
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.replays import send_test
from webhooks.services import change_endpoint, rotate_secret
from webhooks.states import DeliveryState, DisabledReason

FORM = {"name": "Booking", "url": "https://example.com/hooks", "events": [LIVE, "meeting.started"], "format": "dyte"}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app, LIVE, ENDED)


@pytest.fixture
def there(endpoint: Endpoint) -> str:
    return f"/webhooks/{endpoint.pk}"


@pytest.fixture
def operator_browser(operator: User, log_in: Callable[[User], Client]) -> Client:
    return log_in(operator)


def failing(endpoint: Endpoint, *, error: str = "refuses connections") -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failing_since=clock.now() - timedelta(minutes=12), failures=7, last_error=error
    )


def tried(delivery: Delivery, *, status: int | None = 500, answer: str = "") -> Attempt:
    """Write an attempt down, and return it."""
    delivery.attempts += 1
    delivery.save()
    return Attempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        at=clock.now(),
        duration_ms=37,
        status=status,
        error="" if status and status < 300 else f"answers {status}" if status else "refuses connections",
        headers={"webhook-id": str(delivery.uid), "content-type": "application/json", "host": "example.com"},
        answer=answer,
        answer_headers={"server": "nginx"} if status else {},
    )


class TestList:
    def test_without_webhooks_says_what_they_are_for(self, browser: Client, viewer_browser: Client) -> None:
        assert "No webhooks yet" in get_html(browser, "/webhooks")
        assert "/webhooks/create" in get_html(browser, "/webhooks")
        assert "/webhooks/create" not in get_html(viewer_browser, "/webhooks")

    def test_tells_how_each_fares(self, browser: Client, home: NewOrganization, abroad: NewOrganization) -> None:
        used, fails, paused, gone, new = (listening(home.app) for _ in range(5))
        listening(abroad.app)
        Endpoint.objects.filter(pk=used.pk).update(last_success_at=clock.now())
        failing(fails)
        change_endpoint(endpoint=paused, enabled=False, actor=SYSTEM)
        Endpoint.objects.filter(pk=gone.pk).update(enabled=False, disabled_reason=DisabledReason.GONE)

        html = get_html(browser, "/webhooks")

        shown = re.findall(r'data-testid="status">([^<]+)<', html)
        assert shown == ["Healthy", "Failing", "Paused", "Disabled", "New"]
        assert str(new.pk) in html
        trouble = get_html(browser, "/webhooks?show=trouble")
        assert re.findall(r'data-testid="status">([^<]+)<', trouble) == ["Failing", "Disabled"]
        assert get_html(browser, "/webhooks?show=paused").count('data-testid="endpoint"') == 1

    def test_is_in_pages_and_takes_as_many_queries(self, browser: Client, endpoint: Endpoint) -> None:
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, "/webhooks")
        for number in range(99):
            Endpoint.objects.create(app=endpoint.app, name=f"Webhook {number}", url=endpoint.url, events=[LIVE])

        with CaptureQueriesContext(connection) as of_many:
            html = get_html(browser, "/webhooks")

        # Session and user, membership; then how many of each list, page, apps.
        assert len(of_many) == len(of_one) == 6
        assert "1\u201325 of 100" in html
        assert get_html(browser, "/webhooks?page=4").count('data-testid="endpoint"') == 25

    def test_names_the_app_where_there_are_several(self, browser: Client, home: NewOrganization) -> None:
        listening(home.app)
        assert ">App<" not in squeezed(get_html(browser, "/webhooks"))

        other = create_app(organization=home.organization, name="Other", actor=SYSTEM)
        listening(other)

        assert ">App<" in squeezed(get_html(browser, "/webhooks"))
        assert get_html(browser, "/webhooks").count('data-testid="endpoint"') == 2


class TestForm:
    def test_offers_every_event_and_marks_what_is_not_sent_yet(self, browser: Client) -> None:
        html = squeezed(get_html(browser, "/webhooks/create"))

        for name, event in EVENT_NAMES.items():
            [choice] = re.findall(rf'<input[^>]*value="{re.escape(name)}".*?</label>', html)
            assert event.summary in unescape(choice)
            assert ("Not sent yet" in choice) is not event.is_emitted
        assert "checked" not in html.partition('name="events"')[2].partition('name="format"')[0]

    def test_makes_an_endpoint_and_shows_its_secret_once(self, browser: Client, owner: User) -> None:
        answer = browser.post("/webhooks/create", FORM)

        endpoint = Endpoint.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/webhooks/{endpoint.pk}/secret")
        assert (endpoint.name, endpoint.url, endpoint.format) == (FORM["name"], FORM["url"], FORM["format"])
        assert endpoint.events == FORM["events"]
        assert AuditEntry.objects.get(action="webhook.created").user == owner
        assert SECRET.search(str(dict(browser.session))) is None
        shown = browser.get(answer["Location"])
        assert endpoint.secret in unescape(shown.content.decode())
        assert "no-store" in shown["Cache-Control"]
        again = browser.get(answer["Location"], follow=True)
        assert again.redirect_chain == [(f"/webhooks/{endpoint.pk}", 303)]
        assert "only once" in again.content.decode()
        assert SECRET.search(again.content.decode()) is None

    def test_keeps_the_secret_of_one_from_the_page_of_another(self, browser: Client, endpoint: Endpoint) -> None:
        made = browser.post("/webhooks/create", FORM)["Location"]

        assert browser.get(f"/webhooks/{endpoint.pk}/secret").status_code == 303
        assert SECRET.search(unescape(get_html(browser, made)))

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"name": ""}, "Give the webhook a name"),
            ({"name": "a\u202eb"}, "invisible character"),
            ({"url": ""}, "Enter the address"),
            ({"url": "example.com/hooks"}, "Enter the whole address"),
            ({"url": "https://user:pass@example.com"}, "Leave out the user name"),
            ({"url": "https://example.com/" + "x" * 2048}, "at most 2048"),
            ({"events": []}, "Choose at least one event"),
            ({"events": ["no.such"]}, "There is no event no.such"),
            ({"format": "xml"}, "valid choice"),
        ],
    )
    def test_complains_next_to_the_field(
        self, browser: Client, endpoint: Endpoint, change: dict[str, object], complaint: str
    ) -> None:
        for address in ("/webhooks/create", f"/webhooks/{endpoint.pk}/change"):
            answer = browser.post(address, {**FORM, **change})
            html = answer.content.decode()
            assert answer.status_code == 422
            [shown] = re.findall(r'class="field-error" id="(?:id_(\w+)_error)?"', html) or ["format"]
            assert shown == next(iter(change))
            assert complaint in unescape(html)
            assert 'class="notice error"' not in html
        assert Endpoint.objects.get().name == endpoint.name

    def test_asks_for_the_app_where_there_are_several(self, browser: Client, home: NewOrganization) -> None:
        assert 'name="app"' not in get_html(browser, "/webhooks/create")
        other = create_app(organization=home.organization, name="Other", actor=SYSTEM)
        assert 'name="app"' in get_html(browser, "/webhooks/create")

        browser.post("/webhooks/create", {**FORM, "app": str(other.pk)})

        assert Endpoint.objects.get().app == other

    def test_takes_no_app_of_another_organizations(
        self, browser: Client, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        for _ in range(2):
            # First with one app, which the form does not ask for; then with several.
            browser.post("/webhooks/create", {**FORM, "app": str(abroad.app.pk)})
            create_app(organization=home.organization, name="Other", actor=SYSTEM)

        assert [made.app for made in Endpoint.objects.all()] == [home.app]

    def test_changes_what_is_said_otherwise_and_nothing_else(self, browser: Client, endpoint: Endpoint) -> None:
        address = f"/webhooks/{endpoint.pk}/change"
        form = remembered(get_html(browser, address))
        shown = {"initial-events": [LIVE, ENDED]}
        change_endpoint(endpoint=endpoint, url="https://example.com/moved", events=["meeting.started"], actor=SYSTEM)

        sent = {"name": "Renamed", "url": endpoint.url, "events": [LIVE, ENDED], "format": "dyte"}
        answer = browser.post(address, {**form, **shown, **sent})

        endpoint.refresh_from_db()
        assert answer.status_code == 303
        assert (endpoint.name, endpoint.url) == ("Renamed", "https://example.com/moved")
        assert endpoint.events == ["meeting.started"]

    def test_shows_what_it_listens_for(self, browser: Client, endpoint: Endpoint) -> None:
        html = get_html(browser, f"/webhooks/{endpoint.pk}/change")

        ticked = re.findall(r'<input type="checkbox" name="events" value="([^"]+)"[^>]*checked', html)
        assert ticked == [LIVE, ENDED]
        assert 'name="app"' not in html

    def test_says_when_there_are_too_many(self, browser: Client, endpoint: Endpoint) -> None:
        for _ in range(99):
            Endpoint.objects.create(app=endpoint.app, name="x", url=endpoint.url, events=[LIVE])

        answer = browser.post("/webhooks/create", FORM)

        assert answer.status_code == 422
        assert Endpoint.objects.count() == 100


class TestSecret:
    def test_is_rotated_and_both_sign_for_a_day(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        assert "For 24 hours both sign" in get_html(browser, f"{there}/rotate-secret", **HTMX)
        before = endpoint.secret

        answer = browser.post(f"{there}/rotate-secret")

        endpoint.refresh_from_db()
        page = unescape(get_html(browser, answer["Location"]))
        assert endpoint.secret in page
        assert endpoint.secret != before
        assert before not in page
        assert "the signatures of both secrets until" in page
        assert "signs as well until" in get_html(browser, there)

    def test_is_on_no_other_page(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        made = rotate_secret(endpoint=endpoint, actor=SYSTEM)

        for address in (there, f"{there}/change", "/webhooks", f"{there}/rotate-secret"):
            html = unescape(get_html(browser, address))
            for secret in (endpoint.secret, made.secret):
                assert secret not in html


class TestEndpoint:
    @pytest.mark.parametrize(
        ("error", "words", "tip"),
        [
            ("refuses connections", "Refuses connections.", "Is your server running"),
            ("answers 503", "Answers 503.", "own log says why"),
            ("answers 403", "Answers 403.", "check the signature"),
            ("its certificate has expired", "Its certificate has expired.", ""),
            ("", "Deliveries do not arrive.", ""),
        ],
    )
    def test_says_what_is_wrong_and_what_to_do(
        self, browser: Client, endpoint: Endpoint, there: str, error: str, words: str, tip: str
    ) -> None:
        happened(endpoint.app)
        failing(endpoint, error=error)

        html = squeezed(get_html(browser, there))

        assert f"<b>{words}</b>" in html
        since = Endpoint.objects.get().failing_since
        assert since
        given_up_at = clock.isoformat(since + timedelta(days=5))
        assert f'<dt>Disabled if it goes on</dt><dd><time datetime="{given_up_at}"' in html
        assert tip in html
        assert "1 waiting; next try<time" in html

    def test_says_why_it_was_disabled_and_is_enabled_again(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        failing(endpoint)
        Endpoint.objects.update(enabled=False, disabled_reason=DisabledReason.FAILING)
        html = get_html(browser, there)
        assert "No delivery arrived for 5 days" in html
        assert "Mend your server" in html
        assert "Disabled if" not in html
        assert "/replay" not in html

        assert browser.post(f"{there}/enable").status_code == 303

        endpoint.refresh_from_db()
        assert (endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since) == (True, "", None)

    def test_is_paused(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        happened(endpoint.app)
        assert "Nothing is sent there until you enable it" in get_html(browser, f"{there}/pause", **HTMX)

        browser.post(f"{there}/pause")

        endpoint.refresh_from_db()
        assert (endpoint.enabled, endpoint.disabled_reason) == (False, "")
        html = squeezed(get_html(browser, there))
        assert "Nothing is sent until it is enabled. 1 waiting." in html
        assert "next try" not in html

    def test_is_deleted(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        delivery = delivery_of(endpoint, happened(endpoint.app))
        assert endpoint.url in get_html(browser, f"{there}/delete", **HTMX)

        answer = browser.post(f"{there}/delete")

        assert (answer.status_code, answer["Location"]) == (303, "/webhooks")
        assert "No webhooks yet" in get_html(browser, "/webhooks")
        for address in (there, f"{there}/deliveries/{delivery.uid}"):
            assert browser.get(address).status_code == 404

    def test_counts_no_more_that_waits_than_anybody_reads(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        event = happened(endpoint.app)
        known = {"event": event, "subject_id": event.subject_id, "sequence": 1, "due_at": event.at}
        Delivery.objects.bulk_create(
            Delivery(endpoint=endpoint, name=f"x{number}", created_at=event.at, **known) for number in range(1000)
        )
        failing(endpoint)

        assert "1,000 or more waiting" in squeezed(get_html(browser, there))

    def test_waits_with_the_next_try_while_it_is_left_alone(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        happened(endpoint.app)
        failing(endpoint)
        until = clock.now() + timedelta(minutes=4)
        Endpoint.objects.update(open_until=until)

        assert f'next try<time datetime="{clock.isoformat(until)}"' in squeezed(get_html(browser, there))

    def test_offers_each_role_what_it_may(
        self, viewer_browser: Client, operator_browser: Client, browser: Client, there: str
    ) -> None:
        of_viewer, of_operator, of_owner = (
            get_html(each, there) for each in (viewer_browser, operator_browser, browser)
        )

        for offer in ("/test", "/replay"):
            assert (f"{there}{offer}" in of_viewer, f"{there}{offer}" in of_operator) == (False, True)
        for offer in ("/change", "/pause", "/delete", "/rotate-secret"):
            assert (f"{there}{offer}" in of_operator, f"{there}{offer}" in of_owner) == (False, True)


class TestDeliveries:
    def test_are_shown_newest_first_with_what_came_of_them(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        waits, retried, failed, arrived = (delivery_of(endpoint, happened(endpoint.app)) for _ in range(4))
        of = Delivery.objects
        of.filter(pk=retried.pk).update(attempts=2, tries=2, last_error="refuses connections")
        of.filter(pk=failed.pk).update(state=DeliveryState.FAILED, attempts=11, tries=11, last_error="answers 500")
        of.filter(pk=arrived.pk).update(state=DeliveryState.DELIVERED, attempts=1, tries=1, last_status=204)

        html = squeezed(get_html(browser, there)).partition('id="delivery-list"')[2]

        assert re.findall(r'data-testid="status">(\w+)<', html) == ["Delivered", "Failed", "Retrying", "Waiting"]
        assert html.index(str(arrived.uid)) < html.index(str(waits.uid))
        for words in ("204", "answers 500", "11 tries", "refuses connections", "not sent yet"):
            assert words in html

    def test_say_what_they_are_about_and_which_of_them_are_tests(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        event = happened(endpoint.app)
        send_test(endpoint=endpoint, name=ENDED, actor=SYSTEM)

        tried_out, real = re.findall(r"<tr id.*?</tr>", squeezed(get_html(browser, there)), re.DOTALL)

        assert (">Test<" in tried_out, "Autumn keynote" in tried_out) == (True, False)
        assert (">Test<" in real, "Autumn keynote" in real) == (False, True)
        # Many happen within one minute.
        assert f">{event.at.astimezone(UTC):%H:%M:%S}<" in real

    def test_wait_for_an_earlier_one_of_the_same_livestream(
        self, browser: Client, endpoint: Endpoint, livestream: Livestream, there: str
    ) -> None:
        first, held = (delivery_of(endpoint, happened(endpoint.app, subject_id=livestream.pk)) for _ in range(2))
        due_at, now = clock.now() + timedelta(minutes=5), clock.now()
        Delivery.objects.filter(pk=first.pk).update(
            attempts=3, tries=3, due_at=due_at, holds_until=now + timedelta(minutes=9), last_error="answers 500"
        )
        failing(endpoint)

        html = squeezed(get_html(browser, there))

        assert f'2 waiting; next try<time datetime="{clock.isoformat(due_at)}"' in html
        assert html.count("after an earlier one") == 1
        of_held = squeezed(get_html(browser, f"{there}/deliveries/{held.uid}"))
        assert '<dt>Next try</dt><dd class="words">after an earlier event of the same livestream' in of_held
        # It would still wait.
        assert "Try now" not in of_held

    def test_are_retried_by_nobody_while_the_webhook_is_disabled(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        Delivery.objects.filter(pk=delivery_of(endpoint, happened(endpoint.app)).pk).update(attempts=1, tries=1)
        Endpoint.objects.update(enabled=False, disabled_reason=DisabledReason.GONE)

        html = squeezed(get_html(browser, there))

        assert re.findall(r'data-testid="status">(\w+)<', html) == ["Disabled", "Waiting"]
        assert "1 waiting." in html
        assert "<time" not in html.partition('data-testid="status">Waiting<')[2].partition("</td>")[0]

    def test_are_narrowed_by_state_event_and_time(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        old = delivery_of(endpoint, happened(endpoint.app, ago=timedelta(days=2)), state=DeliveryState.FAILED)
        new = delivery_of(endpoint, happened(endpoint.app), state=DeliveryState.FAILED)
        other = delivery_of(endpoint, happened(endpoint.app, ENDED))
        moment = f"{clock.now().astimezone(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}"
        asked: dict[str, set[Delivery]] = {
            "state=failed": {old, new},
            "state=pending": {other},
            f"event={ENDED}": {other},
            "within=day": {new, other},
            "within=day&state=failed": {new},
            f"within=until&until={moment}": {old},
            # Not without being chosen; and not while it is none.
            f"until={moment}": {old, new, other},
            "within=until&until=x": {old, new, other},
            f"q={new.uid}": {new},
            f"q={old.event.uid.hex}": {old},
            f"q={uuid4()}": set(),
            "q=livestream": set(),
            "state=nonsense&event=x&within=x&before=x": {old, new, other},
        }

        for query, found in asked.items():
            html = get_html(browser, f"{there}?{query}")
            assert {each for each in (old, new, other) if f"delivery-{each.uid}" in html} == found, query
        assert "No delivery matches" in get_html(browser, f"{there}?state=delivered")
        assert "Nothing that was sent here has that id" in get_html(browser, f"{there}?q=livestream")

    def test_are_turned_over_within_what_was_asked_for(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        for _ in range(26):
            happened(endpoint.app)
        moment = f"{clock.now().astimezone(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"

        html = squeezed(get_html(browser, f"{there}?within=until&until={moment}"))

        older = re.search(r'rel="next" href="([^"]+)"', html)
        assert older
        assert get_html(browser, unescape(older[1])).count('data-testid="delivery"') == 1
        assert quote_plus(moment) in unescape(older[1])

    def test_are_turned_over_without_counting_them(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        for _ in range(60):
            happened(endpoint.app)
        pages, address = [], f"{there}?state=pending"
        while address:
            html = get_html(browser, address)
            pages.append(re.findall(r'id="delivery-([0-9a-f-]{36})"', html))
            older = re.search(r'rel="next" href="([^"]+)"', squeezed(html))
            address = unescape(older[1]) if older else ""

        newest_first = [str(each.uid) for each in Delivery.objects.order_by("-event_id")]
        assert [len(page) for page in pages] == [25, 25, 10]
        assert [uid for page in pages for uid in page] == newest_first
        assert 'rel="first"' in squeezed(html)

    def test_take_as_many_queries_however_many_there_are(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        happened(endpoint.app)
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, there)
        for _ in range(30):
            happened(endpoint.app)

        with CaptureQueriesContext(connection) as of_many:
            get_html(browser, there)

        # Session and user, membership; then endpoint, deliveries, what waits.
        assert len(of_many) == len(of_one) == 6

    def test_are_told_to_an_open_page_as_its_address_asks(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        happened(endpoint.app)
        [address] = re.findall(r'hx-get="([^"]+state=pending)"', get_html(browser, f"{there}?state=pending"))

        html = get_html(browser, address, **HTMX)

        assert "<html" not in html
        assert html.count("hx-swap-oob") == 4
        assert 'hx-ws:connect="/ws' + there + '?state=pending"' in html


class TestDelivery:
    @pytest.fixture
    def delivery(self, endpoint: Endpoint) -> Delivery:
        return delivery_of(endpoint, happened(endpoint.app))

    @pytest.fixture
    def page(self, there: str, delivery: Delivery) -> str:
        return f"{there}/deliveries/{delivery.uid}"

    def test_shows_every_try_with_its_answer(self, browser: Client, delivery: Delivery, page: str) -> None:
        assert "It has not been sent yet" in get_html(browser, page)
        tried(delivery, status=None)
        tried(delivery, status=500, answer="<script>alert(1)</script>")
        tried(delivery, status=200)

        html = get_html(browser, page)

        assert re.findall(r'id="attempt-(\d)"', html) == ["3", "2", "1"]
        for words in ("Refuses connections.", "37 ms", "server: nginx", "No answer"):
            assert words in html
        assert "<script>alert" not in html
        # The status says so.
        assert "nswers 500" not in html
        assert "&lt;script&gt;alert(1)" in html

    def test_shows_what_is_sent_and_how_to_send_it_by_hand(
        self, browser: Client, endpoint: Endpoint, delivery: Delivery, page: str
    ) -> None:
        Endpoint.objects.update(url="https://example.com/it's?a=b&c=d")
        tried(delivery)

        html = get_html(browser, page)

        assert '"event": "livestream.live"' in unescape(html)
        assert html.index(">webhook-id: ") < html.index("\ncontent-type: ")
        found = re.search(r'data-copy-text="([^"]*)"', html)
        assert found
        words = shlex.split(unescape(found[1]).replace("\\\n", ""))
        assert words[:5] == ["curl", "--request", "POST", "--url", "https://example.com/it's?a=b&c=d"]
        assert f"webhook-id: {delivery.uid}" in words
        assert "host: example.com" not in words
        assert words[words.index("--data-raw") + 1].startswith('{"id":')
        assert endpoint.secret not in unescape(html)

    def test_leads_to_what_it_is_about_while_that_is_there(
        self, browser: Client, endpoint: Endpoint, livestream: Livestream, there: str
    ) -> None:
        page = f"{there}/deliveries/{delivery_of(endpoint, happened(endpoint.app, subject_id=livestream.pk)).uid}"
        link = f'href="/livestreams/{livestream.pk}">Autumn keynote</a>'
        assert link in get_html(browser, page)

        delete_livestream(livestream=livestream, actor=SYSTEM)

        html = get_html(browser, page)
        assert link not in html
        assert "Autumn keynote" in html

    def test_is_known_for_a_test(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        sent = send_test(endpoint=endpoint, name=LIVE, actor=SYSTEM)

        html = squeezed(get_html(browser, f"{there}/deliveries/{sent.uid}"))

        assert ">Test</span>" in html
        assert f'href="/webhooks/{endpoint.pk}">Autumn' not in html

    def test_says_when_it_was_tried_more_often_than_is_shown(
        self, browser: Client, delivery: Delivery, page: str
    ) -> None:
        for _ in range(2):
            tried(delivery)
        assert "are shown" not in get_html(browser, page)

        Attempt.objects.update(number=F("number") + 100)
        Delivery.objects.update(attempts=102)

        assert "Only the last 2 are shown" in get_html(browser, page)

    def test_masks_a_stream_key(self, browser: Client, home: NewOrganization) -> None:
        endpoint = listening(home.app, "livestreaming.statusUpdate")
        change_endpoint(endpoint=endpoint, format="realtimekit", actor=SYSTEM)
        delivery = delivery_of(endpoint, happened(home.app))

        html = unescape(get_html(browser, f"/webhooks/{endpoint.pk}/deliveries/{delivery.uid}"))

        assert '"streamKey": "\u2022\u2022\u2022\u2022' in html
        assert "The stream key is masked here" in html

    def test_is_replayed(self, browser: Client, delivery: Delivery, page: str) -> None:
        Delivery.objects.update(state=DeliveryState.DELIVERED, attempts=1, tries=1, finished_at=clock.now())

        answer = browser.post(f"{page}/replay", follow=True)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries, delivery.attempts) == (DeliveryState.PENDING, 0, 1)
        assert "on its way again" in answer.content.decode()
        assert AuditEntry.objects.filter(action="webhook.replayed").count() == 1

    def test_is_not_replayed_to_one_that_is_disabled(
        self, browser: Client, endpoint: Endpoint, delivery: Delivery, page: str
    ) -> None:
        change_endpoint(endpoint=endpoint, enabled=False, actor=SYSTEM)
        assert "replay-delivery" not in get_html(browser, page)

        assert "Enable it first" in browser.post(f"{page}/replay", follow=True).content.decode()

    def test_takes_as_many_queries_however_often_it_was_tried(
        self, browser: Client, delivery: Delivery, page: str
    ) -> None:
        tried(delivery)
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, page)
        for _ in range(11):
            tried(delivery)

        with CaptureQueriesContext(connection) as of_many:
            get_html(browser, page)

        # Session and user, membership; then endpoint, delivery, its tries, and whether its subject is there.
        assert len(of_many) == len(of_one) == 7

    def test_of_another_endpoint_is_not_there(self, browser: Client, home: NewOrganization, delivery: Delivery) -> None:
        other = listening(home.app)

        assert browser.get(f"/webhooks/{other.pk}/deliveries/{delivery.uid}").status_code == 404


class TestReplay:
    def test_sends_what_failed_since_it_began_to_fail(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        before, since = (
            delivery_of(endpoint, happened(endpoint.app, ago=timedelta(minutes=ago)), state=DeliveryState.FAILED)
            for ago in (30, 5)
        )
        assert "began to fail" not in get_html(browser, f"{there}/replay")
        failing(endpoint)
        form = get_html(browser, f"{there}/replay", **HTMX)
        assert re.search(r'value="failing"[^>]*checked', form)

        answer = browser.post(f"{there}/replay", {"what": "failed", "since": "failing"}, follow=True)

        for delivery in (before, since):
            delivery.refresh_from_db()
        assert (before.state, since.state) == (DeliveryState.FAILED, DeliveryState.PENDING)
        assert "1 delivery is on its way again" in answer.content.decode()

    def test_sends_everything_since_a_time_of_ones_choice(
        self, browser: Client, endpoint: Endpoint, there: str
    ) -> None:
        change_endpoint(endpoint=endpoint, enabled=False, actor=SYSTEM)
        for hours in (3, 1):
            happened(endpoint.app, ago=timedelta(hours=hours))
        change_endpoint(endpoint=endpoint, enabled=True, actor=SYSTEM)
        at = f"{clock.now().astimezone(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M}"

        answer = browser.post(f"{there}/replay", {"what": "all", "since": "at", "at": at}, follow=True)

        assert "1 delivery is on its way again" in answer.content.decode()
        assert endpoint.deliveries.count() == 1

    @pytest.mark.parametrize(("since", "hours"), [("hour", 1), ("day", 24), ("week", 7 * 24), ("all", 30 * 24)])
    def test_goes_back_as_far_as_it_says(self, endpoint: Endpoint, since: str, hours: int) -> None:
        form = ReplayForm(QueryDict(f"what=failed&since={since}"), endpoint=endpoint)
        assert form.is_valid()

        assert abs(clock.now() - timedelta(hours=hours) - form.chosen_time()) < timedelta(minutes=1)

    def test_says_when_there_is_nothing(self, browser: Client, there: str) -> None:
        answer = browser.post(f"{there}/replay", {"what": "failed", "since": "all"}, follow=True)

        assert "There was nothing to replay" in answer.content.decode()

    @pytest.mark.parametrize(
        ("sent", "complaint"),
        [
            ({"what": "failed", "since": "at", "at": ""}, "Enter a day and a time"),
            ({"what": "failed", "since": "at", "at": "yesterday"}, "Enter a day and a time"),
            ({"what": "failed", "since": "failing"}, "valid choice"),
            ({}, "required"),
        ],
    )
    def test_asks_again_for_what_it_cannot_use(
        self, browser: Client, there: str, sent: dict[str, str], complaint: str
    ) -> None:
        answer = browser.post(f"{there}/replay", sent)

        assert answer.status_code == 422
        assert answer.content.decode().count(complaint) >= 1

    def test_says_when_it_is_disabled(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        change_endpoint(endpoint=endpoint, enabled=False, actor=SYSTEM)

        answer = browser.post(f"{there}/replay", {"what": "failed", "since": "day"})

        assert answer.status_code == 422
        assert "Enable it first" in answer.content.decode()


class TestTest:
    def test_is_sent_under_a_name_that_it_listens_for(self, browser: Client, endpoint: Endpoint, there: str) -> None:
        form = get_html(browser, f"{there}/test", **HTMX)
        assert re.findall(r'<option value="([^"]+)"', form) == [LIVE, ENDED]
        ids = re.findall(r' id="([^"]+)"', form)
        assert not set(ids) & set(re.findall(r' id="([^"]+)"', get_html(browser, there)))

        answer = browser.post(f"{there}/test", {"event": ENDED})

        delivery = endpoint.deliveries.get()
        assert delivery.name == ENDED
        assert (answer.status_code, answer["Location"]) == (303, f"{there}/deliveries/{delivery.uid}")

    def test_is_any_where_it_listens_for_nothing_that_is_sent_yet(self, browser: Client, home: NewOrganization) -> None:
        there = f"/webhooks/{listening(home.app, 'meeting.chatSynced').pk}"
        assert LIVE in get_html(browser, f"{there}/test")

        assert browser.post(f"{there}/test", {"event": "meeting.chatSynced"}).status_code == 422
        assert browser.post(f"{there}/test", {"event": LIVE}).status_code == 303


class TestOverview:
    def test_tells_of_those_that_need_a_hand(
        self, browser: Client, endpoint: Endpoint, abroad: NewOrganization
    ) -> None:
        failing(listening(abroad.app))
        assert "Refuses connections" not in get_html(browser, "/")

        failing(endpoint)

        html = get_html(browser, "/")
        assert "Refuses connections." in html
        assert f'href="/webhooks/{endpoint.pk}"' in html
        assert "All well" not in html

    def test_leads_to_more_than_it_has_room_for(self, browser: Client, home: NewOrganization) -> None:
        for _ in range(6):
            failing(listening(home.app))
        assert get_html(browser, "/").count('data-testid="concern"') == 6
        assert "more</span>" not in get_html(browser, "/")

        for _ in range(3):
            failing(listening(home.app))

        html = get_html(browser, "/")
        assert html.count('data-testid="concern"') == 7
        assert "3 more</span>" in html
        assert 'href="/webhooks?show=trouble"' in html
