"""Personas and livestreams that most tests need."""

import celery
import pytest
from pytest_django import Settings

from livehub.core import deferred
from streams.livestreams.services import create_livestream
from streams.models import Livestream, User
from streams.organizations.services import SYSTEM, NewOrganization, create_organization


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that are sent, in place of the broker that would pass them on."""
    names: list[str] = []
    post = deferred.post

    def post_and_wait(send: deferred.Send, *, what: str) -> None:
        post(send, what=what)
        assert deferred.flush(10)

    monkeypatch.setattr(celery.current_app, "send_task", lambda name, **_: names.append(name))
    monkeypatch.setattr(deferred, "post", post_and_wait)
    return names


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """The real hash takes a quarter of a second on purpose, and nearly every test makes an organization."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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
    return create_livestream(app=home.app, name="Autumn keynote", actor=SYSTEM)


@pytest.fixture
def foreign_livestream(abroad: NewOrganization) -> Livestream:
    return create_livestream(app=abroad.app, name="Contoso town hall", actor=SYSTEM)
