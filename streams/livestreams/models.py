"""Livestreams, their sessions, and every change of a session's status."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import clock, crypto
from streams.livestreams.states import EndReason, LivestreamStatus, SessionStatus
from streams.organizations.models import App, Organization

# A free worker takes a session within a fraction of a second.
_WORKER_PATIENCE = timedelta(seconds=10)


class LivestreamQuerySet(models.QuerySet["Livestream"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)

    def for_organization(self, organization: Organization) -> Self:
        return self.existing().filter(app__organization=organization)

    def in_statuses(self, statuses: Collection[str]) -> Self:
        return self.filter(status__in=statuses)

    def matching(self, search: str) -> Self:
        """Keep those with the text in their name, or as their whole id or playback id."""
        search = search.replace("\x00", "")
        found = Q(name__icontains=search) | Q(playback_id=search)
        with suppress(ValueError):
            found |= Q(pk=uuid.UUID(search))
        return self.filter(found)


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
    # The key must be found by its value and shown again: a keyed hash for the one, a ciphertext for the other.
    stream_key_digest = models.CharField(max_length=64, unique=True, editable=False)
    stream_key_encrypted = models.TextField(editable=False)
    playback_id = models.CharField(max_length=32, unique=True, editable=False)
    refused_publishes = models.PositiveIntegerField(default=0, editable=False)
    last_refusal = models.CharField(max_length=255, blank=True, editable=False)
    last_refused_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = LivestreamQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of an app, newest first or oldest first, a page at a time.
            models.Index(fields=["app", "-created_at", "-id"], condition=Q(deleted_at=None), name="livestream_list"),
            # The same, filtered by status.
            models.Index(
                fields=["app", "status", "-created_at", "-id"],
                condition=Q(deleted_at=None),
                name="livestream_list_by_status",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.pk)

    @property
    def stream_key(self) -> str:
        return crypto.decrypt(self.stream_key_encrypted)

    @property
    def playback_path(self) -> str:
        return f"/playback/{self.playback_id}/index.m3u8"

    @property
    def playback_url(self) -> str:
        return f"{settings.PUBLIC_URL}{self.playback_path}"


class LivestreamCount(models.Model):
    """How many livestreams an app has: exact, because a trigger keeps it in the transaction of each change.

    Lists promise a true total, and counting 100,000 index entries takes longer than the rest of the answer. Only
    creating and deleting touch this row, never a change of status, so that broadcasts do not wait for each other.
    """

    app = models.OneToOneField(
        App, on_delete=models.CASCADE, primary_key=True, related_name="livestream_count", editable=False
    )
    total = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return str(self.total)


class SessionQuerySet(models.QuerySet["Session"]):
    def open(self) -> Self:
        return self.filter(stopped_at=None)

    def abandoned(self) -> Self:
        """Keep open ones that no worker runs, by the database's clock."""
        return self.open().filter(Q(lease_until=None) | Q(lease_until__lt=Now()))

    def for_app(self, app: App) -> Self:
        return self.filter(livestream__app=app, livestream__deleted_at=None)


class Session(models.Model):
    """One broadcast of a livestream: from an accepted encoder to its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="sessions")
    status = models.CharField(
        max_length=16, choices=SessionStatus.choices, default=SessionStatus.CONNECTING, editable=False
    )
    end_reason = models.CharField(max_length=32, choices=EndReason.choices, blank=True, editable=False)
    error_message = models.TextField(blank=True, editable=False)

    # The encoder's connection, in nginx-rtmp's words. The hook of a second, refused encoder carries the same key but
    # another client id, which must not end this session.
    ingest_client_id = models.PositiveBigIntegerField(editable=False)
    encoder_address = models.GenericIPAddressField(null=True, editable=False)
    encoder_software = models.CharField(max_length=255, blank=True, editable=False)
    last_ingest_at = models.DateTimeField(editable=False)
    # Set while a worker is still working off what the encoder sent last.
    encoder_left_at = models.DateTimeField(null=True, editable=False)

    # What the probe found and what the ladder made of it: `streams.media`'s Source and Rendition as objects.
    source = models.JSONField(default=dict, editable=False)
    renditions = models.JSONField(default=list, editable=False)

    # The lease: one worker at a time runs a session, and each claim is a new epoch.
    worker = models.CharField(max_length=255, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    # The run that viewers see: the epoch in which the session went live last.
    live_epoch = models.PositiveIntegerField(default=0, editable=False)
    # Runs that ended in a crash in a row, and when the latest did.
    crashes = models.PositiveIntegerField(default=0, editable=False)
    crashed_at = models.DateTimeField(null=True, editable=False)

    ingest_ms = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    files_removed_at = models.DateTimeField(null=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream"], condition=Q(stopped_at=None), name="session_one_open_per_livestream"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[SessionStatus.CONNECTING, SessionStatus.LIVE], stopped_at=None)
                | Q(status__in=[SessionStatus.ENDED, SessionStatus.ERRORED], stopped_at__isnull=False),
                name="session_stopped_iff_over",
            ),
        ]
        indexes = [
            # The sessions of a livestream, newest first.
            models.Index(fields=["livestream", "-created_at", "-id"], name="session_by_livestream"),
            # The overview: what was broadcast lately.
            models.Index(fields=["-created_at"], name="session_recent"),
            # The sweep over open sessions.
            models.Index(fields=["lease_until"], condition=Q(stopped_at=None), name="session_open"),
            # Finished sessions whose segments are still on disk.
            models.Index(
                fields=["stopped_at"],
                condition=Q(stopped_at__isnull=False, files_removed_at=None),
                name="session_with_files",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def ingest_seconds(self) -> int:
        return self.ingest_ms // 1000

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None

    @property
    def lacks_a_worker(self) -> bool:
        """No worker has taken it for so long that none can be free."""
        return self.is_open and self.epoch == 0 and clock.now() - self.created_at > _WORKER_PATIENCE


class StatusChange(models.Model):
    """One step in a session's life; history, timelines and reports all read these."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="status_changes")
    # Empty for the first one.
    old = models.CharField(max_length=16, choices=SessionStatus.choices, blank=True)
    new = models.CharField(max_length=16, choices=SessionStatus.choices)
    reason = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.old or 'new'} → {self.new}"
