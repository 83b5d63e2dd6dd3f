"""Where a livestream's broadcasts go."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from livehub.core import crypto
from streams.livestreams.models.livestream import Livestream
from streams.livestreams.states import LivestreamStatus, OutputType, Shown, show_output

# Characters. A key is kept encrypted, and so has no column's limit.
URI_MAX_LENGTH, KEY_MAX_LENGTH, VENDOR_MAX_LENGTH = 1024, 1024, 64


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

    def __str__(self) -> str:
        return self.name or self.uri or OutputType(self.type).label

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
    def is_simulcast(self) -> bool:
        return self.type == OutputType.SIMULCAST

    @property
    def is_for_viewers(self) -> bool:
        return self.type == OutputType.HLS

    @property
    def shown(self) -> Shown:
        return show_output(type=self.type, is_enabled=self.enabled, status=LivestreamStatus(self.livestream.status))


def default_public_id(livestream_id: uuid.UUID) -> str:
    """Return what the archive of a livestream is called until somebody calls it something else."""
    return f"live_stream_{livestream_id.hex}_archive"
