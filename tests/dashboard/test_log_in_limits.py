"""Guessing passwords: ten tries a minute for each client and each account, whatever is forged; owners get in."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client

from livehub.core import clock
from streams.account import guard
from streams.identity.passwords import change_password
from streams.models import AttemptBudget, AuditEntry, User
from streams.organizations.services import NewOrganization

HOME, OFFICE, ELSEWHERE = "192.0.2.7", "198.51.100.20", "203.0.113.9"
RIGHT, WRONG = "correct horse battery", "wrong horse battery"


@dataclass
class Person:
    """Somebody at a browser behind our edge, which says at which address."""

    address: str
    browser: Client = field(default_factory=Client)

    def log_in(self, account: str, password: str = RIGHT) -> HttpResponse:
        answer: HttpResponse = self.browser.post(  # type: ignore[assignment]  # The client's own kind of it.
            "/log-in",
            {"username": account, "password": password},
            REMOTE_ADDR="",
            headers={"X-Forwarded-For": self.address},
        )
        return answer

    def log_out(self) -> None:
        self.browser.post("/log-out")

    def guess(self, account: str, *, times: int) -> list[int]:
        return [self.log_in(account, f"{WRONG} {number}").status_code for number in range(times)]


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no budget fills up meanwhile."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)


def refused(answers: list[int]) -> int:
    return answers.count(429)


@pytest.mark.django_db
class TestGuesser:
    def test_at_one_address_is_told_to_wait_whatever_the_account(self, home: NewOrganization) -> None:
        guesser = Person(ELSEWHERE)

        answers = [guesser.log_in(f"person{number}@example.com", WRONG) for number in range(12)]

        assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 7
        assert 1 <= int(answers[-1]["Retry-After"]) <= 12
        assert f"Wait {answers[-1]['Retry-After']} seconds" in answers[-1].content.decode()

    def test_of_one_account_is_told_to_wait_whatever_the_address(self, owner: User) -> None:
        answers = [Person(f"203.0.113.{number}").log_in(owner.email, WRONG).status_code for number in range(12)]

        assert answers == [422] * 5 + [429] * 7

    def test_gets_nothing_by_changing_addresses_within_ipv6_or_the_accounts_spelling(self, owner: User) -> None:
        spellings = [owner.email, owner.email.upper(), f" {owner.email} "]

        answers = [
            Person(f"2001:db8:1:2:{number}::1").log_in(spellings[number % 3], WRONG).status_code for number in range(12)
        ]

        assert refused(answers) == 7

    def test_is_refused_with_the_right_password_too(self, owner: User) -> None:
        guesser = Person(ELSEWHERE)
        guesser.guess(owner.email, times=5)

        assert guesser.log_in(owner.email).status_code == 429

    def test_gets_nothing_by_logging_in_elsewhere_in_between(self, owner: User, stranger: User) -> None:
        guesser = Person(ELSEWHERE)
        statuses = []
        for _ in range(12):
            guesser.log_in(stranger.email, "another horse battery")
            guesser.log_out()
            statuses += guesser.guess(owner.email, times=1)

        assert refused(statuses) == 7

    def test_gets_nothing_by_a_forged_or_foreign_device(self, owner: User, stranger: User) -> None:
        guesser = Person(ELSEWHERE)
        guesser.log_in(stranger.email, "another horse battery")
        guesser.log_out()
        assert guesser.browser.cookies["livehub_device"].value

        assert refused(guesser.guess(owner.email, times=12)) == 7
        guesser.browser.cookies["livehub_device"] = "forged:1abc:def"
        assert refused(guesser.guess(owner.email, times=12)) == 12

    def test_gets_no_device_from_a_script_or_a_foreign_page(self, owner: User, settings: LazySettings) -> None:
        settings.SESSION_COOKIE_SECURE = True
        person = Person(HOME)

        person.log_in(owner.email)

        device = person.browser.cookies["livehub_device"]
        assert (device["httponly"], device["secure"], device["samesite"]) == (True, True, "Lax")

    def test_with_a_known_device_has_ten_a_minute_as_well(self, owner: User) -> None:
        thief = Person(ELSEWHERE)
        thief.log_in(owner.email)
        thief.log_out()

        assert refused(thief.guess(owner.email, times=12)) == 7

    def test_with_a_device_stolen_before_the_password_was_changed_is_anybody(self, owner: User) -> None:
        thief = Person(ELSEWHERE)
        thief.log_in(owner.email)
        thief.log_out()
        change_password(user=owner, present=RIGHT, new="a quite different sentence", keep=None)
        for number in range(5):
            Person(f"203.0.113.{number}").guess(owner.email, times=1)

        assert thief.guess(owner.email, times=1) == [429]

    def test_of_nothing_is_not_counted(self, owner: User) -> None:
        person = Person(HOME)
        for _ in range(20):
            person.log_in("", WRONG)
            person.log_in(owner.email, "")

        assert person.log_in(owner.email).status_code == 302


@pytest.mark.django_db
class TestOwner:
    def test_gets_in_with_a_known_browser_while_the_account_is_guessed(self, owner: User) -> None:
        person = Person(HOME)
        person.log_in(owner.email)
        person.log_out()
        for number in range(20):
            Person(f"203.0.113.{number}").guess(owner.email, times=2)

        assert Person(OFFICE).log_in(owner.email).status_code == 429
        assert person.log_in(owner.email).status_code == 302
        # From wherever.
        person.log_out()
        person.address = OFFICE
        assert person.log_in(owner.email).status_code == 302

    def test_is_a_stranger_with_a_browser_that_was_known_a_year_ago(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person, a_year_ago = Person(HOME), time.time() - 366 * 86400
        with monkeypatch.context() as then:
            then.setattr("django.core.signing.time", SimpleNamespace(time=lambda: a_year_ago))
            person.log_in(owner.email)
            person.log_out()
        Person(ELSEWHERE).guess(owner.email, times=5)

        assert person.log_in(owner.email).status_code == 429

    def test_gets_in_with_a_known_browser_beside_a_guesser_at_the_same_address(self, owner: User) -> None:
        person = Person(OFFICE)
        person.log_in(owner.email)
        person.log_out()
        Person(OFFICE).guess("somebody@example.com", times=20)

        assert person.log_in(owner.email).status_code == 302

    def test_may_log_in_as_often_as_they_like_from_one_address(self, owner: User) -> None:
        assert {Person(OFFICE).log_in(owner.email).status_code for _ in range(30)} == {302}

    def test_may_not_keep_the_places_of_others_by_logging_in_for_ever(self, owner: User, stranger: User) -> None:
        flooder = Person(HOME)
        statuses = []
        for _ in range(70):
            statuses.append(flooder.log_in(owner.email).status_code)
            flooder.log_out()

        assert statuses == [302] * 60 + [429] * 10
        assert Person(HOME).log_in(stranger.email, "another horse battery").status_code == 302

    def test_keeps_a_known_browser_that_has_changed_the_password(self, owner: User) -> None:
        person, new = Person(HOME), "a quite different sentence"
        person.log_in(owner.email)
        person.browser.post("/account/you/password", {"present": RIGHT, "password": new})
        person.log_out()
        for number in range(5):
            Person(f"203.0.113.{number}").guess(owner.email, times=1)

        assert person.log_in(owner.email, new).status_code == 302


@pytest.mark.django_db
class TestTooManyAtOnce:
    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "_strangers", BoundedSemaphore(1))
        guard._strangers.acquire()

    def test_are_told_to_come_again_and_have_lost_no_try(self, full: None, owner: User) -> None:
        answers = [Person(HOME).log_in(owner.email) for _ in range(20)]

        assert {(answer.status_code, answer["Retry-After"]) for answer in answers} == {(503, "2")}
        guard._strangers.release()
        assert Person(HOME).log_in(owner.email).status_code == 302

    def test_keep_no_known_browser_out(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        person = Person(HOME)
        person.log_in(owner.email)
        person.log_out()
        monkeypatch.setattr(guard, "_strangers", BoundedSemaphore(1))
        guard._strangers.acquire()

        assert person.log_in(owner.email).status_code == 302


@pytest.mark.django_db
class TestAudit:
    def test_tells_of_log_ins_log_outs_and_failures_with_account_and_address(
        self, owner: User, home: NewOrganization
    ) -> None:
        before = AuditEntry.objects.count()
        person = Person(HOME)
        person.log_in(owner.email, WRONG)
        person.log_in(owner.email)
        person.browser.post("/log-out", REMOTE_ADDR="", headers={"X-Forwarded-For": HOME})

        entries = AuditEntry.objects.order_by("id")[before:]
        assert [(entry.action, entry.user) for entry in entries] == [
            ("user.log_in_failed", None),
            ("user.logged_in", owner),
            ("user.logged_out", owner),
        ]
        assert {(entry.organization, entry.target_id, entry.address) for entry in entries} == {
            (home.organization, owner.pk, HOME)
        }

    def test_tells_of_accounts_that_are_none_and_of_no_password_in_the_wrong_field(self, db: None) -> None:
        Person(ELSEWHERE).log_in("nobody@example.com", WRONG)
        Person(ELSEWHERE).log_in("my secret password", WRONG)

        entries = AuditEntry.objects.filter(action="user.log_in_failed").order_by("id")
        assert [entry.detail for entry in entries] == [{"account": "nobody@example.com"}, {}]
        assert {(entry.organization, entry.target_id, entry.address) for entry in entries} == {(None, None, ELSEWHERE)}

    def test_is_not_flooded(self, owner: User) -> None:
        before = AuditEntry.objects.count()
        for number in range(15):
            Person(f"203.0.113.{number}").guess(owner.email, times=3)
            Person(f"198.51.100.{number}").guess(f"nobody{number}@example.com", times=5)

        about_owner = AuditEntry.objects.filter(target_id=owner.pk, action="user.log_in_failed")
        assert about_owner.count() == 5
        assert AuditEntry.objects.count() - before == 5 + 60

    def test_keeps_no_row_for_each_account_that_is_made_up(self, db: None) -> None:
        guesser = Person(ELSEWHERE)
        for number in range(40):
            guesser.guess(f"nobody{number}@example.com", times=1)

        # The client's, those of the five that were looked at, and what counts what is written.
        assert AttemptBudget.objects.count() == 1 + 5 + 2

    def test_tells_once_of_a_client_that_is_refused(self, owner: User) -> None:
        Person(ELSEWHERE).guess(owner.email, times=20)

        assert AuditEntry.objects.filter(action="user.log_in_refused", target_id=owner.pk).count() == 1


@pytest.mark.django_db
class TestAdmin:
    def test_leads_to_the_one_log_in(self) -> None:
        answer = Client().get("/admin/login/?next=/admin/streams/user/")

        assert (answer.status_code, answer["Location"]) == (302, "/log-in?next=/admin/streams/user/")

    def test_takes_no_password(self, owner: User) -> None:
        answer = Client().post("/admin/login/", {"username": owner.email, "password": RIGHT})

        assert answer.status_code == 405

    @pytest.mark.parametrize("wanted", ["https://elsewhere.example/", "//elsewhere.example", ""])
    def test_leads_nowhere_else(self, wanted: str) -> None:
        assert Client().get("/admin/login/", {"next": wanted})["Location"] == "/log-in?next=/admin/"

    def test_says_so_to_whom_is_not_staff(self, owner: User, log_in: Callable[[User], Client]) -> None:
        answer = log_in(owner).get("/admin/", follow=True)

        assert answer.status_code == 403
        assert "support staff" in answer.content.decode()
