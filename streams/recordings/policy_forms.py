"""What the dashboard asks for about how a livestream's broadcasts are recorded."""

from collections.abc import Mapping
from typing import TypedDict, cast

from django import forms
from django.conf import settings
from django.http import QueryDict

from livehub.core.lengths import length_words
from streams.dashboard.changing import ChangeForm
from streams.recordings.models import RecordingPolicy, StorageTarget
from streams.recordings.models.policy import PREFIX_MAX_LENGTH
from streams.recordings.policies import PolicyChanges, storage_of
from streams.recordings.states import SlateRecording
from streams.recordings.storage_selectors import find_default_storage, list_storage_targets

_HOUR_S, _DAY_S = 3600, 86_400
_RETENTIONS_S = [_HOUR_S, *(days * _DAY_S for days in (1, 3, 7, 14, 30, 90, 180, 365))]
# What stands in the page for this LiveHub, where the app's recordings are kept elsewhere.
_HERE = "here"
_LONGEST_S = [hours * _HOUR_S for hours in (1, 2, 4, 8, 12, 24)]


_SLATES = [
    (SlateRecording.CUT.value, "It is left out: the recording goes on with the next picture"),
    (SlateRecording.KEEP.value, "It is kept, as viewers saw it"),
]


class RecordingChanges(PolicyChanges, total=False):
    """What somebody wants otherwise; whatever is left out stays."""

    is_recorded: bool


class RecordingSettingsForm(ChangeForm):
    """Whether broadcasts are recorded by themselves; where recordings are kept, how long, and under which name."""

    is_recorded = forms.BooleanField(
        required=False,
        label="Record every broadcast",
        help_text="From its first picture to its end. Without it, press Record from now while one is going on.",
    )
    storage = forms.ChoiceField(
        required=False,
        label="Where they are kept",
        help_text="Recordings that are there already stay where they are.",
    )
    slate = forms.ChoiceField(choices=_SLATES, widget=forms.RadioSelect)
    retention_s = forms.TypedChoiceField(
        coerce=int,
        required=False,
        empty_value=None,
        label="For how long",
        help_text="Counted from when one is stored. Then its file is deleted, wherever it is kept.",
    )
    max_seconds = forms.TypedChoiceField(
        coerce=int,
        required=False,
        empty_value=None,
        label="Longest recording",
        help_text="It stops by itself then, and the broadcast goes on.",
    )
    file_name_prefix = forms.CharField(
        required=False,
        max_length=PREFIX_MAX_LENGTH,
        label="Beginning of file names",
        help_text="“keynote” makes keynote_….mp4. Empty: the livestream's id and the time alone.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    # What can be chosen, by what stands in the page.
    storages: Mapping[str, StorageTarget]

    @classmethod
    def of(
        cls, policy: RecordingPolicy, *, is_recorded: bool, values: QueryDict | None = None
    ) -> "RecordingSettingsForm":
        """Return the form of a livestream as it is now, or as somebody wants it."""
        names = ("slate", "retention_s", "max_seconds", "file_name_prefix")
        app = policy.livestream.app
        usual = find_default_storage(app.pk)
        shown = {"is_recorded": is_recorded, **{name: getattr(policy, name) for name in names}}
        form = cls(values, initial={**shown, "storage": _chosen(policy, usual)})
        form.storages = {str(storage.pk): storage for storage in list_storage_targets(app)}
        # A program may have chosen others.
        retentions = {*_RETENTIONS_S, policy.retention_s or _DAY_S}
        longest = {*_LONGEST_S, policy.max_seconds or _HOUR_S}
        choices: dict[str, list[tuple[int | str, str]]] = {
            "storage": [
                ("", f"As for all of {app.name}: {usual.name}" if usual else "On this LiveHub"),
                *([(_HERE, "On this LiveHub")] if usual else []),
                *((key, _told(storage)) for key, storage in form.storages.items()),
            ],
            "retention_s": [
                ("", f"As usual here: {kept_words(settings.RECORDING_RETENTION_S)}"),
                *((length_s, kept_words(length_s).capitalize()) for length_s in (*sorted(retentions), 0)),
            ],
            "max_seconds": [
                ("", "As long as the broadcast"),
                *((length_s, f"Stop after {length_words(length_s)}") for length_s in sorted(longest)),
            ],
        }
        for name, offered in choices.items():
            cast(forms.ChoiceField, form.fields[name]).choices = offered
        form.show_what_is_there()
        return form

    def changes(self) -> RecordingChanges:
        """Return what the checked form says otherwise than it showed."""
        changed = self.changed()
        if (chosen := changed.pop("storage", None)) is not None:
            changed |= {"storage": self.storages.get(str(chosen)), "uses_app_storage": not chosen}
        return cast(RecordingChanges, changed)


def _chosen(policy: RecordingPolicy, usual: StorageTarget | None) -> str:
    if policy.uses_app_storage:
        return ""
    if policy.storage is not None:
        return str(policy.storage.pk)
    return _HERE if usual else ""


def _told(storage: StorageTarget) -> str:
    doubt = " (could not be written to when it was tested)" if storage.check_code else ""
    return f"{storage.name}: {storage.get_type_display()}, {storage.address}{doubt}"


class RecordingFacts(TypedDict):
    """What a livestream's page says of its next recordings."""

    begins: str
    kept: str
    is_usual: bool


def facts_of(policy: RecordingPolicy, *, is_recorded: bool) -> RecordingFacts:
    """Return in words how the livestream's next broadcasts are recorded."""
    if not settings.RECORD_AUTOMATICALLY:
        begins = "Only when somebody asks: this LiveHub records nothing by itself"
    elif is_recorded:
        begins = "Every broadcast, from its first picture to its end"
    else:
        begins = "Only when somebody asks, while a broadcast is going on"
    storage = storage_of(policy)
    where = f"In {storage.name}" if storage else "On this LiveHub"
    retention_s = settings.RECORDING_RETENTION_S if policy.retention_s is None else policy.retention_s
    kept = f"{where}, {kept_words(retention_s)}"
    return {"begins": begins, "kept": kept, "is_usual": policy.retention_s is None and storage is None}


def kept_words(retention_s: int) -> str:
    """Return how long recordings are kept; 0 seconds: for ever."""
    return f"for {length_words(retention_s)}" if retention_s else "until deleted"
