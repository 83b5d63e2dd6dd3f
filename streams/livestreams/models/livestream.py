"""Livestreams and the keys that encoders publish to them with."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Now

from livehub.core import clock, crypto
from streams.livestreams import addresses
from streams.livestreams.states import (
    DISABLED,
    LIVESTREAM_STATES,
    DuplicatePublisher,
    LatencyMode,
    LivestreamStatus,
    PlaybackPolicy,
    Shown,
    WhileEncoderAway,
    show_livestream,
)
from streams.organizations.models import App, Organization

# In the words of the index `livestream_live_first`: the list is read in its order.
LIVE_FIRST = Case(
    When(status=LivestreamStatus.LIVE, then=0),
    When(status=LivestreamStatus.RECONNECTING, then=1),
    When(status=LivestreamStatus.STANDBY, then=2),
    When(status=LivestreamStatus.CONNECTING, then=3),
    default=4,
    output_field=models.SmallIntegerField(),
)
_ON_AIR = [value for value, shown in LIVESTREAM_STATES.items() if shown.is_on_air]
# How long a broadcast waits for an encoder that has dropped, when nobody has said otherwise, and at most.
RECONNECT_WINDOW_DEFAULT_S, RECONNECT_WINDOW_MAX_S = 60, 1800
# How long an activated livestream without a slate waits for its first encoder, where a broadcast would not wait at all.
_ACTIVATION = timedelta(seconds=120)
# Longer than an encoder's first tries to come back, and not too long for a person who wants it to.
END_HOLD_DEFAULT_S, END_HOLD_MAX_S = 60, 3600
MAX_RUNTIME_MAX_S = 30 * 86_400
# How far back players can go, when nobody has said otherwise, and at most.
DVR_WINDOW_DEFAULT_S, DVR_WINDOW_MAX_S = 3600, 12 * 3600
# Characters of an origin: a scheme, a host name of at most 253 of them, and a port.
ORIGIN_MAX_LENGTH = 270
# As many digits of an id as people are shown.
SHORT_ID_LENGTH = 8


class LivestreamQuerySet(models.QuerySet["Livestream"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)

    def for_organization(self, organization: Organization) -> Self:
        return self.existing().filter(app__organization=organization)

    def in_states(self, values: Collection[str]) -> Self:
        """Keep those of these statuses; "disabled" stands beside them for those that refuse encoders."""
        return self.filter(
            Q(status__in=values) | Q(disabled=True) if DISABLED.value in values else Q(status__in=values)
        )

    def on_air(self) -> Self:
        """Keep those with a broadcast that is going on."""
        return self.filter(status__in=_ON_AIR)

    def shown_as(self, value: str) -> Self:
        """Keep those that people see in this state: each is in exactly one, unlike with `in_states`."""
        if value in _ON_AIR:
            return self.filter(status=value)
        if value == DISABLED.value:
            return self.filter(disabled=True).exclude(status__in=_ON_AIR)
        return self.filter(status=value, disabled=False)

    def matching(self, search: str) -> Self:
        """Keep those with the text in their name, or as their id (whole, or as short as it is shown) or playback id."""
        search = search.replace("\x00", "")
        found = Q(name__icontains=search) | Q(playback_id=search)
        with suppress(ValueError):
            found |= Q(pk__range=_ids_that_begin_with(search))
        return self.filter(found)

    def with_stream_key(self) -> Self:
        """Read each one's present key along, in the same query."""
        return self.annotate(stream_key_encrypted=_present_key())


