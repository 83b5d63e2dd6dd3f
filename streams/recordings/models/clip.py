"""Clips: stretches of broadcasts and of recordings that have a file of their own."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from livehub.core import clock
from livehub.core.names import NAME_MAX_LENGTH
from streams.livestreams.models import Livestream, Session
from streams.livestreams.states import Shown
from streams.organizations.models import App, Organization
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH, Recording
from streams.recordings.models.storage import StorageTarget
from streams.recordings.models.upload import Uploaded
from streams.recordings.states import CLIP_STATES, GAP_WORDS, ClipStatus


class ClipQuerySet(models.QuerySet["Clip"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)

    def for_organization(self, organization: Organization) -> Self:
        return self.existing().filter(app__organization=organization)

    def unfinished(self) -> Self:
        return self.filter(status=ClipStatus.MAKING)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Clip(Uploaded):
    """A stretch of a broadcast, or of a recording, exact to the picture.

    It can be played by its playlists from when they are there; its file is made and stored right after. A deleted one
    keeps its row, for what it says of the past; no interface shows it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="clips")
    livestream = models.ForeignKey(Livestream, on_delete=models.SET_NULL, null=True, related_name="clips")
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="clips")
    # What it was cut out of; None: of the broadcast's own files.
    recording = models.ForeignKey(Recording, on_delete=models.SET_NULL, null=True, related_name="clips")
    title = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
    status = models.CharField(max_length=16, choices=ClipStatus.choices, default=ClipStatus.MAKING, editable=False)
    # Who, in words.
    created_by = models.CharField(max_length=255, blank=True, editable=False)

    # What was asked for: of a broadcast in milliseconds since 1970, of a recording in microseconds of its file.
    from_ms = models.BigIntegerField(null=True, editable=False)
    until_ms = models.BigIntegerField(null=True, editable=False)
    from_us = models.PositiveBigIntegerField(null=True, editable=False)
    until_us = models.PositiveBigIntegerField(null=True, editable=False)
    # From here on known once it is laid out. When its first picture was taken:
    starts_at = models.DateTimeField(null=True, editable=False)
    duration_us = models.PositiveBigIntegerField(null=True, editable=False)
    size = models.PositiveBigIntegerField(null=True, editable=False)
    # What of the broadcast is not in it: objects of `at_us`, `length_us` and `reason`, in order.
    gaps = models.JSONField(default=list, editable=False)
    # By their names; empty before.
    playlists = models.JSONField(default=dict, editable=False)

    # Where it is kept; None: in the folder of its node.
    storage = models.ForeignKey(StorageTarget, on_delete=models.RESTRICT, null=True, related_name="clips")
    # In its store.
    object_name = models.CharField(max_length=1024, unique=True, editable=False)
    # Which node makes it.
    node = models.CharField(max_length=32, editable=False)
    # Who has it in hand, for how long.
    making_until = models.DateTimeField(null=True, editable=False)
    # Why it is not ready yet, or not at all; empty while nothing is wrong.
    problem = models.CharField(max_length=PROBLEM_MAX_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    ready_at = models.DateTimeField(null=True, editable=False)
    # None: it is kept until it is deleted.
    expires_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # Its object is gone, or there never was one; of a deleted one only.
    is_erased = models.BooleanField(default=False, editable=False)

    objects = ClipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until_ms__gt=models.F("from_ms"), from_us=None, until_us=None)
                | Q(until_us__gt=models.F("from_us"), from_ms=None, until_ms=None),
                name="clip_has_a_stretch",
            ),
        ]
        indexes = [
            # The list of an app, newest first.
            models.Index(fields=["app", "-created_at", "-id"], condition=Q(deleted_at=None), name="clip_list"),
            # Those of a livestream.
            models.Index(
                fields=["livestream", "-created_at", "-id"], condition=Q(deleted_at=None), name="clip_of_livestream"
            ),
            # The sweeps: what is to be done.
            models.Index(fields=["node"], condition=Q(status=ClipStatus.MAKING), name="clip_unfinished"),
            models.Index(fields=["expires_at"], condition=Q(deleted_at=None), name="clip_expires"),
            models.Index(
                fields=["deleted_at"], condition=Q(deleted_at__isnull=False, is_erased=False), name="clip_to_erase"
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"Clip {self.pk}"

    @property
    def shown(self) -> Shown:
        return CLIP_STATES[self.status]

    @property
    def is_ready(self) -> bool:
        return self.status == ClipStatus.READY

    @property
    def is_unfinished(self) -> bool:
        return self.status == ClipStatus.MAKING

    @property
    def is_playable(self) -> bool:
        """Its playlists are there."""
        return bool(self.playlists) and self.status != ClipStatus.FAILED

    @property
    def duration_s(self) -> float | None:
        return None if self.duration_us is None else self.duration_us / 1_000_000

    @property
    def duration_ms(self) -> int | None:
        return None if self.duration_us is None else self.duration_us // 1000

    @property
    def told_gaps(self) -> list[str]:
        """Why something of the broadcast is not in it, as people are told it."""
        return sorted({GAP_WORDS.get(gap["reason"], "Lost") for gap in self.gaps})

    @property
    def file_name(self) -> str:
        """What its file is called where somebody saves it."""
        return f"{self.title.replace('/', '_') or 'clip'}.mp4"
