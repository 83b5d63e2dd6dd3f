"""Support staff's view of meetings and their sessions; there is nothing to edit, and no secret to read."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.meetings.models import (
    Meeting,
    MeetingSession,
    MeetingSessionQuerySet,
    Participant,
    Preset,
    SessionParticipant,
)
from streams.meetings.states import MeetingStatus
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, exact
from streams.organizations.models import Member, Role


class ParticipantInline(ReadOnlyInline[Participant]):
    model = Participant
    verbose_name_plural = "who can join"
    fields = ("id", "name", "custom_participant_id", "preset", "added")
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        return Participant.objects.existing().select_related("preset")

    @admin.display(description="added")
    def added(self, participant: Participant) -> str:
        return exact(participant.created_at)


@admin.register(Meeting)
class MeetingAdmin(ReadOnlyAdmin[Meeting]):
    list_display = ("__str__", "organization", "joining", "live_stream_on_start", "record_on_start", "created")
    list_select_related = ("app__organization",)
    list_filter = ("status", "live_stream_on_start", "record_on_start", "created_at")
    # Shows the search box; `get_search_results` searches.
    search_fields = ("title",)
    search_help_text = "Part of the title, or a whole id, or e-mail address of an owner"
    fields = (
        "id",
        "title",
        "organization",
        "app",
        "joining",
        "participants",
        "sessions",
        "live_stream_on_start",
        "record_on_start",
        "keep_alive",
        "created",
        "updated",
    )
    inlines = (ParticipantInline,)
    ordering = ("-created_at", "-id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Meeting], search_term: str
    ) -> tuple[QuerySet[Meeting], bool]:
        if not search_term:
            return queryset, False
        owners = Member.objects.filter(role=Role.OWNER, user__email__iexact=search_term)
        of_owner = Meeting.objects.filter(app__organization__in=owners.values("organization"))
        found = Meeting.objects.matching(search_term) | of_owner
        return queryset.filter(pk__in=found.values("pk")), False

    @admin.display(ordering="app__organization__name")
    def organization(self, meeting: Meeting) -> str:
        return meeting.app.organization.name

    # In words: Django's icon for what is off is a red cross.
    @admin.display(ordering="status")
    def joining(self, meeting: Meeting) -> str:
        return "Open" if meeting.status == MeetingStatus.ACTIVE else "Refused: not active"

    @admin.display(description="who can join")
    def participants(self, meeting: Meeting) -> SafeString:
        url = reverse("admin:streams_participant_changelist")
        return format_html('<a href="{}?meeting__id__exact={}">Show all</a>', url, meeting.pk)

    @admin.display(description="sessions")
    def sessions(self, meeting: Meeting) -> SafeString:
        url = reverse("admin:streams_meetingsession_changelist")
        return format_html('<a href="{}?meeting__id__exact={}">Show</a>', url, meeting.pk)

    @admin.display(description="goes on when empty for")
    def keep_alive(self, meeting: Meeting) -> str:
        return str(timedelta(seconds=meeting.session_keep_alive_s))

    @admin.display(ordering="created_at")
    def created(self, meeting: Meeting) -> str:
        return exact(meeting.created_at)

    @admin.display
    def updated(self, meeting: Meeting) -> str:
        return exact(meeting.updated_at)


class SessionParticipantInline(ReadOnlyInline[SessionParticipant]):
    model = SessionParticipant
    verbose_name_plural = "who was there"
    fields = ("participant", "joined", "left", "is_muted")
    ordering = ("joined_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SessionParticipant]:
        return super().get_queryset(request).select_related("participant")

    @admin.display
    def joined(self, known: SessionParticipant) -> str:
        return exact(known.joined_at)

    @admin.display
    def left(self, known: SessionParticipant) -> str:
        return exact(known.left_at)


@admin.register(MeetingSession)
class MeetingSessionAdmin(ReadOnlyAdmin[MeetingSession]):
    list_display = ("started", "name", "status", "end_reason", "live_participants", "most", "consumed", "ended")
    list_select_related = ("meeting",)
    list_filter = ("status", "end_reason", "created_at")
    search_fields = ("=id", "=meeting__id", "meeting__title")
    linked_lookups = ("meeting__id__exact",)
    fields = (
        "id",
        "meeting",
        "status",
        "end_reason",
        "live_participants",
        "most",
        "consumed",
        "started",
        "ends",
        "ended",
    )
    inlines = (SessionParticipantInline,)
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> MeetingSessionQuerySet:
        return MeetingSession.objects.with_consumed()

    # Not the foreign key itself: Django would not let a long title wrap.
    @admin.display(description="meeting", ordering="meeting__title")
    def name(self, session: MeetingSession) -> str:
        return str(session.meeting)

    @admin.display(description="most at once", ordering="max_concurrent_participants")
    def most(self, session: MeetingSession) -> str:
        return str(session.max_concurrent_participants)

    @admin.display(description="all stays together")
    def consumed(self, session: MeetingSession) -> str:
        return str(timedelta(seconds=session.consumed_now // timedelta(seconds=1)))

    @admin.display(ordering="created_at")
    def started(self, session: MeetingSession) -> str:
        return exact(session.created_at)

    @admin.display(description="ends, if nobody joins")
    def ends(self, session: MeetingSession) -> str:
        return exact(session.ends_at)

    @admin.display(description="until")
    def ended(self, session: MeetingSession) -> str:
        return exact(session.ended_at)


@admin.register(Participant)
class ParticipantAdmin(ReadOnlyAdmin[Participant]):
    """Who can join, or could; found by what the customer's own system calls them."""

    list_display = ("__str__", "custom_participant_id", "room", "permissions", "added", "removed")
    list_filter = ("created_at",)
    search_fields = ("=id", "=meeting__id", "custom_participant_id", "name")
    search_help_text = "Part of the name or of the customer's own id, or a whole id of theirs or of the meeting"
    linked_lookups = ("meeting__id__exact",)
    fields = ("id", "name", "custom_participant_id", "meeting", "preset", "added", "changed", "removed")
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        rows = Participant.objects.select_related("meeting", "preset")
        return rows.defer("preset__config", "preset__permissions", "preset__ui")

    @admin.display(description="meeting", ordering="meeting__title")
    def room(self, participant: Participant) -> str:
        return str(participant.meeting)

    @admin.display(description="preset", ordering="preset__name")
    def permissions(self, participant: Participant) -> str:
        return participant.preset.name

    @admin.display(ordering="created_at")
    def added(self, participant: Participant) -> str:
        return exact(participant.created_at)

    @admin.display
    def changed(self, participant: Participant) -> str:
        return exact(participant.updated_at)

    @admin.display(ordering="deleted_at")
    def removed(self, participant: Participant) -> str:
        return exact(participant.deleted_at)


@admin.register(Preset)
class PresetAdmin(ReadOnlyAdmin[Preset]):
    """What participants can do and see."""

    list_display = ("name", "organization", "owner", "changed", "removed")
    list_select_related = ("app__organization",)
    list_filter = ("updated_at",)
    search_fields = ("=id", "name", "=app__id", "app__organization__name")
    fields = ("id", "name", "organization", "app", "config", "permissions", "ui", "made", "changed", "removed")
    ordering = ("-created_at", "-id")

    @admin.display(ordering="app__organization__name")
    def organization(self, preset: Preset) -> str:
        return preset.app.organization.name

    @admin.display(description="app", ordering="app__name")
    def owner(self, preset: Preset) -> str:
        return preset.app.name

    @admin.display(description="created")
    def made(self, preset: Preset) -> str:
        return exact(preset.created_at)

    @admin.display(ordering="updated_at")
    def changed(self, preset: Preset) -> str:
        return exact(preset.updated_at)

    @admin.display(ordering="deleted_at")
    def removed(self, preset: Preset) -> str:
        return exact(preset.deleted_at)
