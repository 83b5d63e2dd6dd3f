"""The secrets that encoders publish with: made, found, revoked."""

from collections.abc import Mapping
from datetime import timedelta
from secrets import token_hex

from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import crypto
from livehub.core.errors import DomainError
from streams.livestreams.models import Livestream, StreamKey
from streams.livestreams.models.livestream import StreamKeyQuerySet

_KEY_LENGTH = 40
# Bytes, each of two hex digits. Source: LiveAPI, `lv_<32 hex>?password=<hex>`; half of its passwords' length was less
# than we take for a secret.
_NAME_BYTES, _PASSWORD_BYTES = 16, 8


class StreamKeyRejectedError(DomainError):
    """No livestream has this key, or its password is another."""

    code = "stream_key_rejected"
    http_status = 403


class StreamKeyPasswordError(StreamKeyRejectedError):
    """The key is right, and the password that has to come with it is not."""

    code = "stream_key_password_rejected"

    def __init__(self, livestream: Livestream) -> None:
        super().__init__(
            "The password of the stream key is wrong. Copy server and key again from the livestream's page."
        )
        self.livestream = livestream


def resolve_key(name: str, args: Mapping[str, str]) -> StreamKey:
    """Return the key that an encoder publishes with, with its livestream, app, organization and meeting loaded.

    `name` is the stream name that it asks for, `args` what stands behind it (`key?password=...`).

    :raises StreamKeyRejectedError: when no livestream has it (any more).
    :raises StreamKeyPasswordError: when its password is wrong or missing.
    """
    keys = StreamKey.objects.valid().filter(digest=crypto.lookup_digest(name), livestream__deleted_at=None)
    key = keys.select_related("livestream__app__organization", "livestream__meeting").first()
    if key is None:
        raise StreamKeyRejectedError("No livestream has this stream key.")
    if key.password_digest and not crypto.is_same_secret(args.get("password", ""), key.password_digest):
        raise StreamKeyPasswordError(key.livestream)
    return key


def make_first_key(livestream: Livestream, *, has_password: bool = False) -> StreamKey:
    """Make the present key of a livestream that has none, with a password or without."""
    password = token_hex(_PASSWORD_BYTES) if has_password else ""
    name = f"lv_{token_hex(_NAME_BYTES)}" if has_password else _plain_name()
    return _make_key(livestream, name=name, password=password)


def give_key(livestream: Livestream, *, has_password: bool = False, overlap: timedelta = timedelta(0)) -> StreamKey:
    """Make another present key; those that the livestream had run out after `overlap`.

    Call it with the livestream locked, in the transaction of the change.
    """
    _revoke(StreamKey.objects.filter(livestream=livestream), overlap=overlap)
    return make_first_key(livestream, has_password=has_password)


def renew_key(livestream: Livestream, *, overlap: timedelta = timedelta(0)) -> StreamKey:
    """Do the same, with a password where the present key has one: who knows its form finds it again."""
    present = livestream.stream_keys.get(revoked_at=None)
    return give_key(livestream, has_password=bool(present.password_digest), overlap=overlap)


def give_test_picture_key(livestream: Livestream, *, lifetime: timedelta) -> StreamKey:
    """Make a key for our own encoder, beside the present one, which stays as it is.

    Call it with the livestream locked.
    """
    until = Now() + lifetime
    return _make_key(livestream, name=_plain_name(), is_for_test_picture=True, revoked_at=until)


def give_pull_key(livestream: Livestream, *, lifetime: timedelta) -> str:
    """Return a key that what is fetched is published with; the one before it opens nothing any more.

    One row for all of them: a source that is away is tried again for days. Call it with the livestream locked.
    """
    name = _plain_name()
    values = {"digest": crypto.lookup_digest(name), "encrypted": crypto.encrypt(name), "revoked_at": Now() + lifetime}
    StreamKey.objects.update_or_create(livestream=livestream, is_for_pull=True, defaults=values)
    return name


def _revoke(keys: StreamKeyQuerySet, *, overlap: timedelta) -> None:
    until = Now() + overlap
    keys.filter(Q(revoked_at=None) | Q(revoked_at__gt=until)).update(revoked_at=until)


def _plain_name() -> str:
    return f"sk_{crypto.random_token(_KEY_LENGTH)}"


def _make_key(livestream: Livestream, *, name: str, password: str = "", **fields: object) -> StreamKey:
    """Keep it as the encoder is given it, and so that it is found by the name that the encoder asks for."""
    whole = f"{name}?password={password}" if password else name
    return StreamKey.objects.create(
        livestream=livestream,
        digest=crypto.lookup_digest(name),
        encrypted=crypto.encrypt(whole),
        password_digest=crypto.hash_secret(password) if password else "",
        **fields,
    )
