"""What happens in meetings: sessions, who was there, and for how long."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from livehub.core import clock
from streams.meetings.models.meeting import Meeting
from streams.meetings.models.participant import Participant
from streams.meetings.states import LeaveReason, MeetingEndReason, MeetingSessionStatus
from streams.organizations.models import App


class MeetingSessionQuerySet(models.QuerySet["MeetingSession"]):
    def live(self) -> Self:
        return self.filter(status=MeetingSessionStatus.LIVE)

    def for_app(self, app: App) -> Self:
        return self.filter(meeting__app=app)

    def with_consumed(self) -> Self:
        """Read along what `consumed_now` is made of, in the same query, and by what it can be sorted."""
        zero = models.Value(timedelta(0), output_field=models.DurationField())
        return self.annotate(
            going_on=Coalesce(_stays_that_go_on("session_participant__session"), zero),
            consumed=F("ended_stays") + F("going_on"),
        )


class MeetingSession(models.Model):
    """One session of a meeting; every change of it is made with the meeting locked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="sessions")
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
        consumed: timedelta = vars(self)["consumed"]
        return consumed


class SessionParticipantQuerySet(models.QuerySet["SessionParticipant"]):
    def present(self) -> Self:
        return self.filter(left_at=None)

    def matching(self, search: str) -> Self:
        search = search.replace("\x00", "")
        return self.filter(
            Q(participant__name__icontains=search) | Q(participant__custom_participant_id__icontains=search)
        )

    def with_duration(self) -> Self:
        """Read along for how long each was there, so that they can be sorted by it, with the participants."""
        zero = models.Value(timedelta(0), output_field=models.DurationField())
        going_on = Coalesce(_stays_that_go_on("session_participant"), zero)
        return self.select_related("participant__preset").annotate(
            going_on=going_on, duration=F("ended_stays") + F("going_on")
        )


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


def _stays_that_go_on(whose: str) -> Subquery:
    """Return for how long connected peers have been there, by the database's clock; null when none is."""
    peers = Peer.objects.connected().filter(**{whose: OuterRef("pk")}).order_by()
    lasting = models.ExpressionWrapper(Now() - F("joined_at"), output_field=models.DurationField())
    return Subquery(peers.values(whose).annotate(lasting=Sum(lasting)).values("lasting"))
