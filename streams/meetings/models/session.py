"""What happens in meetings: sessions, who was there, and for how long."""

import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Self, cast

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from livehub.core import clock
from streams.meetings.models.meeting import Meeting
from streams.meetings.models.participant import Participant
from streams.meetings.states import LeaveReason, MeetingEndReason, MeetingSessionStatus
from streams.organizations.models import App

_PRESET_PARTS = tuple(f"participant__preset__{part}" for part in ("config", "permissions", "ui"))
_NO_TIME = models.Value(timedelta(0), output_field=models.DurationField())


class MeetingSessionQuerySet(models.QuerySet["MeetingSession"]):
    def live(self) -> Self:
        return self.filter(status=MeetingSessionStatus.LIVE)

    def for_app(self, app: App) -> Self:
        return self.filter(app=app)

    def with_consumed(self) -> Self:
        """Read along what `consumed_now` is made of, in the same query."""
        return self.annotate(going_on=_stays_that_go_on("session_participant__session"))

    def by_consumed(self, *, is_descending: bool, until: int) -> Self:
        """Sort by `consumed`, and keep at least the first `until`, with their meetings.

        Those that are over come in the order of an index, and those that go on, of which there are few, are sorted
        among them: computed for all before they are sorted, it would be for all that there are.
        """
        order = ("-ended_stays", "-id") if is_descending else ("ended_stays", "id")
        over = self.filter(status=MeetingSessionStatus.ENDED).order_by(*order).values("pk")[:until]
        first = self.model.objects.filter(pk__in=over.union(self.live().values("pk"), all=True))
        consumed = F("ended_stays") + Coalesce("going_on", _NO_TIME)
        found = first.select_related("meeting").with_consumed().annotate(consumed=consumed)
        return cast(Self, found)


