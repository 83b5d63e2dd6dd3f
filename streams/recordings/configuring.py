"""What the vendors' settings of a recording come to: where it goes, what is made of it, for how long."""

import json
from collections.abc import Mapping
from typing import Any, cast

from livehub.core import crypto
from livehub.core.errors import ValidationFailedError
from streams.organizations.models import App
from streams.recordings.models import StorageTarget
from streams.recordings.pushing import check_push
from streams.recordings.renditions import FileForm, complaints_of
from streams.recordings.services import NewRecording
from streams.recordings.states import RecordingOrigin
from streams.recordings.storage_selectors import find_default_storage
from streams.recordings.storage_services import StorageChanges, add_inline_target, inline_target

# As the contract has it, where nobody has said how long.
LONGEST_S = 86_400
# Source: Cloudflare R2, the address of an account's storage.
_R2 = "https://{}.r2.cloudflarestorage.com"
# What a call says, and what a meeting does.
_PUSHES = ("rtmp_out_config", "live_streaming_config")
_KEPT = ("max_seconds", "file_name_prefix", "video_config", "audio_config", "bucket_config")


def check_config(config: Mapping[str, Any], *, app: App) -> None:
    """Accept settings of recordings, whose storage has its secrets.

    :raises ValidationFailedError: names all that cannot be, as the settings call it.
    """
    fields = complaints_of(config)
    storage: Mapping[str, Any] | None = config.get("storage_config")
    if storage:
        try:
            inline_target(app=app, type=str(storage.get("type")), **_storage_values(storage))
        except ValidationFailedError as error:
            fields |= {f"storage_config.{_ours(name, storage)}": said for name, said in error.fields.items()}
    elif (config.get("bucket_config") or {}).get("enabled") is False and find_default_storage(app.pk) is None:
        fields["bucket_config"] = ["With the bucket off and no storage the recording would be nowhere."]
    for field in _PUSHES:
        fields |= _push_complaints(config, field=field)
    if fields:
        raise ValidationFailedError("The recording cannot be like this.", fields=fields)


def new_recording_of(
    config: Mapping[str, Any],
    *,
    app: App,
    origin: RecordingOrigin = RecordingOrigin.API,
    longest_s: int | None = None,
    allows_multiple: bool = False,
    may_wait: bool = False,
) -> NewRecording:
    """Return what checked settings ask for; a storage that they tell of is added to the app's, in no list of it.

    :raises ValidationFailedError: names all that cannot be, as the settings call it.
    """
    check_config(config, app=app)
    return NewRecording(
        origin=origin,
        max_seconds=config.get("max_seconds") or longest_s,
        file_name_prefix=str(config.get("file_name_prefix") or ""),
        config={name: config[name] for name in _KEPT if config.get(name) is not None},
        storage=_storage_of(config.get("storage_config"), app=app),
        rendition=FileForm.of(config),
        # Source: RealtimeKit, "If set to false, download_url ... won't be generated".
        has_links=(config.get("bucket_config") or {}).get("enabled") is not False,
        push_url=next((url for field in _PUSHES if (url := _push_url(config, field=field))), ""),
        allows_multiple=allows_multiple,
        may_wait=may_wait,
    )


def _push_url(config: Mapping[str, Any], *, field: str) -> str:
    return str((config.get(field) or {}).get("rtmp_url") or "")


def _push_complaints(config: Mapping[str, Any], *, field: str) -> Mapping[str, list[str]]:
    url = _push_url(config, field=field)
    try:
        if url:
            check_push(url, field=f"{field}.rtmp_url")
    except ValidationFailedError as error:
        return error.fields
    return {}


def with_secrets(config: Mapping[str, Any], *, encrypted: str) -> Mapping[str, Any]:
    """Return settings whose storage has what opens it, which is kept apart from them.

    :raises UndecryptableSecretError: when it is under none of our keys.
    """
    storage: Mapping[str, Any] | None = config.get("storage_config")
    if not storage or not encrypted:
        return config
    return {**config, "storage_config": {**storage, **json.loads(crypto.decrypt(encrypted))}}


def _storage_of(storage: Mapping[str, Any] | None, *, app: App) -> StorageTarget | None:
    if not storage:
        return find_default_storage(app.pk)
    return add_inline_target(app=app, type=str(storage.get("type")), **_storage_values(storage))


def _storage_values(storage: Mapping[str, Any]) -> StorageChanges:
    names = StorageChanges.__annotations__.keys() - {"name", "is_default"}
    values = {name: value for name, value in storage.items() if name in names and value is not None}
    if storage.get("account_id"):
        values["endpoint"] = _R2.format(storage["account_id"])
    return cast(StorageChanges, values)


def _ours(name: str, storage: Mapping[str, Any]) -> str:
    """Return what the settings call a field of a storage."""
    return "account_id" if name == "endpoint" and storage.get("type") == "cloudflare" else name
