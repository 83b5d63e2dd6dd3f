"""Where a livestream's broadcasts go."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from livehub.core import crypto
from streams.livestreams.models.livestream import Livestream
from streams.livestreams.models.session import Session
from streams.livestreams.states import (
    SIMULCAST_STATES,
    LivestreamStatus,
    OutputType,
    Shown,
    SimulcastState,
    show_output,
    show_simulcast,
)

# Characters. A key is kept encrypted, and so has no column's limit.
URI_MAX_LENGTH, KEY_MAX_LENGTH, VENDOR_MAX_LENGTH = 1024, 1024, 64
# Of why a simulcast is in its state.
MESSAGE_MAX_LENGTH = 255


class OutputQuerySet(models.QuerySet["Output"]):
    def in_order(self) -> Self:
        """Sort as people and programs see them: HLS, archive, and then the simulcasts as they were added."""
        # Those of one migration are as old as each other.
        return self.order_by("created_at", "-type", "id")


class Output(models.Model):
    """One way out: HLS for viewers, an archive that is kept, or a simulcast to another platform.

    Every livestream gets the first two when it is made.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="outputs")
    type = models.CharField(max_length=16, choices=OutputType.choices, editable=False)
    name = models.CharField(max_length=255, blank=True)
    # Where a simulcast is sent to; empty for the others.
    uri = models.CharField(max_length=URI_MAX_LENGTH, blank=True)
    # The key of the other platform; empty where it needs none.
    stream_key_encrypted = models.TextField(blank=True, editable=False)
    # By which two keys of one platform are told apart: they are two channels there.
    stream_key_digest = models.CharField(max_length=64, blank=True, editable=False)
    # Whose platform it is, in the client's words.
    vendor = models.CharField(max_length=VENDOR_MAX_LENGTH, blank=True)
    # What an archive is called; empty for the others.
    public_id = models.CharField(max_length=255, blank=True)
    enabled = models.BooleanField(default=True)
    # Of the picture that is sent at most, so many lines; 0 for the best that there is.
    most_lines = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Of a simulcast, how far it is: written by who runs the broadcast, as the program says that sends it.
    push_state = models.CharField(
        max_length=16, choices=SimulcastState.choices, default=SimulcastState.IDLE, db_default=SimulcastState.IDLE
    )
    # Why it is in that state: a code, and a sentence for people; both empty where nothing is wrong.
    push_reason = models.CharField(max_length=32, blank=True, default="", db_default="")
    push_message = models.CharField(max_length=MESSAGE_MAX_LENGTH, blank=True, default="", db_default="")
    push_since = models.DateTimeField(null=True, blank=True)
    # Of the broadcast that is going on, or was last: what the platform has really taken, and lately in a second.
    push_bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    push_rate = models.PositiveBigIntegerField(default=0, db_default=0)
    push_tries = models.PositiveIntegerField(default=0, db_default=0)
    # When somebody asked last to try again at once.
    retry_asked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OutputQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream", "type"],
                condition=~Q(type=OutputType.SIMULCAST),
                name="output_one_hls_and_one_archive",
            ),
            models.UniqueConstraint(
                fields=["livestream", "uri", "stream_key_digest"],
                condition=Q(type=OutputType.SIMULCAST),
                name="output_one_simulcast_per_channel",
            ),
            models.CheckConstraint(
                condition=(Q(type=OutputType.SIMULCAST) & ~Q(uri="")) | (~Q(type=OutputType.SIMULCAST) & Q(uri="")),
                name="output_uri_iff_simulcast",
            ),
        ]
        indexes = [
            # The overview: which go nowhere.
            models.Index(
                fields=["-push_since"],
                condition=Q(push_state__in=[SimulcastState.ERRORED, SimulcastState.RETRYING]),
                name="output_in_trouble",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_uri or OutputType(self.type).label

    @classmethod
    def defaults_of(cls, livestream: Livestream) -> "list[Output]":
        """Return what a new livestream has, not saved yet."""
        return [
            cls(livestream=livestream, type=OutputType.HLS, name="default hls"),
            cls(
                livestream=livestream,
                type=OutputType.ARCHIVE,
                name="default archive",
                public_id=default_public_id(livestream.pk),
            ),
        ]

    @property
    def stream_key(self) -> str:
        """The other platform's key; empty where it needs none."""
        return crypto.decrypt(self.stream_key_encrypted) if self.stream_key_encrypted else ""

    @stream_key.setter
    def stream_key(self, key: str) -> None:
        self.stream_key_encrypted = crypto.encrypt(key) if key else ""
        self.stream_key_digest = crypto.lookup_digest(key) if key else ""

    @property
    def address(self) -> str:
        """Where its viewers, or the other platform, are; empty for an archive."""
        return self.livestream.playback_url if self.type == OutputType.HLS else self.uri

    @property
    def shown_uri(self) -> str:
        """Its address for everybody who looks: what follows the application is a key where none is kept beside it."""
        scheme, _, rest = self.uri.partition("://")
        host, _, path = rest.partition("/")
        application, _, key = path.partition("/")
        return f"{scheme}://{host}/{application}/***" if key and not self.stream_key_encrypted else self.uri

    @property
    def is_simulcast(self) -> bool:
        return self.type == OutputType.SIMULCAST

    @property
    def can_be_retried(self) -> bool:
        """Its next try is being waited for."""
        return self.enabled and self.push_state in {SimulcastState.RETRYING, SimulcastState.ERRORED}

    @property
    def push_kbps(self) -> float:
        """What the platform takes, over the last seconds."""
        return self.push_rate * 8 / 1000

    @property
    def is_broadcasting(self) -> bool:
        return self.push_state == SimulcastState.BROADCASTING

    @property
    def is_being_sent(self) -> bool:
        """Who runs the broadcast sends it there, or tries to: what becomes of it changes by itself."""
        return self.is_simulcast and SIMULCAST_STATES[self.push_state].is_on_air

    @property
    def is_for_viewers(self) -> bool:
        return self.type == OutputType.HLS

    @property
    def shown(self) -> Shown:
        if self.is_simulcast:
            return show_simulcast(state=self.push_state, is_enabled=self.enabled, reason=self.push_reason)
        is_enabled = self.enabled and (settings.RECORD_AUTOMATICALLY or self.type != OutputType.ARCHIVE)
        return show_output(type=self.type, is_enabled=is_enabled, status=LivestreamStatus(self.livestream.status))


class PushEvent(models.Model):
    """A simulcast came into another state, in which it stayed until the next one."""

    id = models.BigAutoField(primary_key=True)
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="push_events")
    # None for what happened while nothing was on air, and once the broadcast's row is gone.
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=SimulcastState.choices)
    reason = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=MESSAGE_MAX_LENGTH, blank=True)
    # What the platform had taken of the broadcast by then.
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{SimulcastState(self.state).label}: {self.message}" if self.message else self.get_state_display()

    @property
    def shown(self) -> Shown:
        return show_simulcast(state=self.state, is_enabled=True, reason=self.reason)


def default_public_id(livestream_id: uuid.UUID) -> str:
    """Return what the archive of a livestream is called until somebody calls it something else."""
    return f"live_stream_{livestream_id.hex}_archive"
