"""Wrong keys: limited for each client, and nobody else's right one is slowed by them."""

import pytest
from django.http import HttpResponse
from django.test import Client

from livehub.core import clock
from streams.models import ApiKey, AuditEntry
from streams.organizations import authentication, selectors
from streams.organizations.credential_cache import Acquaintances, CredentialCache
from streams.organizations.services import SYSTEM, revoke_api_key
from tests.api.clients import ApiClient, basic, read

OFFICE, ELSEWHERE = "192.0.2.7", "2001:db8:1:2::7"


@pytest.fixture(autouse=True)
def _nobody_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a start; and however slow the machine is, no budget fills up meanwhile."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    monkeypatch.setattr(authentication, "_acquaintances", Acquaintances(max_entries=100))
    forget_callers(monkeypatch)


def forget_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after any change of any key."""
    cache: CredentialCache[object, object] = CredentialCache(
        read_revision=selectors.find_credential_revision, max_entries=100
    )
    monkeypatch.setattr(authentication, "_opened", cache)


def ask(api: ApiClient, *, address: str, secret: str | None = None) -> HttpResponse:
    """Ask with the program's own credential, or one of its shape that is wrong."""
    authorization = api.authorization
    if secret is not None:
        wrong = f"lh_abcdefghijkl_{secret}"
        authorization = f"Bearer {wrong}" if api.name == "realtimekit" else basic("0" * 32, wrong)
    return Client().get(  # type: ignore[return-value]  # The client's own kind of it.
        f"{api.prefix}/livestreams",
        REMOTE_ADDR="",
        headers={"Authorization": authorization, "X-Forwarded-For": address},
    )


def guess(api: ApiClient, *, address: str, times: int = 8) -> list[int]:
    return [ask(api, address=address, secret=str(number)).status_code for number in range(times)]


@pytest.mark.django_db
class TestGuesser:
    def test_is_told_to_wait_in_the_dialects_shape(self, api: ApiClient) -> None:
        assert guess(api, address=OFFICE) == [401] * 5 + [429] * 3

        answer = ask(api, address=OFFICE, secret="once more")
        error = read(answer)["error"]
        assert (answer.status_code, error["code"], error["type"]) == (429, 429, "rate_limited")
        assert 1 <= int(answer["Retry-After"]) <= 12

    def test_gets_nothing_by_changing_addresses_within_ipv6(self, api: ApiClient) -> None:
        answers = [guess(api, address=f"2001:db8:1:2:{number}::1", times=1) for number in range(8)]

        assert answers.count([429]) == 3

    def test_is_counted_by_itself(self, api: ApiClient) -> None:
        guess(api, address=ELSEWHERE)

        assert ask(api, address=OFFICE).status_code == 200

    def test_leaves_a_trace_that_is_bounded(self, api: ApiClient) -> None:
        for number in range(30):
            guess(api, address=f"198.51.100.{number}")

        entries = AuditEntry.objects.filter(action="api_key.rejected")
        assert 60 <= entries.count() < 100
        assert entries.filter(address="198.51.100.0", organization=None).count() == 5


@pytest.mark.django_db
class TestRightKey:
    def test_that_was_let_in_before_is_never_kept_waiting(
        self, api: ApiClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert ask(api, address=OFFICE).status_code == 200
        guess(api, address=OFFICE)
        forget_callers(monkeypatch)

        assert ask(api, address=OFFICE).status_code == 200

    def test_is_not_counted(self, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(20):
            monkeypatch.setattr(authentication, "_acquaintances", Acquaintances(max_entries=100))
            forget_callers(monkeypatch)
            assert ask(api, address=OFFICE).status_code == 200

    def test_that_is_revoked_counts_as_a_wrong_one(self, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        ask(api, address=OFFICE)
        for key in ApiKey.objects.all():
            revoke_api_key(api_key=key, actor=SYSTEM)
        forget_callers(monkeypatch)

        answers = [ask(api, address=OFFICE).status_code for _ in range(8)]

        assert answers == [401] * 5 + [429] * 3
