"""What the dashboard asks for about meetings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from django import forms
from django.http import QueryDict

from livehub.api.views import complaints_of
from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.paging import PageForm
from streams.meetings.api.meeting_input import KEEP_ALIVE_MAX_S
from streams.meetings.api.preset_input import PresetBody
from streams.meetings.models import Meeting, Participant, Preset
from streams.meetings.selectors import list_presets
from streams.meetings.services.meetings import MeetingValues
from streams.meetings.services.participants import ParticipantValues
from streams.meetings.services.presets import PresetValues
from streams.meetings.states import MeetingStatus
from streams.organizations.models import App

_JSON_MAX_LENGTH = 100_000


class MeetingListForm(PageForm):
    """The list's search, and which page of it."""

    q = forms.CharField(max_length=NAME_MAX_LENGTH, required=False)

    def search(self) -> str:
        self.is_valid()
        return self.cleaned_data.get("q") or ""


class MeetingForm(forms.Form):
    """A new meeting; whether the title's characters can be used, the service decides."""

    title = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the meeting a title, so that you find it again."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Monday stand-up"}),
    )
    live_stream_on_start = forms.BooleanField(
        required=False, label="Start its livestream when the first participant joins"
    )

    def values(self) -> MeetingValues:
        """Return what the checked form says."""
        return cast(MeetingValues, self.cleaned_data)


class MeetingChangeForm(MeetingForm):
    """What can be changed of a meeting."""

    session_keep_alive_s = forms.IntegerField(
        min_value=0,
        max_value=KEEP_ALIVE_MAX_S,
        label="Seconds until a session ends after the last one has left",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), f"From 0 to {KEEP_ALIVE_MAX_S} seconds."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    is_open = forms.BooleanField(
        required=False, label="Participants can join", help_text="Without this, whoever is there can stay."
    )

    @classmethod
    def of(cls, meeting: Meeting, values: QueryDict | None = None) -> "MeetingChangeForm":
        """Return the form of a meeting that is there."""
        names = ("title", "live_stream_on_start", "session_keep_alive_s")
        is_open = meeting.status == MeetingStatus.ACTIVE
        return cls(values, initial={"is_open": is_open, **{name: getattr(meeting, name) for name in names}})

    def values(self) -> MeetingValues:
        said = dict(self.cleaned_data)
        status = MeetingStatus.ACTIVE if said.pop("is_open") else MeetingStatus.INACTIVE
        return cast(MeetingValues, {**said, "status": status})


class ParticipantForm(forms.Form):
    """Somebody who can join; whether a preset is there, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        required=False,
        help_text="As others in the meeting see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Mary Sue"}),
    )
    custom_participant_id = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        label="Id in your system",
        error_messages={"required": "Say what your system calls this participant."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "mary"}),
    )
    preset_name = forms.ChoiceField(label="Preset")

    def __init__(
        self, values: QueryDict | None = None, *, app: App, initial: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(values, initial=dict(initial or {}))
        names = sorted(preset.name for preset in list_presets(app=app, search="").only("name"))
        given = (initial or {}).get("preset_name")
        kept = [str(given)] if given and given not in names else []
        self._names = [*kept, *names]
        cast(forms.ChoiceField, self.fields["preset_name"]).choices = [(name, name) for name in self._names]

    @classmethod
    def of(cls, participant: Participant, values: QueryDict | None = None) -> "ParticipantForm":
        """Return the form of a participant who is there; a preset that was deleted since stays theirs."""
        initial = {
            "name": participant.name,
            "custom_participant_id": participant.custom_participant_id,
            "preset_name": participant.preset.name,
        }
        form = cls(values, app=participant.meeting.app, initial=initial)
        # A page with more on it than this form.
        form.fields["name"].widget.attrs.pop("autofocus")
        return form

    def values(self) -> ParticipantValues:
        """Return what the checked form says otherwise than what is there."""
        said = {name: value for name, value in self.cleaned_data.items() if value != self.initial.get(name, "")}
        return cast(ParticipantValues, said)


class TokenForm(forms.Form):
    """A new token."""

    revokes_earlier = forms.BooleanField(required=False, label="End earlier tokens")


@dataclass(frozen=True)
class Permission:
    """A permission that the editor has a field for, and where a preset keeps it."""

    path: Sequence[str]
    label: str
    # Empty for one that is there or not.
    choices: Sequence[tuple[str, str]] = ()

    @property
    def name(self) -> str:
        return "-".join(self.path)


_PRODUCE = (("ALLOWED", "Yes"), ("CAN_REQUEST", "After asking"), ("NOT_ALLOWED", "No"))
_VIEWS = (
    ("GROUP_CALL", "Group call"),
    ("WEBINAR", "Webinar"),
    ("AUDIO_ROOM", "Audio room"),
    ("LIVESTREAM", "Livestream"),
)
_WAITING = (
    ("SKIP", "Nobody waits"),
    ("ON_PRIVILEGED_USER_ENTRY", "Until a host is there"),
    ("SKIP_ON_ACCEPT", "Until a host lets them in"),
)
PERMISSIONS = (
    Permission(("config", "view_type"), "Kind of meeting", _VIEWS),
    Permission(("permissions", "waiting_room_type"), "Waiting room", _WAITING),
    Permission(("permissions", "media", "audio", "can_produce"), "Speak", _PRODUCE),
    Permission(("permissions", "media", "video", "can_produce"), "Show themselves", _PRODUCE),
    Permission(("permissions", "media", "screenshare", "can_produce"), "Share their screen", _PRODUCE),
    Permission(("permissions", "chat", "public", "can_send"), "Write to everybody"),
    Permission(("permissions", "chat", "private", "can_send"), "Write to one person"),
    Permission(("permissions", "polls", "can_vote"), "Vote in polls"),
    Permission(("permissions", "polls", "can_create"), "Make polls"),
    Permission(("permissions", "can_edit_display_name"), "Change their own name"),
    Permission(("permissions", "show_participant_list"), "See who is there"),
    Permission(("permissions", "hidden_participant"), "Stay unseen by others"),
    Permission(("permissions", "accept_waiting_requests"), "Let others in from the waiting room"),
    Permission(("permissions", "disable_participant_audio"), "Mute others"),
    Permission(("permissions", "disable_participant_video"), "Turn off others' cameras"),
    Permission(("permissions", "kick_participant"), "Take others out"),
    Permission(("permissions", "can_record"), "Record"),
    Permission(("permissions", "can_livestream"), "Start the livestream"),
)


class PresetNameForm(forms.Form):
    """What a preset is called; whether it can be, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the preset a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


