"""The self-test's button, and what the system page tells of its steps."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from livehub.core import clock
from streams.models import AuditEntry, Member, Role, SelfTest, User
from streams.organizations.services import NewOrganization
from streams.self_tests.states import SelfTestState
from tests.dashboard.conftest import get_html, squeezed

# The parts of the system page are asked in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

_START = "/system/self-tests/start"


def test_is_started_by_a_button_without_scripts(browser: Client, home: NewOrganization) -> None:
    for page in ("/", "/system"):
        assert f'<form action="{_START}" method="post">' in get_html(browser, page)

    answer = browser.post(_START, follow=True)

    html = squeezed(answer.content.decode())
    assert answer.redirect_chain == [("/system", 303)]
    assert "The self-test has begun." in html
    assert html.count('data-testid="self-test-step"') == 12
    assert html.count(">To come</span>") == 12
    assert AuditEntry.objects.filter(action="self_test.started", organization=home.organization).count() == 1


def test_a_second_one_is_refused_on_the_page(browser: Client) -> None:
    browser.post(_START)

    html = browser.post(_START, follow=True).content.decode()

    assert "A self-test is running. It is over within half a minute" in html
    assert SelfTest.objects.count() == 1


def test_tells_which_step_failed_what_was_seen_and_what_mends_it(browser: Client) -> None:
    steps = [
        {"name": "encoder", "state": "passed", "ms": 310, "detail": "ffmpeg draws and encodes", "advice": ""},
        {"name": "ingest", "state": "failed", "ms": 5004, "detail": "Nobody was let in.", "advice": "Look at <Gate>."},
        {"name": "clean_up", "state": "passed", "ms": 12, "detail": "The livestream is deleted", "advice": ""},
    ]
    now = clock.now()
    SelfTest.objects.create(node="main", state=SelfTestState.FAILED, until=now, finished_at=now, steps=steps)

    html = squeezed(get_html(browser, "/system", **{"HX-Request": "true"}))

    assert "Look at &lt;Gate&gt;." in html
    failed = html.partition('id="self-test-ingest"')[2].partition("</tr>")[0]
    assert "Nobody was let in." in failed
    assert ">Failed</span>" in failed
    assert "5004 ms" in failed
    assert ">Not tried</span>" in html.partition('id="self-test-worker"')[2].partition("</tr>")[0]


def test_says_at_the_top_what_one_that_passed_has_found(browser: Client) -> None:
    now = clock.now()
    self_test = SelfTest.objects.create(
        node="main", state=SelfTestState.PASSED, until=now, finished_at=now, encoder_to_fetchable_ms=512, carries_more=1
    )

    def told() -> str:
        html = get_html(browser, "/system", **{"HX-Request": "true"})
        return " ".join(re.sub(r"<[^>]+>", " ", html.partition('data-testid="self-test-found"')[2]).split())

    assert "Everything works. A picture could be fetched 512 ms after it was drawn." in told()
    assert "This machine carries about 1 more broadcast like that one." in told()

    SelfTest.objects.filter(pk=self_test.pk).update(state=SelfTestState.FAILED)
    assert told() == ""


def test_one_that_nobody_runs_is_shown_as_over(browser: Client) -> None:
    """With the urgent worker down, nobody sweeps either."""
    browser.post(_START)
    SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))

    html = squeezed(get_html(browser, "/system"))

    assert "Broken off" in html
    assert "Look at the urgent worker on the System page" in html
    assert SelfTest.objects.get().state == SelfTestState.BROKEN_OFF


def test_nobody_else_starts_one(
    browser: Client, operator: User, abroad: NewOrganization, log_in: Callable[[User], Client]
) -> None:
    assert Member.objects.get(user=operator).role == Role.OPERATOR
    for client in (log_in(operator), browser):
        assert client.post(_START).status_code == 403
        assert _START not in get_html(client, "/")
    assert not SelfTest.objects.exists()
