"""The keys that sign viewers' tokens: made, found, rotated."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import crypto
from streams.livestreams.models import PlaybackKey
from streams.organizations.models import App
from streams.organizations.services import Actor, record

# What a leaked key is found by; and as many characters as it takes to be as hard to guess as its hash (256 bits).
_PREFIX, _LENGTH = "psk_", 44
# Of the old key: as long as a token may last at most would be of no use to who has lost it.
OVERLAP_MAX = timedelta(days=30)


def list_keys(app: App) -> list[PlaybackKey]:
    """Return the keys whose tokens play, the present one first; empty for an app that has never needed one."""
    return list(PlaybackKey.objects.valid().filter(app=app).order_by("-created_at"))


def ensure_key(app: App) -> PlaybackKey:
    """Return the present key of an app; its first one is made when it is needed."""
    key, _ = PlaybackKey.objects.get_or_create(app=app, revoked_at=None, defaults={"encrypted": _new_secret()})
    return key


@transaction.atomic
def show_key(*, app: App, actor: Actor) -> PlaybackKey:
    """Return the present key, whose secret somebody is going to read, and write down who."""
    record(organization=app.organization, actor=actor, action="app.playback_key_shown", target=app)
    return ensure_key(app)


@transaction.atomic
def rotate_key(*, app: App, actor: Actor, overlap: timedelta = timedelta(0)) -> PlaybackKey:
    """Give an app another key, and return it.

    Tokens of the earlier ones play until the overlap is over; without one those who play with them are cut within 10 s.
    """
    # Those who rotate at once do so one after the other.
    App.objects.select_for_update(no_key=True).get(pk=app.pk)
    until = Now() + overlap
    PlaybackKey.objects.filter(Q(revoked_at=None) | Q(revoked_at__gt=until), app=app).update(revoked_at=until)
    key = PlaybackKey.objects.create(app=app, encrypted=_new_secret())
    detail = {"overlap_s": int(overlap.total_seconds())} if overlap else {}
    record(organization=app.organization, actor=actor, action="app.playback_key_rotated", target=app, **detail)
    return key


def _new_secret() -> str:
    return crypto.encrypt(f"{_PREFIX}{crypto.random_token(_LENGTH)}")