class MeetingSession(models.Model):
    """One session of a meeting; every change of it is made with the meeting locked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="sessions")
    # The meeting's, for the lists of an app; its indexes are below.
    app = models.ForeignKey(
        App, on_delete=models.CASCADE, related_name="meeting_sessions", editable=False, db_index=False
    )
    status = models.CharField(
        max_length=8, choices=MeetingSessionStatus.choices, default=MeetingSessionStatus.LIVE, editable=False
    )
    end_reason = models.CharField(max_length=16, choices=MeetingEndReason.choices, blank=True, editable=False)
    live_participants = models.PositiveIntegerField(default=0, editable=False)
    max_concurrent_participants = models.PositiveIntegerField(default=0, editable=False)
    # Of all participants together.
    ended_stays = models.DurationField(default=timedelta, editable=False)
    # While nobody is there: when it ends, unless somebody comes.
    ends_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = MeetingSessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meeting"], condition=Q(status=MeetingSessionStatus.LIVE), name="meeting_session_one_live"
            ),
            models.CheckConstraint(
                condition=Q(status=MeetingSessionStatus.LIVE, ended_at=None)
                | Q(status=MeetingSessionStatus.ENDED, ended_at__isnull=False),
                name="meeting_session_ended_iff_over",
            ),
        ]
        indexes = [
            # The sessions of a meeting, newest first.
            models.Index(fields=["meeting", "-created_at", "-id"], name="meeting_session_by_meeting"),
            # The sessions of an app, newest first or oldest first, a page at a time.
            models.Index(fields=["app", "-created_at", "-id"], name="meeting_session_list"),
            # The same, those that go on.
            models.Index(
                fields=["app", "-created_at", "-id"],
                condition=Q(status=MeetingSessionStatus.LIVE),
                name="meeting_session_list_live",
            ),
            # Those that are over, by how long participants were there.
            models.Index(
                fields=["app", "ended_stays", "id"],
                condition=Q(status=MeetingSessionStatus.ENDED),
                name="meeting_session_by_consumed",
            ),
            # Those that nobody is in, for the sweep.
            models.Index(fields=["ends_at"], condition=Q(ends_at__isnull=False), name="meeting_session_empty"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def length_ms(self) -> int:
        """For how long it has gone on, or went on."""
        return ((self.ended_at or clock.now()) - self.created_at) // timedelta(milliseconds=1)

    @property
    def consumed_now(self) -> timedelta:
        """For how long participants have been there, all together; `with_consumed` must have read it along."""
        going_on: timedelta | None = vars(self)["going_on"]
        return self.ended_stays + (going_on or timedelta(0))


class SessionParticipantQuerySet(models.QuerySet["SessionParticipant"]):
    def present(self) -> Self:
        return self.filter(left_at=None)

    def matching(self, search: str) -> Self:
        search = search.replace("\x00", "")
        return self.filter(
            Q(participant__name__icontains=search) | Q(participant__custom_participant_id__icontains=search)
        )

    def with_duration(self) -> Self:
        """Read along what `duration_now` is made of, and who they are, in the same query.

        Without what each of them may do: reading that takes longer than all else.
        """
        rows = self.select_related("participant__preset").defer(*_PRESET_PARTS)
        return rows.annotate(going_on=_stays_that_go_on("session_participant"))

    def with_peers(self) -> Self:
        """Read along the connections, and how those who have them see the meeting; after `with_duration`."""
        parts = [part for part in _PRESET_PARTS if not part.endswith("__config")]
        return self.defer(None).defer(*parts).prefetch_related("peers")

    def by_duration(self) -> Self:
        """Read along by what they are sorted, as `duration`."""
        return self.annotate(duration=F("ended_stays") + Coalesce("going_on", _NO_TIME))


class SessionParticipant(models.Model):
    """A participant in a session, however often they came and went."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(MeetingSession, on_delete=models.CASCADE, related_name="participants")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="sessions")
    is_muted = models.BooleanField(default=False, editable=False)
    # Whoever was muted for good may not unmute themselves.
    may_unmute = models.BooleanField(default=True, editable=False)
    joined_at = models.DateTimeField(default=clock.now, editable=False)
    # None while a connection of theirs is there.
    left_at = models.DateTimeField(null=True, editable=False)
    ended_stays = models.DurationField(default=timedelta, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SessionParticipantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "participant"], name="session_participant_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def duration_now(self) -> timedelta:
        """For how long they have been there; `with_duration` must have read it along."""
        going_on: timedelta | None = vars(self)["going_on"]
        return self.ended_stays + (going_on or timedelta(0))


class PeerQuerySet(models.QuerySet["Peer"]):
    def connected(self) -> Self:
        return self.filter(left_at=None)


class Peer(models.Model):
    """One connection of a participant to a session: a tab, or the same one after it has been loaded again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session_participant = models.ForeignKey(SessionParticipant, on_delete=models.CASCADE, related_name="peers")
    leave_reason = models.CharField(max_length=16, choices=LeaveReason.choices, blank=True, editable=False)
    joined_at = models.DateTimeField(default=clock.now, editable=False)
    left_at = models.DateTimeField(null=True, editable=False)

    objects = PeerQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.pk)

    def stay(self, *, until: datetime) -> timedelta:
        """Return how long it has been there by then; never less than nothing, whatever the clocks say."""
        return max((self.left_at or until) - self.joined_at, timedelta(0))


class Poll(models.Model):
    """A question to everybody in a session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(MeetingSession, on_delete=models.CASCADE, related_name="polls")
    question = models.CharField(max_length=1024)
    options = ArrayField(models.CharField(max_length=255))
    is_anonymous = models.BooleanField(default=False)
    hides_votes = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.question


# Made once: making the expression costs as much as running it.
@cache
def _stays_that_go_on(whose: str) -> Subquery:
    """Return for how long connected peers have been there, by the database's clock; null when none is."""
    peers = Peer.objects.connected().filter(**{whose: OuterRef("pk")}).order_by()
    lasting = models.ExpressionWrapper(Now() - F("joined_at"), output_field=models.DurationField())
    return Subquery(peers.values(whose).annotate(lasting=Sum(lasting)).values("lasting"))