class PresetForm(PresetNameForm):
    """The common permissions of a preset, each under its own name."""

    def __init__(self, values: QueryDict | None = None, *, preset: Preset, is_fixed: bool = False) -> None:
        super().__init__(values, initial={"name": preset.name})
        self.fields["name"].widget.attrs.pop("autofocus")
        for permission in PERMISSIONS:
            self.fields[permission.name] = self._field(permission)
            self.initial[permission.name] = _get(_content_of(preset), permission.path)
        for each in self.fields.values():
            each.disabled = is_fixed

    @property
    def manners(self) -> list[forms.BoundField]:
        """How the meeting goes for them."""
        return [self[each.name] for each in PERMISSIONS if each.choices and each.choices is not _PRODUCE]

    @property
    def productions(self) -> list[forms.BoundField]:
        """What they can do, perhaps after asking."""
        return [self[each.name] for each in PERMISSIONS if each.choices is _PRODUCE]

    @property
    def boxes(self) -> list[forms.BoundField]:
        return [self[permission.name] for permission in PERMISSIONS if not permission.choices]

    def changes(self) -> PresetValues:
        """Return what the checked form says otherwise than the preset."""
        changes: dict[str, object] = {}
        for permission in PERMISSIONS:
            if permission.name in self.changed_data:
                _put(changes, permission.path, self.cleaned_data[permission.name])
        return cast(PresetValues, {"name": self.cleaned_data["name"], **changes})

    def _field(self, permission: Permission) -> forms.Field:
        if permission.choices:
            return forms.ChoiceField(label=permission.label, choices=permission.choices)
        return forms.BooleanField(label=permission.label, required=False)


class PresetJsonForm(forms.Form):
    """All that a preset holds but its name, as programs write it."""

    preset_name = ""

    content = forms.CharField(
        max_length=_JSON_MAX_LENGTH,
        label="config, permissions, ui",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"}),
    )

    @classmethod
    def of(cls, preset: Preset, values: QueryDict | None = None, *, is_fixed: bool = False) -> "PresetJsonForm":
        """Return the form of a preset that is there."""
        form = cls(values, initial={"content": json.dumps(_content_of(preset), indent=2, sort_keys=True)})
        form.preset_name = preset.name
        # Not disabled: it can be scrolled and copied.
        form.fields["content"].widget.attrs["readonly"] = is_fixed
        return form

    def clean_content(self) -> Mapping[str, object]:
        try:
            content = json.loads(self.cleaned_data["content"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error
        if not isinstance(content, dict):
            raise forms.ValidationError("Begin with { and end with }.")
        body = PresetBody(data={**content, "name": self.preset_name})
        if not body.is_valid():
            complaints = complaints_of(body).items()
            raise forms.ValidationError([f"{path}: {text}" for path, texts in complaints for text in texts])
        return cast(Mapping[str, object], body.validated_data)

    def values(self) -> PresetValues:
        """Return the whole preset as the checked form has it."""
        return cast(PresetValues, self.cleaned_data["content"])


def _content_of(preset: Preset) -> dict[str, object]:
    return {"config": preset.config, "permissions": preset.permissions, "ui": preset.ui}


def _get(content: object, path: Sequence[str]) -> object:
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _put(content: dict[str, object], path: Sequence[str], value: object) -> None:
    for name in path[:-1]:
        content = cast("dict[str, object]", content.setdefault(name, {}))
    content[path[-1]] = value
