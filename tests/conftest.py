"""Personas and livestreams that most tests need, and the run of the whole product that journeys share."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import celery
import pytest
from django.test import override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import deferred
from streams.livestreams.services import create_livestream
from streams.models import Livestream, User
from streams.organizations.services import SYSTEM, NewOrganization, create_organization
from tests.post_office import PostOffice, open_post_office
from tests.queues import empty
from tests.rows import emptied_quickly
from tests.services import GIVEN_CLUSTER
from tests.stack.whole import RunningStack, running_stack

METRICS_TOKEN = "opens the figures of the stack that journeys share"
EDGE_TOKEN = "opens the books of the stack that journeys share"
# Short, since one of them sees it pass; who starts with the slate and needs longer gives a longer reconnect window.
STANDBY_S = 10


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Tell whether the tests' database is there already, or is to be there for the next run (tests/mutants)."""
    return GIVEN_CLUSTER in os.environ or bool(request.config.getoption("reuse_db"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Let the database have one name in all processes, since each has a server of its own."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let tests that commit be cleaned up after."""
    with emptied_quickly():
        yield


@dataclass
class Broker:
    """In place of the broker that would pass tasks on: what was sent to it, in order."""

    names: list[str] = field(default_factory=list)
    queues: list[tuple[str, str | None]] = field(default_factory=list)
    arguments: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    # In how many seconds each is to be run, and after how many it is of no use any more.
    times_s: list[tuple[float, float | None]] = field(default_factory=list)

    def send_task(
        self,
        name: str,
        *,
        kwargs: dict[str, object],
        queue: str | None = None,
        countdown: float | None = None,
        expires: float | None = None,
    ) -> None:
        self.names.append(name)
        self.queues.append((name, queue))
        self.arguments.append((name, kwargs))
        self.times_s.append((countdown or 0.0, expires))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    post = deferred.post
    # Tests of runs send some in earnest, and nobody calls again where messages lie.
    for queue in ("live.main", "files.main", "recordings.main"):
        empty(queue)

    def post_and_wait(send: deferred.Send, *, what: str, delay_s: float = 0.0) -> None:
        post(send, what=what, delay_s=delay_s)
        assert deferred.flush(10)

    monkeypatch.setattr(celery.current_app, "send_task", broker.send_task)
    monkeypatch.setattr(deferred, "post", post_and_wait)
    return broker


@pytest.fixture
def enqueued(broker: Broker) -> list[str]:
    """The names of the tasks that are sent."""
    return broker.names


@pytest.fixture
def capture(django_capture_on_commit_callbacks: Capture) -> Capture:
    """What would happen after the commit, within a test's own transaction."""
    return django_capture_on_commit_callbacks


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests() -> Iterator[None]:
    """What nearly every test needs; one that needs another value sets it for itself."""
    with override_settings(
        # The real hash takes a quarter of a second on purpose, and nearly every test makes an organization.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        # Most tests that open many sessions have one organization for all of them.
        MAX_SESSIONS_PER_ORGANIZATION=10_000,
    ):
        yield


@pytest.fixture
def home(db: None) -> NewOrganization:
    """The organization of the persona under test, with its owner, default app and keys."""
    return create_organization(
        name="Northwind Events", email="owner@northwind.example", password="correct horse battery"
    )


@pytest.fixture
def abroad(db: None) -> NewOrganization:
    """Another tenant."""
    return create_organization(name="Contoso", email="owner@contoso.example", password="another horse battery")


@pytest.fixture
def owner(home: NewOrganization) -> User:
    return home.owner


@pytest.fixture
def stranger(abroad: NewOrganization) -> User:
    return abroad.owner


@pytest.fixture
def livestream(home: NewOrganization) -> Livestream:
    # Without a window, so that its sessions end with their encoder; tests of the window give it one.
    made = create_livestream(app=home.app, name="Autumn keynote", reconnect_window_s=0, actor=SYSTEM)
    # Read anew: the one that was just made knows its key, and not that it is given another.
    return Livestream.objects.get(pk=made.pk)


@pytest.fixture
def foreign_livestream(abroad: NewOrganization) -> Livestream:
    return create_livestream(app=abroad.app, name="Contoso town hall", actor=SYSTEM)


@pytest.fixture(scope="session")
def post_office() -> Iterator[PostOffice]:
    """Where the run hands its mails in."""
    with open_post_office() as office:
        yield office


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, post_office: PostOffice) -> Iterator[RunningStack]:
    """One run of the whole product for all journeys: a start takes 20 s of both cores.

    Each test makes a livestream of its own, and leaves every program running.
    """
    outside = {
        "LIVEHUB_EMAIL_URL": f"smtp://127.0.0.1:{post_office.server_address[1]}",
        "LIVEHUB_METRICS_TOKEN": METRICS_TOKEN,
        "LIVEHUB_EDGE_TOKEN": EDGE_TOKEN,
        "LIVEHUB_STANDBY_S": str(STANDBY_S),
        # Where the receivers of webhooks are.
        "LIVEHUB_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with running_stack(tmp_path_factory.mktemp("stack"), **outside) as running:
        yield running
