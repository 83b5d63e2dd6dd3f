"""What clients may ask of recordings."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from rest_framework import serializers

from livehub.api.fields import FlagField, TextField
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.organizations.models import App
from streams.recordings.models import StorageTarget
from streams.recordings.models.recording import MAX_SECONDS_LEAST, MAX_SECONDS_MOST
from streams.recordings.policies import PolicyChanges
from streams.recordings.services import NewRecording
from streams.recordings.states import SlateRecording
from streams.recordings.storage_selectors import find_default_storage, get_storage_target

_RETENTION_MOST_S = 10 * 365 * 86400


class RecordingBody(serializers.Serializer[None]):
    """A recording that is to begin now."""

    examples = {"max_seconds": 3600, "file_name_prefix": "keynote", "retention_s": None}

    max_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=MAX_SECONDS_LEAST,
        max_value=MAX_SECONDS_MOST,
        help_text="It stops by itself after that; null for no limit.",
    )
    file_name_prefix = TextField(required=False, help_text="What its file's name begins with.")
    retention_s = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=_RETENTION_MOST_S,
        help_text="How long it is kept once it is stored; 0 until it is deleted, null as the instance has it.",
    )
    slate = serializers.ChoiceField(
        required=False,
        choices=SlateRecording.choices,
        help_text="What becomes of stretches in which viewers see something in the encoder's place: cut leaves them "
        "out, also if nothing is said; keep takes them as viewers saw them.",
    )
    storage_target_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="A storage of the app's, where it is kept; null: on this instance. Left out: the app's default one.",
    )
    allow_multiple_recordings = FlagField(
        required=False, help_text="Begin a further one where the livestream is being recorded already."
    )


def new_recording_of(values: Mapping[str, object], *, app: App) -> NewRecording:
    """Return a checked body of an app's client as the services take it.

    :raises ValidationFailedError: when the app has no such storage.
    """
    return NewRecording(
        storage=_storage_of(values, app=app) if "storage_target_id" in values else find_default_storage(app.pk),
        max_seconds=cast("int | None", values.get("max_seconds")),
        file_name_prefix=str(values.get("file_name_prefix", "")),
        retention_s=cast("int | None", values.get("retention_s")),
        slate=SlateRecording(str(values.get("slate", SlateRecording.CUT))),
        allows_multiple=bool(values.get("allow_multiple_recordings", False)),
    )


class RecordingSettingsBody(serializers.Serializer[None]):
    """How the livestream's next broadcasts are recorded; whatever is left out stays."""

    examples = {"retention_s": 604800, "file_name_prefix": "keynote", "max_seconds": None, "storage_target_id": None}

    retention_s = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=_RETENTION_MOST_S,
        help_text="How long recordings are kept once they are stored; 0 until they are deleted, null as the instance "
        "has it.",
    )
    file_name_prefix = TextField(required=False, help_text="What names of files begin with; empty for none.")
    max_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=MAX_SECONDS_LEAST,
        max_value=MAX_SECONDS_MOST,
        help_text="Recordings stop by themselves after that; null for no limit.",
    )
    slate = serializers.ChoiceField(
        required=False,
        choices=SlateRecording.choices,
        help_text="What becomes of stretches in which viewers see something in the encoder's place: cut or keep.",
    )
    storage_target_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="A storage of the app's, where they are kept; null: on this instance.",
    )
    uses_app_storage = FlagField(
        required=False,
        help_text="Keep them in the app's default storage, whichever that is then; a `storage_target_id` ends it.",
    )


def policy_changes_of(values: Mapping[str, object], *, app: App) -> PolicyChanges:
    """Return a checked body of an app's client as the services take it.

    :raises ValidationFailedError: when the app has no such storage.
    """
    changes = {name: value for name, value in values.items() if name != "storage_target_id"}
    if "storage_target_id" in values:
        changes["storage"] = _storage_of(values, app=app)
    return cast(PolicyChanges, changes)


def _storage_of(values: Mapping[str, object], *, app: App) -> StorageTarget | None:
    wanted = values.get("storage_target_id")
    if wanted is None:
        return None
    try:
        return get_storage_target(app=app, target_id=cast(UUID, wanted))
    except NotFoundError as error:
        complaint = {"storage_target_id": [error.message]}
        raise ValidationFailedError("The body is not acceptable.", fields=complaint) from error