class Livestream(models.Model):
    """A place to publish to and to watch: its id, key and playback URL stay the same from session to session.

    A deleted one keeps its row, so that what was broadcast still counts in analytics; no interface shows it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="livestreams")
    name = models.CharField(max_length=255, blank=True)
    # Written together with the newest session's status, and by nothing else.
    status = models.CharField(
        max_length=16, choices=LivestreamStatus.choices, default=LivestreamStatus.IDLE, editable=False
    )
    disabled = models.BooleanField(default=False)
    # Of whose meeting it shows the picture; None for an independent one.
    meeting = models.ForeignKey("streams.Meeting", on_delete=models.CASCADE, related_name="livestreams", null=True)
    # What picture the meeting's mixer is to make, as an object; empty for its own choice.
    video_config = models.JSONField(default=dict, editable=False)
    # A meeting's livestream that was stopped takes no encoder any more: the meeting's next one is another.
    stopped_at = models.DateTimeField(null=True, editable=False)
    playback_id = models.CharField(max_length=32, unique=True, editable=False)
    # A broadcast that is going on keeps what these two said when it began.
    latency_mode = models.CharField(max_length=16, choices=LatencyMode.choices, default=LatencyMode.LOW, editable=False)
    dvr_window_s = models.PositiveIntegerField(default=DVR_WINDOW_DEFAULT_S, editable=False)
    playback_policy = models.CharField(
        max_length=16, choices=PlaybackPolicy.choices, default=PlaybackPolicy.PUBLIC, editable=False
    )
    # Whose pages may embed it or fetch from it; empty for everybody's.
    allowed_origins = ArrayField(models.CharField(max_length=ORIGIN_MAX_LENGTH), default=list, editable=False)
    # At once; None for as many as come. Only tokens tell viewers apart.
    max_viewers = models.PositiveIntegerField(null=True, editable=False)
    refused_publishes = models.PositiveIntegerField(default=0, editable=False)
    last_refusal = models.CharField(max_length=255, blank=True, editable=False)
    last_refused_at = models.DateTimeField(null=True, editable=False)
    # When its newest session that viewers could play became playable.
    last_live_at = models.DateTimeField(null=True, editable=False)
    # For how long a broadcast waits for an encoder that has dropped; 0 ends it at once.
    reconnect_window_s = models.PositiveIntegerField(default=RECONNECT_WINDOW_DEFAULT_S, editable=False)
    # A broadcast that is going on keeps what it began with.
    while_away = models.CharField(
        max_length=16, choices=WhileEncoderAway.choices, default=WhileEncoderAway.SLATE, editable=False
    )
    duplicate_publisher = models.CharField(
        max_length=16, choices=DuplicatePublisher.choices, default=DuplicatePublisher.REJECT, editable=False
    )
    # For how long encoders are turned away after somebody has ended the broadcast.
    end_hold_s = models.PositiveIntegerField(default=END_HOLD_DEFAULT_S, editable=False)
    # None for no limit.
    max_runtime_s = models.PositiveIntegerField(null=True, editable=False)
    # When somebody asked for it to be ready before its encoder comes, and there is no slate to begin with; None once it
    # has been idled.
    activated_at = models.DateTimeField(null=True, editable=False)
    # Until then encoders are turned away: who ended the broadcast does not want it back at once.
    held_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    # Read along by `with_stream_key`, or known to whoever has just made it.
    stream_key_encrypted: str

    objects = LivestreamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meeting"],
                condition=Q(meeting__isnull=False, stopped_at=None, deleted_at=None),
                name="livestream_one_active_per_meeting",
            ),
            models.CheckConstraint(
                condition=Q(dvr_window_s__lte=DVR_WINDOW_MAX_S), name="livestream_dvr_window_has_an_end"
            ),
            models.CheckConstraint(
                condition=Q(reconnect_window_s__lte=RECONNECT_WINDOW_MAX_S), name="livestream_reconnect_has_an_end"
            ),
            models.CheckConstraint(condition=Q(end_hold_s__lte=END_HOLD_MAX_S), name="livestream_end_hold_has_an_end"),
            models.CheckConstraint(
                condition=Q(max_viewers=None) | Q(playback_policy=PlaybackPolicy.SIGNED),
                name="livestream_max_viewers_of_signed",
            ),
        ]
        indexes = [
            # The list of an app, newest first or oldest first, a page at a time.
            models.Index(fields=["app", "-created_at", "-id"], condition=Q(deleted_at=None), name="livestream_list"),
            # The same without those of meetings.
            models.Index(
                fields=["app", "-created_at", "-id"],
                condition=Q(deleted_at=None, meeting=None),
                name="livestream_list_independent",
            ),
            # All of them, filtered by status.
            models.Index(
                fields=["app", "status", "-created_at", "-id"],
                condition=Q(deleted_at=None),
                name="livestream_list_by_status",
            ),
            # The dashboard's list, last live first.
            models.Index(
                "app",
                F("last_live_at").desc(nulls_last=True),
                condition=Q(deleted_at=None),
                name="livestream_by_last_live",
            ),
            # The dashboard's list as it comes: what is on air first.
            models.Index(
                "app",
                LIVE_FIRST.asc(),
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(deleted_at=None),
                name="livestream_live_first",
            ),
            # How many are disabled, and which.
            models.Index(
                fields=["app", "-created_at", "-id"],
                condition=Q(deleted_at=None, disabled=True),
                name="livestream_disabled",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Livestream {self.short_id}"

    @property
    def short_id(self) -> str:
        """The beginning of the id, by which people tell livestreams apart and find them again."""
        return self.pk.hex[:SHORT_ID_LENGTH]

    @property
    def shown(self) -> Shown:
        """What people see; whether it is interrupted, only if a list has read its `newest_event` along."""
        newest_event = vars(self).get("newest_event") or ""
        is_stopped = self.stopped_at is not None
        return show_livestream(
            status=self.status, is_disabled=self.disabled, is_stopped=is_stopped, newest_event=newest_event
        )

    @property
    def is_held(self) -> bool:
        """Encoders are turned away for a while, since somebody or something has ended the broadcast."""
        return self.held_until is not None and clock.now() < self.held_until

    @property
    def shows_slate(self) -> bool:
        """Viewers see a picture while the encoder is away, or where the last one cannot be held."""
        return bool(self.reconnect_window_s) and self.while_away != WhileEncoderAway.NOTHING

    @property
    def is_active(self) -> bool:
        """A broadcast is going on, or somebody has asked for it a short while ago."""
        if self.status in _ON_AIR:
            return True
        wait = timedelta(seconds=self.reconnect_window_s) or _ACTIVATION
        return self.activated_at is not None and clock.now() < self.activated_at + wait

    @property
    def is_signed(self) -> bool:
        """Only who has a token may play."""
        return self.playback_policy == PlaybackPolicy.SIGNED

    @property
    def stream_key(self) -> str:
        """The key to publish with; `with_stream_key` has read it along, else it is asked for."""
        encrypted: str | None = vars(self).get("stream_key_encrypted")
        return crypto.decrypt(encrypted or self.stream_keys.get(revoked_at=None).encrypted)

    @property
    def playback_path(self) -> str:
        return addresses.multivariant_path(self.playback_id)

    @property
    def thumbnail_path(self) -> str:
        return addresses.thumbnail_path(self.playback_id)

    @property
    def playback_url(self) -> str:
        return f"{settings.PUBLIC_URL}{self.playback_path}"

    @property
    def thumbnail_url(self) -> str:
        return f"{settings.PUBLIC_URL}{self.thumbnail_path}"

    @property
    def watch_url(self) -> str:
        return f"{settings.PUBLIC_URL}{addresses.watch_path(self.playback_id)}"

    @property
    def embed_url(self) -> str:
        return f"{settings.PUBLIC_URL}{addresses.embed_path(self.playback_id)}"


class LivestreamCount(models.Model):
    """How many livestreams an app has: exact, because a trigger keeps it in the transaction of each change.

    Lists promise a true total, and counting 100,000 index entries takes longer than the rest of the answer. Only
    creating and deleting touch this row, never a change of status, so that broadcasts do not wait for each other.
    """

    app = models.OneToOneField(
        App, on_delete=models.CASCADE, primary_key=True, related_name="livestream_count", editable=False
    )
    total = models.PositiveBigIntegerField(default=0, editable=False)
    # Of these: those of meetings.
    of_meetings = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return str(self.total)


class StreamKeyQuerySet(models.QuerySet["StreamKey"]):
    def valid(self) -> Self:
        """Keep those that open something now, by the database's clock."""
        return self.filter(Q(revoked_at=None) | Q(revoked_at__gt=Now()))


