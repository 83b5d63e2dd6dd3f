"""Files that are made of recordings once these are over."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from streams.livestreams.states import Shown
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH, Recording
from streams.recordings.models.upload import Uploaded
from streams.recordings.states import RENDERING_STATES, RenderingKind, RenderingStatus


class RenderingQuerySet(models.QuerySet["Rendering"]):
    def free(self) -> Self:
        """Keep those that nobody has in hand."""
        return self.filter(Q(working_until=None) | Q(working_until__lt=Now()))


class Rendering(Uploaded):
    """A file of another size or codec, or of the sound alone; made on its recording's node, one at a time there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="renderings", editable=False)
    kind = models.CharField(max_length=8, choices=RenderingKind.choices, editable=False)
    status = models.CharField(
        max_length=16, choices=RenderingStatus.choices, default=RenderingStatus.WAITING, editable=False
    )
    # Its recording's.
    node = models.CharField(max_length=32, editable=False)
    file_name = models.CharField(max_length=512, editable=False)
    # In its recording's store.
    object_name = models.CharField(max_length=1024, unique=True, editable=False)
    content_type = models.CharField(max_length=64, editable=False)
    # In bytes, once it is made.
    size = models.PositiveBigIntegerField(null=True, editable=False)
    # Who has it in hand, for how long.
    working_until = models.DateTimeField(null=True, editable=False)
    # How often it was begun.
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    # Why it failed, or is late.
    problem = models.CharField(max_length=PROBLEM_MAX_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RenderingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recording", "kind"], name="rendering_one_of_a_kind"),
            models.UniqueConstraint(
                fields=["node"], condition=Q(status=RenderingStatus.RENDERING), name="rendering_one_at_a_time"
            ),
        ]
        indexes = [
            # Who is next.
            models.Index(
                fields=["node", "created_at"],
                condition=Q(status__in=[RenderingStatus.WAITING, RenderingStatus.STORING]),
                name="rendering_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def shown(self) -> Shown:
        return RENDERING_STATES[self.status]
