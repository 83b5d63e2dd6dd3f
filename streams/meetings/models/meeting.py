"""Meetings: rooms that people come back to."""

import uuid
from contextlib import suppress
from typing import Self

from django.db import models
from django.db.models import Q

from streams.meetings.states import MeetingStatus
from streams.organizations.models import App

# For how long a session goes on after the last participant has left. Source: the vendor's documented default.
DEFAULT_KEEP_ALIVE_S = 60


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def for_app(self, app: App) -> Self:
        return self.filter(app=app)

    def matching(self, search: str) -> Self:
        """Keep those with the text in their title, or as their id."""
        search = search.replace("\x00", "")
        found = Q(title__icontains=search)
        with suppress(ValueError):
            found |= Q(pk=uuid.UUID(search))
        return self.filter(found)


class Meeting(models.Model):
    """A room: its id and settings stay the same from session to session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="meetings")
    title = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=8, choices=MeetingStatus.choices, default=MeetingStatus.ACTIVE)
    # A wish of Dyte's clients: there is one region here, wherever that is.
    preferred_region = models.CharField(max_length=32, blank=True)
    waiting_room = models.BooleanField(default=False)
    record_on_start = models.BooleanField(default=False)
    live_stream_on_start = models.BooleanField(default=False)
    persist_chat = models.BooleanField(default=False)
    summarize_on_end = models.BooleanField(default=False)
    transcribe_on_end = models.BooleanField(default=False)
    session_keep_alive_s = models.PositiveIntegerField(default=DEFAULT_KEEP_ALIVE_S)
    # Only what was asked for: what it says nothing of, the app's settings and the defaults do.
    recording_config = models.JSONField(default=dict)
    ai_config = models.JSONField(default=dict)
    # The secrets of its storage, as an object under our key; empty for none. Nobody is shown them again.
    storage_secrets_encrypted = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of an app, newest first.
            models.Index(fields=["app", "-created_at", "-id"], name="meeting_list"),
            # The same, filtered by status.
            models.Index(fields=["app", "status", "-created_at", "-id"], name="meeting_list_by_status"),
        ]

    def __str__(self) -> str:
        return self.title or f"Meeting {self.pk.hex[:8]}"


class MeetingCount(models.Model):
    """How many meetings and sessions an app has: exact, because triggers keep it in the transaction of each change.

    As for livestreams: lists promise a true total, and counting many rows takes longer than the rest of the answer.
    """

    app = models.OneToOneField(
        App, on_delete=models.CASCADE, primary_key=True, related_name="meeting_count", editable=False
    )
    meetings = models.PositiveBigIntegerField(default=0, editable=False)
    # Of these: those that nobody can join.
    inactive_meetings = models.PositiveBigIntegerField(default=0, editable=False)
    sessions = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"{self.meetings} meetings, {self.sessions} sessions"
