"""Making presets and changing them; each app begins with some."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict, cast

from django.db import IntegrityError, transaction

from livehub.core import clock, events
from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name
from streams.meetings.default_presets import default_presets
from streams.meetings.events import PresetChanged, PresetCreated, PresetDeleted, PresetEvent
from streams.meetings.locks import lock_preset
from streams.meetings.merging import merge
from streams.meetings.models import Preset
from streams.meetings.models.preset import PLUGINS_MAX
from streams.organizations.models import App
from streams.organizations.services import Actor, AppCreated, check_room, record

# Of an app. Whoever adds a participant in the dashboard chooses from all of them.
PRESETS_MAX = 1000


class PresetValues(TypedDict, total=False):
    """A preset as the API has it, checked."""

    name: str
    config: Mapping[str, object]
    permissions: Mapping[str, object]
    ui: Mapping[str, object]


class PresetNameTakenError(ValidationFailedError):
    """Another preset of the app has this name."""

    code = "preset_name_taken"

    def __init__(self, name: str) -> None:
        message = f"There is a preset called {name} already. Choose another name, or change that one."
        super().__init__(message, fields={"name": [message]})


class PresetChangedError(ValidationFailedError):
    """Somebody has changed the preset since."""

    code = "preset_changed"

    def __init__(self) -> None:
        message = "Somebody else has changed this preset meanwhile. Copy your text, load this page again, and compare."
        super().__init__(message, fields={"content": [message]})


def subscribe() -> None:
    """Give every new app its presets (from `AppConfig.ready`)."""
    events.subscribe(AppCreated, _make_default_presets)


@transaction.atomic
def create_preset(*, app: App, values: PresetValues, actor: Actor) -> Preset:
    """Create a preset, of which nothing may be missing.

    :raises ValidationFailedError: when the name is empty, unusable or taken, or the app has enough presets.
    """
    check_room(Preset.objects.for_app(app), most=PRESETS_MAX, noun="presets")
    preset = Preset(app=app, **{**values, "name": _check_name(values["name"])})
    _save(preset)
    _tell(preset, PresetCreated, action="preset.created", actor=actor)
    return preset


@transaction.atomic
def change_preset(*, preset: Preset, changes: PresetValues, actor: Actor) -> Preset:
    """Change some of a preset, at any depth, and return it; those who have it have it as it is then.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: when the name is empty, unusable or taken, or it would hold too many plugins.
    """
    preset = lock_preset(preset.pk)
    preset.name = _check_name(changes.get("name", preset.name))
    preset.config = merge(preset.config, changes.get("config", {}))
    preset.permissions = merge(preset.permissions, changes.get("permissions", {}))
    preset.ui = merge(preset.ui, changes.get("ui", {}))
    _check_plugins(preset)
    _save(preset)
    _tell(preset, PresetChanged, action="preset.changed", actor=actor)
    return preset


@transaction.atomic
def replace_preset(*, preset: Preset, values: PresetValues, actor: Actor, written_at: datetime | None = None) -> Preset:
    """Put another content in place of a preset's, of which nothing may be missing, and return it.

    With `written_at` only in place of what was written then.

    :raises NotFoundError: when it is deleted.
    :raises PresetChangedError: when there is something else by now.
    :raises ValidationFailedError: when the name is empty, unusable or taken.
    """
    preset = lock_preset(preset.pk)
    if written_at is not None and preset.updated_at != written_at:
        raise PresetChangedError
    preset.name = _check_name(values["name"])
    preset.config, preset.permissions, preset.ui = values["config"], values["permissions"], values["ui"]
    _save(preset)
    _tell(preset, PresetChanged, action="preset.replaced", actor=actor)
    return preset


@transaction.atomic
def delete_preset(*, preset: Preset, actor: Actor) -> None:
    """Give nobody the preset any more; those who have it keep it.

    :raises NotFoundError: when it is deleted already.
    """
    preset = lock_preset(preset.pk)
    preset.deleted_at = clock.now()
    preset.save(update_fields=["deleted_at", "updated_at"])
    _tell(preset, PresetDeleted, action="preset.deleted", actor=actor)


def _make_default_presets(event: AppCreated) -> None:
    Preset.objects.bulk_create(Preset(app_id=event.app_id, **values) for values in default_presets())


def _check_name(name: str) -> str:
    name = check_name(name)
    if not name:
        raise ValidationFailedError("The preset needs a name.", fields={"name": ["Give the preset a name."]})
    return name


def _check_plugins(preset: Preset) -> None:
    """Check the only part that grows by changes: each brings a few, and together they would be any number."""
    plugins = cast(Mapping[str, Mapping[str, object]], preset.permissions["plugins"])["config"]
    if len(plugins) > PLUGINS_MAX:
        fields = {"permissions.plugins.config": [f"Set at most {PLUGINS_MAX} plugins, with those that are set."]}
        raise ValidationFailedError("The preset would hold too many plugins. Replace it as a whole.", fields=fields)


def _save(preset: Preset) -> None:
    try:
        with transaction.atomic():
            preset.save()
    except IntegrityError as error:
        raise PresetNameTakenError(preset.name) from error


def _tell(preset: Preset, event: type[PresetEvent], *, action: str, actor: Actor) -> None:
    """Write the change into the audit log, and publish its event."""
    record(organization=preset.app.organization, actor=actor, action=action, target=preset, name=preset.name)
    events.publish(event.of(preset, at=clock.now(), actor=actor))
