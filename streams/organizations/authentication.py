"""Which program calls the API, and which app it means: one class per way to say so."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from livehub.api.credentials import BasicCredentials, read_basic, read_bearer
from livehub.api.errors import CredentialsMissingError
from livehub.api.identifiers import find_uuid, get_uuid
from livehub.core.clients import client_address, network_of
from streams.organizations import selectors
from streams.organizations.attempts import TooManyAttemptsError, check, spend, ten_a_minute
from streams.organizations.credential_cache import Acquaintances, CredentialCache
from streams.organizations.credentials import Credential, authenticate_api_key, split_key, use_api_key
from streams.organizations.kept_answers import KeptAnswers
from streams.organizations.log_ins import record_rejected_key
from streams.organizations.models import ApiKey, App
from streams.organizations.services import Actor, ApiKeyRejectedError

# What an id that is none is looked up as, so that it takes the same way and the same time to the same answer.
_NO_ORGANIZATION = UUID(int=0)
_CALLERS_MAX = 4096


@dataclass(frozen=True)
class Caller:
    """An authenticated program, the app that its request is about, and where it calls from."""

    api_key: ApiKey
    app: App
    address: str | None

    @property
    def actor(self) -> Actor:
        return Actor(api_key=self.api_key, address=self.address)

    @property
    def scopes(self) -> list[str]:
        return self.api_key.scopes

    @property
    def identity(self) -> str:
        return self.api_key.pk.hex

    @property
    def answers(self) -> KeptAnswers:
        return KeptAnswers(self.api_key)


@dataclass(frozen=True)
class _Shown:
    """What a request shows of who asks, and for which app; the secret itself is kept nowhere."""

    digest: bytes
    kind: str
    # None where the credential alone says whose it is.
    organization_id: UUID | None
    # As the path has it; empty where it has none.
    app_id: str


class _Opened(NamedTuple):
    """What a request opens, whoever sends it from wherever."""

    api_key: ApiKey
    app: App


_opened: CredentialCache[_Shown, _Opened] = CredentialCache(
    read_revision=selectors.find_credential_revision, max_entries=_CALLERS_MAX
)
# Whoever was let in once is looked up again without asking how often others at the same address have been wrong.
_acquaintances: Acquaintances[_Shown] = Acquaintances(max_entries=_CALLERS_MAX)
_WRONG_KEYS = ten_a_minute("api_key.client")


class _KeyAuthentication(BaseAuthentication):
    """What all ways have in common: a key in the Authorization header."""

    # Source: RFC 7617, RFC 6750.
    challenge: ClassVar[str] = 'Basic realm="LiveHub", charset="UTF-8"'

    def authenticate_header(self, request: Request) -> str:
        return self.challenge


class _PairAuthentication(_KeyAuthentication):
    """What comes as a user name and a password; `sent` names the two for people."""

    sent: ClassVar[str]

    def read_pair(self, request: Request) -> BasicCredentials:
        found = read_basic(request._request)
        if found is None:
            raise CredentialsMissingError(f"Send Authorization: Basic with base64({self.sent}).")
        return found


class BasicAuthentication(_PairAuthentication):
    """Dyte: `Basic base64(organization id:api key)`; the app is the key's own, or else the default one."""

    sent = "organization id:API key"

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        found = self.read_pair(request)
        return None, _authenticate(
            request, split_key(found.password), kind=ApiKey.Kind.BASIC, organization=found.username
        )


class BearerAuthentication(_KeyAuthentication):
    """RealtimeKit: `Bearer <token>`; the account stands in the path, and the app where it is about one."""

    challenge = 'Bearer realm="LiveHub"'

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        token = read_bearer(request._request)
        if token is None:
            raise CredentialsMissingError("Send Authorization: Bearer with an API token.")
        path = _path(request)
        return None, _authenticate(
            request,
            split_key(token),
            kind=ApiKey.Kind.BEARER,
            organization=path["account_id"],
            app_id=path.get("app_id", ""),
        )


class LiveApiAuthentication(_PairAuthentication):
    """LiveAPI: `Basic base64(key id:secret)`; the app is the key's own, or else the organization's default one."""

    sent = "key id:key secret"

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        found = self.read_pair(request)
        return None, _authenticate(request, Credential(found.username, found.password), kind=ApiKey.Kind.LIVEAPI)


class CloudinaryAuthentication(_PairAuthentication):
    """Cloudinary: `Basic base64(api key:api secret)`; the path's cloud name is the app's id."""

    sent = "API key:API secret"

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        found = self.read_pair(request)
        credential = Credential(found.username, found.password)
        cloud_name = _path(request)["cloud_name"]
        return None, _authenticate(request, credential, kind=ApiKey.Kind.CLOUDINARY, app_id=cloud_name)


def _path(request: Request) -> Mapping[str, str]:
    return cast(Mapping[str, str], request.parser_context["kwargs"])


def _authenticate(
    request: Request, credential: Credential, *, kind: str, organization: str | None = None, app_id: str = ""
) -> Caller:
    address = client_address(request._request)
    shown = _shown(credential, kind=kind, organization=organization, app_id=app_id)
    opened = _opened.get(shown, load=lambda: _open(credential, shown, address=address))
    use_api_key(opened.api_key)
    return Caller(opened.api_key, opened.app, address)


def _shown(credential: Credential, *, kind: str, organization: str | None, app_id: str) -> _Shown:
    # Nothing that is right holds the byte between them.
    text = f"{credential.lookup}\0{credential.secret}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    # In one spelling, so that one caller has one entry.
    app = find_uuid(app_id)
    organization_id = None if organization is None else find_uuid(organization) or _NO_ORGANIZATION
    return _Shown(digest, kind, organization_id, app.hex if app else app_id)


def _open(credential: Credential, shown: _Shown, *, address: str | None) -> _Opened:
    if shown not in _acquaintances:
        _check_budget(address)
    key = _find_key(credential, shown, address=address)
    _acquaintances.add(shown)
    return _Opened(key, _get_app(key, app_id=shown.app_id))


def _find_key(credential: Credential, shown: _Shown, *, address: str | None) -> ApiKey:
    try:
        return authenticate_api_key(credential, kind=shown.kind, organization_id=shown.organization_id)
    except ApiKeyRejectedError:
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
    return selectors.get_reachable_app(api_key=key, app_id=get_uuid(app_id, noun="app"))