class StreamKey(models.Model):
    """A secret that an encoder publishes with; a livestream has one present key, and older ones that run out.

    It must be found by its value and shown again: a keyed hash for the one, a ciphertext for the other. With a password
    it opens nothing alone: the encoder sends it as `key?password=...`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="stream_keys")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    encrypted = models.TextField(editable=False)
    # Empty for a key that needs no password.
    password_digest = models.CharField(max_length=64, blank=True, editable=False)
    # One that the product's own encoder publishes with, for a minute; never the present key.
    is_for_test_picture = models.BooleanField(default=False, editable=False)
    # One that what is fetched from elsewhere is published with, a new one for each try; never the present key.
    is_for_pull = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # In the future while the key overlaps with the one that takes its place.
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = StreamKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream"], condition=Q(revoked_at=None), name="stream_key_one_present_per_livestream"
            ),
            models.CheckConstraint(
                condition=Q(is_for_test_picture=False) | Q(revoked_at__isnull=False),
                name="stream_key_of_test_picture_runs_out",
            ),
            models.UniqueConstraint(
                fields=["livestream"], condition=Q(is_for_pull=True), name="stream_key_one_for_pull_per_livestream"
            ),
            models.CheckConstraint(
                condition=Q(is_for_pull=False) | Q(revoked_at__isnull=False), name="stream_key_for_pull_runs_out"
            ),
        ]
        indexes = [
            # How many test pictures are on.
            models.Index(
                fields=["revoked_at"], condition=Q(is_for_test_picture=True), name="stream_key_of_test_picture"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


# Made once, when all models are there: making the expression costs as much as running it.
@cache
def _present_key() -> Subquery:
    return Subquery(StreamKey.objects.filter(livestream=OuterRef("pk"), revoked_at=None).values("encrypted"))


def _ids_that_begin_with(text: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Return the first and the last id that can be meant.

    :raises ValueError: when it is neither a whole id nor a short one.
    """
    digits = text if len(text) == SHORT_ID_LENGTH else uuid.UUID(text).hex
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
