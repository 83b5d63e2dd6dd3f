"""The secrets that encoders publish with: made, found, revoked."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import crypto
from livehub.core.errors import DomainError
from streams.livestreams.models import Livestream, StreamKey

_KEY_LENGTH = 40


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
    """Return the key that an encoder publishes with, with its livestream and app loaded.

    `name` is the stream name that it asks for, `args` what stands behind it (`key?password=...`).

    :raises StreamKeyRejectedError: when no livestream has it (any more).
    :raises StreamKeyPasswordError: when its password is wrong or missing.
    """
    keys = StreamKey.objects.valid().filter(digest=crypto.lookup_digest(name), livestream__deleted_at=None)
    key = keys.select_related("livestream__app").first()
    if key is None:
        raise StreamKeyRejectedError("No livestream has this stream key.")
    if key.password_digest and not crypto.is_same_secret(args.get("password", ""), key.password_digest):
        raise StreamKeyPasswordError(key.livestream)
    return key


def give_key(livestream: Livestream, *, password: str = "", overlap: timedelta = timedelta(0)) -> StreamKey:
    """Make the livestream's present key; those that it had run out after `overlap`.

    Call it with the livestream locked, in the transaction of the change.
    """
    until = Now() + overlap
    outlasting = Q(revoked_at=None) | Q(revoked_at__gt=until)
    StreamKey.objects.filter(outlasting, livestream=livestream).update(revoked_at=until)
    return _make_key(livestream, password_digest=crypto.hash_secret(password) if password else "")


def give_test_picture_key(livestream: Livestream, *, lifetime: timedelta) -> StreamKey:
    """Make a key for our own encoder, beside the present one, which stays as it is.

    Call it with the livestream locked.
    """
    return _make_key(livestream, is_for_test_picture=True, revoked_at=Now() + lifetime)


def _make_key(livestream: Livestream, **fields: object) -> StreamKey:
    secret = f"sk_{crypto.random_token(_KEY_LENGTH)}"
    digest, encrypted = crypto.lookup_digest(secret), crypto.encrypt(secret)
    return StreamKey.objects.create(livestream=livestream, digest=digest, encrypted=encrypted, **fields)
