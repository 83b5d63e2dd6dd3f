"""What a program shows, and which key it is: the one place that compares secrets."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from livehub.core import clock, crypto
from streams.organizations.models import ApiKey
from streams.organizations.services import KEY_PREFIX, ApiKeyRejectedError

# How stale `last_used_at` may be: a write per request would cost more than the request.
_LAST_USED_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class Credential:
    """What a key is found by, and what proves that it is whoever shows it; both unchecked."""

    lookup: str
    secret: str = field(repr=False)


def split_key(text: str) -> Credential:
    """Return the parts of a key that is one text, `lh_<lookup>_<secret>`; what is none has parts that nothing has."""
    before, _, rest = text.partition(KEY_PREFIX)
    lookup, _, secret = rest.partition("_")
    return Credential("", "") if before else Credential(lookup, secret)


def authenticate_api_key(credential: Credential, *, kind: str, organization_id: UUID | None = None) -> ApiKey:
    """Return the key that a program showed, with its organization and app loaded.

    Side effect: `last_used_at`, at most once a minute.

    :raises ApiKeyRejectedError: when it opens nothing in this kind's dialect, or in that organization if one is named.
    """
    key = _find_key(credential.lookup)
    is_right = crypto.is_same_secret(credential.secret, key.secret_hash if key else "")
    is_at_home = key is not None and organization_id in {None, key.organization_id}
    if key is None or not is_right or not is_at_home or key.kind != kind:
        raise ApiKeyRejectedError
    use_api_key(key)
    return key


def use_api_key(api_key: ApiKey) -> None:
    """Accept one more use of a key that was found to be right.

    Side effect: `last_used_at`, at most once a minute.

    :raises ApiKeyRejectedError: when it has been revoked, or has expired by now.
    """
    now = clock.now()
    if not api_key.is_usable(at=now):
        raise ApiKeyRejectedError
    if api_key.last_used_at is None or api_key.last_used_at < now - _LAST_USED_RESOLUTION:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _LAST_USED_RESOLUTION)
        # In memory first: the same object answers for other requests at this moment.
        api_key.last_used_at = now
        ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)


def _find_key(lookup: str) -> ApiKey | None:
    # NUL cannot be asked of PostgreSQL, and no key of ours holds anything but ASCII.
    if not (lookup.isascii() and lookup.isalnum()):
        return None
    return ApiKey.objects.select_related("organization", "app").filter(lookup=lookup).first()
