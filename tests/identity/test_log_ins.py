"""Where somebody is logged in: one row for session and log-in, told apart by browser, ended one by one."""

from datetime import timedelta

import pytest
from django.test import Client

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.identity import log_ins
from streams.models import AuditEntry, LogIn, User
from streams.organizations.services import Actor
from tests.identity.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def browser_of(user: User, *, password: str = PASSWORD) -> Client:
    """Log in as a person does, behind the edge."""
    client = Client(headers={"User-Agent": FIREFOX, "X-Forwarded-For": "203.0.113.7"}, REMOTE_ADDR="")
    answer = client.post("/log-in", {"username": user.email, "password": password})
    assert answer.status_code == 302
    return client


def log_in_of(client: Client) -> LogIn:
    return LogIn.objects.get(pk=client.session.session_key)


class TestLogIn:
    def test_says_who_where_and_since_when(self, owner: User) -> None:
        before = clock.now()

        log_in = log_in_of(browser_of(owner))

        assert (log_in.user, log_in.browser, log_in.address) == (owner, FIREFOX, "203.0.113.7")
        assert before <= log_in.since <= clock.now()

    def test_has_a_name_from_which_nobody_learns_its_key(self, owner: User) -> None:
        log_in = log_in_of(browser_of(owner))

        assert log_in.session_key not in (str(log_in), log_in.public_id.hex)
        assert log_in.public_id != log_in_of(browser_of(owner)).public_id

    def test_is_seen_at_most_once_a_minute(self, owner: User) -> None:
        client = browser_of(owner)
        seen = []
        for ago in (timedelta(seconds=30), timedelta(minutes=2)):
            LogIn.objects.update(last_seen_at=clock.now() - ago)
            client.get("/log-in")
            seen.append(clock.now() - log_in_of(client).last_seen_at < timedelta(seconds=20))

        assert seen == [False, True]

    def test_survives_a_huge_name_and_an_address_of_nowhere(self, owner: User) -> None:
        client = Client(headers={"User-Agent": "x" * 5000})
        client.post("/log-in", {"username": owner.email, "password": PASSWORD}, REMOTE_ADDR="")

        assert (len(log_in_of(client).browser), log_in_of(client).address) == (255, None)

    def test_sweeps_out_sessions_that_have_expired(self, owner: User) -> None:
        stale = log_in_of(browser_of(owner))
        LogIn.objects.update(expire_date=clock.now())

        browser_of(owner)

        assert not LogIn.objects.filter(pk=stale.pk).exists()


class TestEnd:
    def test_shuts_that_browser_only(self, owner: User) -> None:
        here, there = browser_of(owner), browser_of(owner)

        log_ins.end_log_in(user=owner, log_in_id=log_in_of(there).public_id)

        assert there.get("/account/api-keys/create").status_code == 302
        assert list(log_ins.list_log_ins(owner)) == [log_in_of(here)]
        entry = AuditEntry.objects.get(action="log_in.ended")
        assert (entry.user, entry.detail) == (owner, {"browser": FIREFOX, "address": "203.0.113.7"})

    def test_finds_nobody_elses(self, owner: User, stranger: User) -> None:
        theirs = log_in_of(browser_of(stranger, password="another horse battery"))

        with pytest.raises(NotFoundError):
            log_ins.end_log_in(user=owner, log_in_id=theirs.public_id)

        assert LogIn.objects.filter(pk=theirs.pk).exists()

    def test_of_all_others_keeps_this_one_and_other_peoples(self, owner: User, stranger: User) -> None:
        here = log_in_of(browser_of(owner))
        theirs = log_in_of(browser_of(stranger, password="another horse battery"))
        for _ in range(2):
            browser_of(owner)

        number = log_ins.end_other_log_ins(user=owner, keep=here.session_key, actor=Actor(user=owner))

        assert number == 2
        assert set(LogIn.objects.all()) == {here, theirs}

    def test_of_no_other_is_not_written_down(self, owner: User) -> None:
        assert log_ins.end_other_log_ins(user=owner, keep=None, actor=Actor(user=owner)) == 0
        assert not AuditEntry.objects.filter(action="log_ins.ended").exists()
