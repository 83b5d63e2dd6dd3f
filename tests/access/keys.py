"""The API keys that callers show: of each kind, with each scope, and with whatever may have become of them."""

from dataclasses import dataclass
from datetime import timedelta

from livehub.core import clock
from streams.models import ApiKey
from streams.organizations.services import SYSTEM, create_api_key, revoke_api_key
from tests.access.conftest import Tenant
from tests.api.clients import basic

Scopes = tuple[ApiKey.Scope, ...]

EVERYTHING: Scopes = tuple(ApiKey.Scope)
EACH_SCOPE: tuple[Scopes, ...] = tuple((scope,) for scope in ApiKey.Scope)
FATES = ("revoked", "expired", "of the other kind")
# The kind of key that each dialect takes, and another one, by the first part of its paths.
KINDS = {
    "v2": (ApiKey.Kind.BASIC, ApiKey.Kind.BEARER),
    "client": (ApiKey.Kind.BEARER, ApiKey.Kind.BASIC),
    "liveapi": (ApiKey.Kind.LIVEAPI, ApiKey.Kind.CLOUDINARY),
    "cloudinary": (ApiKey.Kind.CLOUDINARY, ApiKey.Kind.LIVEAPI),
}
_KEPT = [*((scopes, "") for scopes in (*EACH_SCOPE, EVERYTHING)), *((EVERYTHING, fate) for fate in FATES)]


def authorization(tenant: Tenant, operation: str, *, scopes: Scopes, fate: str = "") -> str:
    """Return the header of a new key with these scopes; `fate` is what has happened to it since."""
    return _header(tenant, operation.split("/")[1], scopes=scopes, fate=fate)


@dataclass(frozen=True)
class KeyRing:
    """One tenant's keys for all tests of a module: a new one for each call would cost more than the call."""

    headers: dict[tuple[str, Scopes, str], str]

    @classmethod
    def of(cls, tenant: Tenant) -> "KeyRing":
        """Make one of each for each dialect."""
        wanted = [(root, scopes, fate) for root in KINDS for scopes, fate in _KEPT]
        return cls({each: _header(tenant, each[0], scopes=each[1], fate=each[2]) for each in wanted})

    def shown(self, operation: str, *, scopes: Scopes = EVERYTHING, fate: str = "") -> str:
        """Return the header for that operation's dialect."""
        return self.headers[operation.split("/")[1], scopes, fate]


def _header(tenant: Tenant, root: str, *, scopes: Scopes, fate: str) -> str:
    organization, kind = tenant.made.organization, KINDS[root][fate == "of the other kind"]
    key, secret = create_api_key(organization=organization, name="Tried", kind=kind, scopes=[*scopes], actor=SYSTEM)
    if fate == "revoked":
        revoke_api_key(api_key=key, actor=SYSTEM)
    if fate == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    if root == "client":
        return f"Bearer {secret}"
    return basic(organization.pk.hex if root == "v2" else key.lookup, secret)
