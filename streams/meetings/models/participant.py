"""Participants: who may join a meeting."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from streams.meetings.models.meeting import Meeting
from streams.meetings.models.preset import Preset


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def of_meeting(self, meeting: Meeting) -> Self:
        """Keep those of the meeting, with the names of their presets: what these hold is read by whoever needs it."""
        rows = self.existing().filter(meeting=meeting).select_related("preset")
        return rows.defer("preset__config", "preset__permissions", "preset__ui")


class Participant(models.Model):
    """Somebody who may join a meeting with a token; the same person may be several of them.

    A deleted one keeps its row, for the sessions that it took part in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="participants")
    preset = models.ForeignKey(Preset, on_delete=models.RESTRICT, related_name="participants")
    # What the client's own system calls this person; nothing says that it must be another one each time.
    custom_participant_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    picture = models.CharField(max_length=2048, blank=True)
    # Tokens of an earlier revision open nothing any more.
    token_revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        indexes = [
            # The participants of a meeting, newest first.
            models.Index(
                fields=["meeting", "-created_at", "-id"], condition=Q(deleted_at=None), name="participant_list"
            ),
            # In which sessions one of these was.
            models.Index(fields=["custom_participant_id"], name="participant_by_custom_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.custom_participant_id
