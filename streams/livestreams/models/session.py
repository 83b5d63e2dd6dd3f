"""A broadcast: the session, its encoder's connections, and what happened."""

import uuid
from datetime import timedelta
from functools import cache
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Sum

from livehub.core import clock
from streams.livestreams.models.livestream import Livestream, StreamKey
from streams.livestreams.states import (
    EVENT_STATES,
    FAULTS,
    INTERRUPTIONS,
    SESSION_STATES,
    EndReason,
    EventKind,
    SessionStatus,
    Shown,
    show_session,
)
from streams.organizations.models import App, Organization

# A free worker takes a session within a fraction of a second.
_WORKER_PATIENCE = timedelta(seconds=5)
# Media is noted every second.
_SENDING_PATIENCE = timedelta(seconds=5)
_NODE_MAX_LENGTH = 32
_RENDITION_MAX_LENGTH = 16
# No encoder's picture is in the stream, and one is waited for.
_WAITING = [SessionStatus.STANDBY, SessionStatus.RECONNECTING]


class SessionQuerySet(models.QuerySet["Session"]):
    def open(self) -> Self:
        return self.filter(stopped_at=None)

    def over(self) -> Self:
        return self.exclude(stopped_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def for_app(self, app: App) -> Self:
        return self.filter(livestream__app=app, livestream__deleted_at=None)

    def for_organization(self, organization: Organization) -> Self:
        return self.filter(livestream__app__organization=organization, livestream__deleted_at=None)

    def with_connections(self) -> Self:
        """Read along what `ingest_ms` and `connection` are made of: one more query, however many sessions."""
        return self.prefetch_related("connections")

    def with_taken_in(self) -> Self:
        """Read along what `ingest_ms` is, in the same query, and not the connections."""
        return self.prefetch_related(None).annotate(taken_in_ms=_taken_in())

    def with_measured(self) -> Self:
        """Read along `measured`, in the same query."""
        return self.annotate(measured=_measured())

    def with_newest_event(self) -> Self:
        """Read along what `shown` needs to tell an interruption, in the same query."""
        return self.annotate(newest_event=newest_event(session=OuterRef("pk")))

    def with_files_on(self, node: str) -> Self:
        return self.filter(file_nodes__contains=[node])


class Session(models.Model):
    """One broadcast of a livestream: from an accepted encoder, or its beginning by hand, to its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="sessions")
    status = models.CharField(
        max_length=16, choices=SessionStatus.choices, default=SessionStatus.CONNECTING, editable=False
    )
    end_reason = models.CharField(max_length=32, choices=EndReason.choices, blank=True, editable=False)
    error_message = models.TextField(blank=True, editable=False)

    # What the probe found and what the ladder made of it: `streams.media`'s Source and Rendition as objects.
    source = models.JSONField(default=dict, editable=False)
    renditions = models.JSONField(default=list, editable=False)
    # Names of renditions that are not made, as the machine is too busy for them, and since when some are not.
    left_out = ArrayField(models.CharField(max_length=_RENDITION_MAX_LENGTH), default=list, editable=False)
    left_out_since = models.DateTimeField(null=True, editable=False)
    # Where it is run until its first encoder tells that; empty for one that began with an encoder.
    standby_node = models.CharField(max_length=_NODE_MAX_LENGTH, blank=True, editable=False)
    # Until when an encoder that is away is waited for; stays until its picture is in the stream again.
    reconnect_until = models.DateTimeField(null=True, editable=False)
    # The run that viewers see: the epoch in which the session went live last.
    live_epoch = models.PositiveIntegerField(default=0, editable=False)
    # The nodes that hold files of it; empty once they are all removed.
    file_nodes = ArrayField(models.CharField(max_length=_NODE_MAX_LENGTH), default=list, editable=False)
    # How much of it all viewers together have watched, as far as that is counted (`viewing`).
    viewer_ms = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream"], condition=Q(stopped_at=None), name="session_one_open_per_livestream"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[SessionStatus.CONNECTING, SessionStatus.LIVE, *_WAITING], stopped_at=None)
                | Q(status__in=[SessionStatus.ENDED, SessionStatus.ERRORED], stopped_at__isnull=False),
                name="session_stopped_iff_over",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_WAITING, reconnect_until__isnull=False)
                | (~Q(status__in=_WAITING) & Q(reconnect_until=None)),
                name="session_reconnects_until",
            ),
        ]
        indexes = [
            # The sessions of a livestream, newest first.
            models.Index(fields=["livestream", "-created_at", "-id"], name="session_by_livestream"),
            # The overview: what was broadcast lately.
            models.Index(fields=["-created_at"], name="session_recent"),
            # Finished sessions whose segments are still on a disk.
            models.Index(
                fields=["stopped_at"],
                condition=Q(stopped_at__isnull=False) & ~Q(file_nodes=[]),
                name="session_with_files",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def shown(self) -> Shown:
        """What people see; whether it is interrupted, only if `with_newest_event` has read that along."""
        return show_session(status=self.status, newest_event=vars(self).get("newest_event") or "")

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None

    @property
    def is_recorded(self) -> bool:
        """It is over, and what viewers saw can still be played: its files have not been removed yet."""
        return not self.is_open and self.started_at is not None and bool(self.file_nodes)

    @property
    def why_it_ended(self) -> str:
        """What to change, if it went wrong, else how it ended; empty for one that goes on."""
        return self.error_message or self.get_end_reason_display()

    @property
    def is_standby(self) -> bool:
        """It was begun by hand, and no encoder's picture has been in the stream yet."""
        return self.status == SessionStatus.STANDBY

    @property
    def awaits_encoder(self) -> bool:
        """Its encoder has dropped or never was there, and its picture is not in the stream."""
        return self.status in _WAITING

    @property
    def is_playable(self) -> bool:
        """Viewers can play it, as it goes on: the slate at least."""
        return SESSION_STATES[self.status].is_playable or (self.is_standby and self.live_epoch > 0)

    @property
    def lacks_its_encoder(self) -> bool:
        """It waits for its encoder, and none has come yet."""
        return self.awaits_encoder and all(stay.disconnected_at is not None for stay in self.connections.all())

    @property
    def node(self) -> str:
        """Where it is run: at its encoder's, or for want of one where it was begun."""
        return self.connection.node if self.connection is not None else self.standby_node

    @property
    def sent(self) -> dict[str, object]:
        """What its encoder sends or sent, empty while that is not known: a slate is made for what is expected."""
        is_expected = bool(self.standby_node) and self.started_at is None
        return {} if is_expected else self.source

    @property
    def reconnect_left_s(self) -> float:
        """For how many seconds its encoder is still waited for, 0 when it is not."""
        if self.reconnect_until is None:
            return 0.0
        return max(0.0, (self.reconnect_until - clock.now()).total_seconds())

    def has_encoder(self) -> bool:
        """Ask whether an encoder is connected now."""
        return self.connections.filter(disconnected_at=None).exists()

    def has_test_picture(self) -> bool:
        """Ask whether that encoder is our own, which sends a test picture."""
        return self.connections.filter(disconnected_at=None, stream_key__is_for_test_picture=True).exists()

    def is_of_test_picture(self) -> bool:
        """Ask whether it is our own encoder's, be it there or not."""
        return self.connections.filter(stream_key__is_for_test_picture=True).exists()

    @property
    def connection(self) -> "Connection | None":
        """The connection of its encoder that is there, else the newest."""
        # Not by their times alone: machines' clocks are set.
        stays = self.connections.all()
        return max(stays, key=lambda stay: (stay.disconnected_at is None, stay.connected_at), default=None)

    @property
    def ingest_ms(self) -> int:
        """How much media its encoder has sent and we have taken in, over all its connections.

        `with_taken_in` or `with_connections` has read it along; a session without a connection took in nothing.
        """
        if "taken_in_ms" in vars(self):
            return vars(self)["taken_in_ms"] or 0
        return sum(connection.media_ms for connection in self.connections.all())

    @property
    def on_air_ms(self) -> int:
        """For how long it was or has been live, by the clock: with all interruptions, unlike `ingest_ms`."""
        if self.started_at is None:
            return 0
        return ((self.stopped_at or clock.now()) - self.started_at) // timedelta(milliseconds=1)

    @property
    def ingest_seconds(self) -> int:
        return self.ingest_ms // 1000

    @property
    def viewer_seconds(self) -> int:
        return self.viewer_ms // 1000

    @property
    def lacks_a_worker(self) -> bool:
        """No worker has taken it for so long that none can be free."""
        return self.is_open and self.lease.epoch == 0 and clock.now() - self.created_at > _WORKER_PATIENCE


class Connection(models.Model):
    """One encoder's stay at an ingest node; its id is the name under which that node carries the stream."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="connections")
    # None for connections from before keys had rows of their own.
    stream_key = models.ForeignKey(StreamKey, on_delete=models.CASCADE, null=True, related_name="+", editable=False)
    node = models.CharField(max_length=_NODE_MAX_LENGTH, editable=False)
    # nginx-rtmp's word for it. The hooks of a second, refused encoder carry the same key but another client id, and
    # must not end this connection.
    client_id = models.PositiveBigIntegerField(editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    software = models.CharField(max_length=255, blank=True, editable=False)
    connected_at = models.DateTimeField(default=clock.now, editable=False)
    disconnected_at = models.DateTimeField(null=True, editable=False)
    # When the ingest node reported it last, or media came from it.
    last_seen_at = models.DateTimeField(default=clock.now, editable=False)
    # Measured from the stream's own timestamps.
    media_ms = models.PositiveBigIntegerField(default=0, editable=False)
    # What came when it was seen last: `streams.media`'s Measured as an object, empty before the first.
    measured = models.JSONField(default=dict, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Q(disconnected_at=None), name="connection_one_open_per_session"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_sending(self) -> bool:
        """Media comes from it at this moment."""
        return self.disconnected_at is None and clock.now() - self.last_seen_at < _SENDING_PATIENCE


class SessionEventQuerySet(models.QuerySet["SessionEvent"]):
    def for_people(self) -> Self:
        """Keep what a person wants to know, newest first: not which worker began a run."""
        return self.exclude(kind=EventKind.RUN_STARTED).order_by("-id")


class SessionEvent(models.Model):
    """One thing that happened to a session; history, timelines and reports all read these.

    `data` holds, by kind: `old` and `new` of a change of status, and `by` whom if by somebody, `window_s` of one to
    reconnecting or standby, and `away_s` of the one from there; `epoch`, `worker` and `node` of a run's start; `away_s`
    of an encoder that was waited for; `silent_s` of one that sends again.
    """

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    at = models.DateTimeField()
    reason = models.CharField(max_length=255, blank=True)
    data = models.JSONField(default=dict)

    objects = SessionEventQuerySet.as_manager()

    class Meta:
        indexes = [
            # Rare ones, which are counted.
            models.Index(
                fields=["kind", "at"],
                condition=Q(kind__in=[EventKind.RUN_FAILED, EventKind.RUN_LOST]),
                name="session_event_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown.label} {self.reason}"

    @property
    def by(self) -> str:
        """Who wanted it; empty for what nobody asked for."""
        return str(self.data.get("by", ""))

    @property
    def why(self) -> str:
        """The reason, unless that says no more than by whom."""
        return "" if self.by and self.reason == EndReason.ENDED_BY_OPERATOR.label else self.reason

    @property
    def is_interruption(self) -> bool:
        return self.kind in INTERRUPTIONS

    @property
    def shown(self) -> Shown:
        return SESSION_STATES[self.data["new"]] if self.kind == EventKind.STATUS else EVENT_STATES[self.kind]


# Made once: making the expression costs as much as running it.
@cache
def _taken_in() -> Subquery:
    connections = Connection.objects.filter(session=OuterRef("pk")).order_by().values("session")
    return Subquery(connections.annotate(taken_in_ms=Sum("media_ms")).values("taken_in_ms"))


@cache
def _measured() -> Subquery:
    connections = Connection.objects.filter(session=OuterRef("pk")).order_by("-connected_at")
    return Subquery(connections.values("measured")[:1])


def newest_event(**of_whom: OuterRef) -> Subquery:
    """Return the kind of what happened last in the open session that is meant, as a column; null if none is open."""
    events = SessionEvent.objects.filter(session__stopped_at=None, **of_whom)
    return Subquery(events.for_people().exclude(kind__in=FAULTS).values("kind")[:1])
