"""What a credential opens is remembered, and forgotten in time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from streams.models import ApiKey, App, Organization
from streams.organizations import selectors
from streams.organizations.credential_cache import POLL_S, TRUST_S, CredentialCache
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key, revoke_api_key
from tests.api.clients import ApiClient, basic


@dataclass
class World:
    """What a cache sees: the time, the revision, and what a key opens; each can be moved by hand."""

    now_s: float = 1000.0
    revision: UUID | None = None
    opens: str = "everything"
    polls: int = 0
    loads: int = 0

    def read_revision(self) -> UUID | None:
        self.polls += 1
        return self.revision

    def load(self) -> str:
        self.loads += 1
        return self.opens

    def revoke(self) -> None:
        self.opens, self.revision = "nothing", uuid4()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cache(world: World) -> CredentialCache[str, str]:
    return CredentialCache(read_revision=world.read_revision, max_entries=3, clock_s=lambda: world.now_s)


class TestCredentialCache:
    def test_asks_once_for_what_is_shown_again(self, world: World, cache: CredentialCache[str, str]) -> None:
        assert [cache.get("key", load=world.load) for _ in range(5)] == ["everything"] * 5

        assert (world.loads, world.polls) == (1, 1)

    def test_asks_for_changes_again_after_a_while_only(self, world: World, cache: CredentialCache[str, str]) -> None:
        for _ in range(10):
            cache.get("key", load=world.load)
            world.now_s += POLL_S / 4

        assert (world.loads, world.polls) == (1, 3)

    def test_forgets_everything_when_something_changed(self, world: World, cache: CredentialCache[str, str]) -> None:
        cache.get("key", load=world.load)
        world.revoke()

        world.now_s += POLL_S

        assert cache.get("key", load=world.load) == "nothing"
        assert len(cache) == 1

    def test_does_not_keep_what_was_read_before_a_change_as_if_after_it(
        self, world: World, cache: CredentialCache[str, str]
    ) -> None:
        def load_while_it_is_revoked() -> str:
            found = world.load()
            world.revoke()
            world.now_s += POLL_S
            cache.get("another key", load=world.load)  # Somebody else learns of the change meanwhile.
            return found

        assert cache.get("key", load=load_while_it_is_revoked) == "everything"

        assert cache.get("key", load=world.load) == "nothing"

    def test_keeps_nothing_that_was_refused(self, world: World, cache: CredentialCache[str, str]) -> None:
        def refuse() -> str:
            raise PermissionError

        for _ in range(2):
            with pytest.raises(PermissionError):
                cache.get("wrong key", load=refuse)

        assert len(cache) == 0

    def test_keeps_the_most_recently_used(self, world: World, cache: CredentialCache[str, str]) -> None:
        for key in ("a", "b", "c", "a", "d"):
            cache.get(key, load=world.load)

        assert len(cache) == 3
        before = world.loads
        for key in ("a", "c", "d"):
            cache.get(key, load=world.load)
        assert world.loads == before
        cache.get("b", load=world.load)
        assert world.loads == before + 1

    def test_believes_nothing_while_the_revision_cannot_be_had(
        self, world: World, cache: CredentialCache[str, str]
    ) -> None:
        """One request hangs asking for the revision: others go on for a moment, then read for themselves."""
        cache.get("key", load=world.load)
        with _hanging_poll(world, cache):
            world.opens = "nothing"
            assert cache.get("key", load=world.load) == "everything"

            world.now_s += TRUST_S

            assert cache.get("key", load=world.load) == "nothing"

    def test_lets_a_failed_question_be_asked_again(self, world: World) -> None:
        def fail() -> UUID | None:
            raise ConnectionError

        cache: CredentialCache[str, str] = CredentialCache(read_revision=fail, max_entries=3)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                cache.get("key", load=world.load)


class _hanging_poll:  # noqa: N801  # Used as a function.
    """A thread that asks for the revision and gets no answer while the block lasts."""

    def __init__(self, world: World, cache: CredentialCache[str, str]) -> None:
        self._asked, self._answer = threading.Event(), threading.Event()
        self._cache, self._world = cache, world

    def __enter__(self) -> None:
        self._cache._read_revision = self._hang
        self._world.now_s += POLL_S
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._executor.submit(self._cache.get, "key", load=self._world.load)
        assert self._asked.wait(timeout=10)

    def __exit__(self, *_: object) -> None:
        self._answer.set()
        self._executor.shutdown()

    def _hang(self) -> UUID | None:
        self._asked.set()
        self._answer.wait(timeout=10)
        return self._world.revision


Change = Callable[[NewOrganization, ApiKey], object]


@pytest.mark.django_db
class TestRevision:
    """Kept by the database, whoever makes the change and however."""

    @pytest.fixture
    def key(self, home: NewOrganization) -> ApiKey:
        return create_api_key(organization=home.organization, name="Key", kind="basic", actor=SYSTEM)[0]

    @pytest.mark.parametrize(
        "change",
        [
            lambda home, key: revoke_api_key(api_key=key, actor=SYSTEM),
            lambda home, key: ApiKey.objects.filter(pk=key.pk).update(scopes=["read"]),
            lambda home, key: ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now()),
            lambda home, key: ApiKey.objects.filter(pk=key.pk).update(secret_hash="0" * 64),
            lambda home, key: ApiKey.objects.filter(pk=key.pk).delete(),
            lambda home, key: App.objects.filter(pk=home.app.pk).update(is_default=False),
            lambda home, key: Organization.objects.filter(pk=home.organization.pk).update(name="Renamed"),
        ],
        ids=["revoked", "scopes", "expiry", "secret", "deleted", "app", "organization"],
    )
    def test_is_another_one_after_every_change(self, home: NewOrganization, key: ApiKey, change: Change) -> None:
        before = selectors.find_credential_revision()

        change(home, key)

        assert selectors.find_credential_revision() != before

    def test_stays_when_a_key_is_used_or_made(self, home: NewOrganization, key: ApiKey) -> None:
        before = selectors.find_credential_revision()

        ApiKey.objects.filter(pk=key.pk).update(last_used_at=clock.now())
        key.save()
        create_api_key(organization=home.organization, name="Another", kind="basic", actor=SYSTEM)

        assert selectors.find_credential_revision() == before


@pytest.mark.django_db
class TestRequests:
    def test_need_no_query_for_a_key_that_was_just_seen(self, api: ApiClient) -> None:
        api.get("/livestreams")

        with CaptureQueriesContext(connection) as captured:
            assert api.get("/livestreams").status_code == 200

        tables = ("streams_apikey", 'FROM "streams_app"', "streams_organization")
        assert not [query["sql"] for query in captured if any(table in query["sql"] for table in tables)]

    def test_refuse_a_remembered_key_once_it_has_expired(
        self, dyte: ApiClient, home: NewOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert dyte.get("/livestreams").status_code == 200
        expires_at = clock.now() + timedelta(hours=1)
        _, text = create_api_key(
            organization=home.organization, name="Hour", kind="basic", actor=SYSTEM, expires_at=expires_at
        )
        authorization = basic(home.organization.pk.hex, text)
        assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 200

        monkeypatch.setattr(clock, "now", lambda: expires_at)

        assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 401

    def test_refuse_a_remembered_key_in_another_organizations_name(
        self, dyte: ApiClient, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        assert dyte.get("/livestreams").status_code == 200

        as_abroad = basic(abroad.organization.pk.hex, home.api_key)

        assert dyte.request("GET", "/livestreams", authorization=as_abroad).status_code == 401

    def test_refuse_a_remembered_token_for_another_organizations_app(
        self, realtimekit: ApiClient, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        assert realtimekit.get("/livestreams").status_code == 200
        for account, app, status in (
            (home.organization, abroad.app, 404),
            (abroad.organization, abroad.app, 401),
        ):
            prefix = f"/client/v4/accounts/{account.pk.hex}/realtime/kit/{app.pk.hex}"
            program = ApiClient("realtimekit", prefix, realtimekit.authorization)

            assert program.get("/livestreams").status_code == status

    def test_refuse_a_wrong_secret_after_the_right_one(self, dyte: ApiClient, home: NewOrganization) -> None:
        assert dyte.get("/livestreams").status_code == 200
        wrong = home.api_key[:-1] + ("a" if home.api_key[-1] != "a" else "b")
        authorization = basic(home.organization.pk.hex, wrong)

        for _ in range(2):
            assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 401


@pytest.mark.django_db(transaction=True)
class TestRace:
    ROUNDS = 50

    @pytest.fixture
    def key(self, home: NewOrganization) -> ApiKey:
        return ApiKey.objects.get(organization=home.organization, kind="basic")

    def test_a_revocation_beside_the_first_use_is_never_remembered_as_good(
        self, home: NewOrganization, key: ApiKey
    ) -> None:
        """One connection revokes while another reads the key for the first time."""
        for _ in range(self.ROUNDS):
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=None)
            assert not _is_remembered_as_good_after_a_race(key)


def _is_remembered_as_good_after_a_race(key: ApiKey) -> bool:
    now_s = 0.0
    cache: CredentialCache[str, bool] = CredentialCache(
        read_revision=selectors.find_credential_revision, max_entries=3, clock_s=lambda: now_s
    )
    _together(
        lambda: revoke_api_key(api_key=key, actor=SYSTEM),
        lambda: cache.get("key", load=lambda: _is_usable(key)),
    )
    now_s += POLL_S
    return cache.get("key", load=lambda: _is_usable(key))


def _is_usable(key: ApiKey) -> bool:
    return ApiKey.objects.filter(pk=key.pk, revoked_at=None).exists()


def _together(*calls: Callable[[], object]) -> None:
    """Run the calls at once, each in a thread with a connection of its own."""
    barrier = threading.Barrier(len(calls), timeout=10)

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(calls)) as executor:
        for future in [executor.submit(run, call) for call in calls]:
            future.result(timeout=30)
