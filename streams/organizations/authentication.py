"""Which program calls the API, and which app it means: one class per way to say so."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, cast
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from livehub.api.credentials import read_basic, read_bearer
from livehub.api.errors import CredentialsMissingError
from livehub.api.identifiers import find_uuid, get_uuid
from livehub.core.clients import client_address, network_of
from livehub.core.errors import NotFoundError
from streams.organizations import selectors, services
from streams.organizations.attempts import TooManyAttemptsError, check, spend, ten_a_minute
from streams.organizations.credential_cache import Acquaintances, CredentialCache
from streams.organizations.log_ins import record_rejected_key
from streams.organizations.models import ApiKey, App
from streams.organizations.services import Actor

# What an id that is none is looked up as, so that it takes the same way and the same time to the same answer.
_NO_ORGANIZATION = UUID(int=0)
_CALLERS_MAX = 4096


@dataclass(frozen=True)
class Caller:
    """An authenticated program and the app that its request is about."""

    api_key: ApiKey
    app: App

    @property
    def actor(self) -> Actor:
        return Actor(api_key=self.api_key)

    @property
    def scopes(self) -> list[str]:
        return self.api_key.scopes


@dataclass(frozen=True)
class _Shown:
    """What a request shows of who asks, and for which app; the credential itself is kept nowhere."""

    digest: bytes
    kind: str
    organization_id: UUID
    # As the path has it; empty where it has none.
    app_id: str


_callers: CredentialCache[_Shown, Caller] = CredentialCache(
    read_revision=selectors.find_credential_revision, max_entries=_CALLERS_MAX
)
# Whoever was let in once is looked up again without asking how often others at the same address have been wrong.
_acquaintances: Acquaintances[_Shown] = Acquaintances(max_entries=_CALLERS_MAX)
_WRONG_KEYS = ten_a_minute("api_key.client")


class BasicAuthentication(BaseAuthentication):
    """Dyte: `Basic base64(organization id:api key)`; the app is the key's own, or else the default one."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        credentials = read_basic(request._request)
        if credentials is None:
            raise CredentialsMissingError("Send Authorization: Basic with base64(organization id:api key).")
        shown = _shown(credentials.password, kind=ApiKey.Kind.BASIC, organization=credentials.username, app_id="")
        return None, _authenticate(credentials.password, shown, address=client_address(request._request))

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="LiveHub", charset="UTF-8"'


class BearerAuthentication(BaseAuthentication):
    """RealtimeKit: `Bearer <token>`; account and app stand in the path."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        token = read_bearer(request._request)
        if token is None:
            raise CredentialsMissingError("Send Authorization: Bearer with an API token.")
        path = cast(Mapping[str, str], request.parser_context["kwargs"])
        shown = _shown(token, kind=ApiKey.Kind.BEARER, organization=path["account_id"], app_id=path["app_id"])
        return None, _authenticate(token, shown, address=client_address(request._request))

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="LiveHub"'


class PairAuthentication(BaseAuthentication):
    """`Basic base64(key id:key secret)`: a key that is two values, each of its own dialect."""

    kind: ClassVar[str]

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        credentials = read_basic(request._request)
        if credentials is None:
            raise CredentialsMissingError("Send Authorization: Basic with base64(key id:key secret).")
        # No key is of these kinds yet, so there is no organization that it could be of.
        shown = _shown(credentials.password, kind=self.kind, organization="", app_id="")
        return None, _authenticate(credentials.password, shown, address=client_address(request._request))

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="LiveHub", charset="UTF-8"'


class LiveApiAuthentication(PairAuthentication):
    """LiveAPI: the app is the key's own, or else the default one."""

    kind = "liveapi"


class CloudinaryAuthentication(PairAuthentication):
    """Cloudinary: the app is the cloud of the path."""

    kind = "cloudinary"


def _shown(credential: str, *, kind: str, organization: str, app_id: str) -> _Shown:
    digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
    # In one spelling, so that one caller has one entry.
    app = find_uuid(app_id)
    return _Shown(digest, kind, find_uuid(organization) or _NO_ORGANIZATION, app.hex if app else app_id)


def _authenticate(credential: str, shown: _Shown, *, address: str | None) -> Caller:
    caller = _callers.get(shown, load=lambda: _find_caller(credential, shown, address=address))
    services.use_api_key(caller.api_key)
    return caller


def _find_caller(credential: str, shown: _Shown, *, address: str | None) -> Caller:
    if shown not in _acquaintances:
        _check_budget(address)
    key = _find_key(credential, shown, address=address)
    _acquaintances.add(shown)
    return Caller(key, _get_app(key, app_id=shown.app_id))


def _find_key(credential: str, shown: _Shown, *, address: str | None) -> ApiKey:
    try:
        return services.authenticate_api_key(
            credential=credential, kind=shown.kind, organization_id=shown.organization_id
        )
    except services.ApiKeyRejectedError:
        _acquaintances.discard(shown)
        record_rejected_key(address=address)
        # Only now: a program that begins with many requests at once is no guesser, and keys are too long to be guessed
        # by the few tries that pass the check beside one another.
        with suppress(TooManyAttemptsError):
            spend(_WRONG_KEYS, network_of(address))
        raise


def _check_budget(address: str | None) -> None:
    try:
        check(_WRONG_KEYS, network_of(address))
    except TooManyAttemptsError as error:
        wait = f"Too many wrong API keys from your address. Try again in {error.retry_after_s} s."
        raise TooManyAttemptsError(wait, retry_after_s=error.retry_after_s) from error


def _get_app(key: ApiKey, *, app_id: str) -> App:
    """Return the app of the path, or where it has none the key's own or the default one, if the key reaches it.

    :raises NotFoundError: when it does not, exactly as for an app that does not exist.
    """
    if not app_id:
        return key.app or selectors.get_default_app(key.organization)
    wanted = get_uuid(app_id, noun="app")
    if key.app is None:
        return selectors.get_app(organization=key.organization, app_id=wanted)
    if key.app.pk != wanted:
        raise NotFoundError(f"No app {wanted} in this account.")
    return key.app
