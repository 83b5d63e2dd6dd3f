"""Each dialect's way to say who asks, without the operations behind it."""

from contextlib import suppress
from uuid import uuid4

import pytest
from django.test import RequestFactory
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from livehub.api.errors import CredentialsMissingError
from livehub.core.errors import DomainError, NotFoundError
from streams.models import ApiKey, App
from streams.organizations.authentication import (
    BasicAuthentication,
    BearerAuthentication,
    Caller,
    CloudinaryAuthentication,
    LiveApiAuthentication,
)
from streams.organizations.services import (
    SYSTEM,
    ApiKeyRejectedError,
    NewApiKey,
    NewOrganization,
    create_api_key,
)
from tests.api.clients import basic

ADDRESS = "192.0.2.77"
WAYS: dict[str, type[BaseAuthentication]] = {
    "basic": BasicAuthentication,
    "bearer": BearerAuthentication,
    "liveapi": LiveApiAuthentication,
    "cloudinary": CloudinaryAuthentication,
}
PAIRS = ("liveapi", "cloudinary")


def ask(kind: str, authorization: str, **path: str) -> Caller:
    """Authenticate as a request to this kind's dialect would be."""
    headers = {"Authorization": authorization} if authorization else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=ADDRESS)
    _, caller = WAYS[kind]().authenticate(Request(request, parser_context={"kwargs": path}))  # type: ignore[misc]
    assert isinstance(caller, Caller)
    return caller


def made(home: NewOrganization, kind: str, *, app: App | None = None) -> NewApiKey:
    return create_api_key(organization=home.organization, name="Tried", kind=kind, actor=SYSTEM, app=app)


def shown(key: NewApiKey) -> str:
    return basic(key.row.lookup, key.secret)


def path_of(home: NewOrganization, app: App | None = None) -> dict[str, str]:
    app_id = (app or home.app).pk.hex
    return {"account_id": home.organization.pk.hex, "app_id": app_id, "cloud_name": app_id}


@pytest.fixture
def second(home: NewOrganization) -> App:
    return App.objects.create(organization=home.organization, name="Second")


class TestPair:
    @pytest.mark.parametrize("kind", PAIRS)
    def test_opens_the_default_app_for_who_names_none_or_it(self, home: NewOrganization, kind: str) -> None:
        caller = ask(kind, shown(made(home, kind)), **path_of(home))

        assert (caller.app, caller.api_key.organization) == (home.app, home.organization)

    def test_of_cloudinary_opens_the_app_that_is_the_cloud(self, home: NewOrganization, second: App) -> None:
        authorization = shown(made(home, "cloudinary"))

        for spelling in (second.pk.hex, str(second.pk), second.pk.hex.upper()):
            assert ask("cloudinary", authorization, cloud_name=spelling).app == second

    @pytest.mark.parametrize("kind", PAIRS)
    def test_of_an_app_opens_that_app(self, home: NewOrganization, second: App, kind: str) -> None:
        assert ask(kind, shown(made(home, kind, app=second)), **path_of(home, second)).app == second

    def test_of_an_app_takes_another_one_for_one_that_nobody_has(self, home: NewOrganization, second: App) -> None:
        authorization = shown(made(home, "cloudinary", app=second))
        nobodys, others = uuid4(), home.app.pk

        for app_id in (nobodys, others):
            with pytest.raises(NotFoundError) as refusal:
                ask("cloudinary", authorization, cloud_name=app_id.hex)
            assert refusal.value.message == f"No app {app_id} in this account."

    def test_opens_no_other_tenants_app(self, home: NewOrganization, abroad: NewOrganization) -> None:
        with pytest.raises(NotFoundError):
            ask("cloudinary", shown(made(home, "cloudinary")), cloud_name=abroad.app.pk.hex)

    @pytest.mark.parametrize("kind", PAIRS)
    def test_needs_its_secret(self, home: NewOrganization, kind: str) -> None:
        key = made(home, kind)

        for wrong in ("", key.secret[:-1], key.row.secret_hash, f"lh_{key.row.lookup}_{key.secret}"):
            with pytest.raises(DomainError) as refusal:
                ask(kind, basic(key.row.lookup, wrong), **path_of(home))
            assert refusal.value.code in {"authentication_failed", "rate_limited"}

    @pytest.mark.parametrize("kind", PAIRS)
    def test_that_is_missing_is_asked_for(self, home: NewOrganization, kind: str) -> None:
        for authorization in ("", "Basic", "Bearer x", "Basic !"):
            with pytest.raises(CredentialsMissingError):
                ask(kind, authorization, **path_of(home))


def spellings(home: NewOrganization, key: NewApiKey, door: str) -> list[str]:
    """Return headers that show this key at that door; of a key that is no such one, in every way to make it one."""
    texts = {key.secret, f"lh_{key.row.lookup}_{key.secret}"}
    secrets = {key.secret, key.secret.rpartition("_")[2]}
    if door == "basic":
        return [basic(home.organization.pk.hex, text) for text in texts]
    if door == "bearer":
        return [f"Bearer {text}" for text in texts]
    return [basic(key.row.lookup, secret) for secret in secrets]


@pytest.mark.parametrize("door", WAYS)
@pytest.mark.parametrize("kind", ApiKey.Kind.values)
def test_a_key_opens_its_own_dialect_alone(home: NewOrganization, kind: str, door: str) -> None:
    opened = 0
    for header in spellings(home, made(home, kind), door):
        with suppress(ApiKeyRejectedError):
            ask(door, header, **path_of(home))
            opened += 1

    assert opened == (1 if kind == door else 0)


@pytest.mark.parametrize("kind", WAYS)
def test_whoever_asks_is_known_with_the_address(home: NewOrganization, kind: str) -> None:
    key = made(home, kind)
    authorization = {"basic": basic(home.organization.pk.hex, key.secret), "bearer": f"Bearer {key.secret}"}

    actor = ask(kind, authorization.get(kind, shown(key)), **path_of(home)).actor

    assert (actor.api_key, actor.user, actor.address) == (key.row, None, ADDRESS)
