"""What clients may ask of participants, of a meeting's livestream, of sessions, and of those who are in one."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.fields import BoundedListField, FlagField, TextField
from livehub.api.paging import PageNumbers, PageQuery
from streams.meetings.api.fields import AddressField, LineField, WholeField
from streams.meetings.api.meeting_input import TimesQuery
from streams.meetings.states import MeetingSessionStatus

SESSION_STATUSES = [status.upper() for status in MeetingSessionStatus.values]
# What a client calls what we sort by.
SESSION_ORDERS = {"createdAt": "created_at", "minutesConsumed": "consumed"}
STAY_ORDERS = {"joinedAt": "joined_at", "duration": "duration"}
_PIXELS_MAX = 3840
_PARTICIPANTS_MAX = 1000
_OPTIONS_MAX = 100


class ParticipantBody(serializers.Serializer[None]):
    """Somebody who may join."""

    examples: ClassVar[Mapping[str, object]] = {
        "custom_participant_id": "employee-7",
        "preset_name": "group_call_host",
        "name": "Mary Sue",
        "picture": "https://pictures.example.org/mary.png",
    }

    custom_participant_id = TextField(help_text="What your system calls this person.")
    preset_name = TextField(help_text="What they may do.")
    name = TextField(required=False, allow_null=True, help_text="Up to 255 printable characters.")
    picture = AddressField(allow_null=True)


class DyteParticipantBody(ParticipantBody):
    """The same with the id under either of its names."""

    custom_participant_id = TextField(required=False, help_text="What your system calls this person.")
    client_specific_id = TextField(required=False, help_text="The same under its older name.")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        older = attrs.pop("client_specific_id", None)
        attrs.setdefault("custom_participant_id", older)
        if attrs["custom_participant_id"] is None:
            complaint = "Say what your system calls this person, here or in client_specific_id."
            raise serializers.ValidationError({"custom_participant_id": [complaint]})
        return attrs


class ParticipantChangeBody(serializers.Serializer[None]):
    """What changes of a participant."""

    examples: ClassVar[Mapping[str, object]] = {"name": "Mary Sue", "preset_name": "group_call_host", "picture": None}

    name = TextField(required=False, allow_null=True, help_text="Up to 255 printable characters.")
    picture = AddressField(allow_null=True)
    preset_name = TextField(required=False, allow_null=True, help_text="What they may do; null for as it is.")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if attrs.get("preset_name", "") is None:
            del attrs["preset_name"]
        return attrs


class TokenBody(serializers.Serializer[None]):
    """How the new token is made."""

    revoke_earlier = FlagField(required=False, help_text="Tokens made before open nothing any more; by default false.")


class LivestreamVideoBody(serializers.Serializer[None]):
    width = WholeField(at_least=1, at_most=_PIXELS_MAX)
    height = WholeField(at_least=1, at_most=_PIXELS_MAX)


class StartLivestreamBody(serializers.Serializer[None]):
    """How the meeting's livestream is to be."""

    examples: ClassVar[Mapping[str, object]] = {"name": "Town hall", "video_config": {"width": 1280, "height": 720}}

    name = TextField(required=False, allow_null=True, help_text="Up to 255 printable characters.")
    video_config = LivestreamVideoBody(required=False)


class ChosenBody(serializers.Serializer[None]):
    """Which participants."""

    examples: ClassVar[Mapping[str, object]] = {"participant_ids": [], "custom_participant_ids": ["employee-7"]}

    participant_ids = BoundedListField(child=LineField(), required=False, max_length=_PARTICIPANTS_MAX)
    custom_participant_ids = BoundedListField(child=LineField(), required=False, max_length=_PARTICIPANTS_MAX)

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if not any(attrs.values()):
            complaint = "Name at least one participant, here or in custom_participant_ids."
            raise serializers.ValidationError({"participant_ids": [complaint]})
        return attrs


class MuteAllBody(serializers.Serializer[None]):
    """How everybody is muted."""

    allow_unmute = FlagField(required=False, help_text="They may unmute themselves; by default they may.")


class PollBody(serializers.Serializer[None]):
    """What everybody is asked."""

    examples: ClassVar[Mapping[str, object]] = {"question": "Lunch?", "options": ["Yes", "No"]}

    question = LineField(required=True, allow_blank=False, max_length=1024)
    options = BoundedListField(child=LineField(required=True, allow_blank=False), min_length=1, max_length=_OPTIONS_MAX)
    anonymous = FlagField(required=False, help_text="By default not.")
    hide_votes = FlagField(required=False, help_text="By default not.")


class SessionListParameters(PageNumbers):
    """A checked `SessionListQuery`."""

    # None for any; what is no id keeps nothing.
    associated_id: str
    participants: str
    status: str
    search: str
    sort_by: str
    sort_order: str
    start_time: datetime | None
    end_time: datetime | None


class SessionListQuery(TimesQuery):
    """Which sessions, in which order."""

    associated_id = serializers.CharField(default="", help_text="Of this meeting.")
    participants = serializers.CharField(
        default="", help_text="In which one of these took part: ids, yours or ours, separated by commas."
    )
    status = serializers.ChoiceField(choices=SESSION_STATUSES, default="")
    search = serializers.CharField(default="", help_text="Part of the meeting's title, or a meeting's or session's id.")
    sort_by = serializers.ChoiceField(choices=list(SESSION_ORDERS), default="createdAt")
    sort_order = serializers.ChoiceField(choices=["ASC", "DESC", "DSC"], default="DESC")


class SessionDetailQuery(serializers.Serializer[None]):
    include_breakout_rooms = serializers.BooleanField(default=False, help_text="There are none.")


class PeerEventsQuery(serializers.Serializer[None]):
    include_peer_events = serializers.BooleanField(default=False, help_text="Say when each connection came and went.")


class PeerReportQuery(PeerEventsQuery):
    """Which parts of the report; a part of which nothing is known is left out."""

    filters = serializers.CharField(default="")


class StayListParameters(PageNumbers):
    """A checked `StayListQuery`."""

    search: str
    sort_by: str
    sort_order: str
    include_peer_events: bool


class StayListQuery(PageQuery, PeerEventsQuery):
    """Which participants of a session, in which order."""

    search = serializers.CharField(default="", help_text="Part of the name or of your id.")
    sort_by = serializers.ChoiceField(choices=list(STAY_ORDERS), default="joinedAt")
    sort_order = serializers.ChoiceField(choices=["ASC", "DESC", "DSC"], default="DESC")
    view = serializers.ChoiceField(
        choices=["raw", "consolidated"], default="raw", help_text="The same here: there are no breakout rooms."
    )
