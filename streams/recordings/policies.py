"""How the broadcasts of a livestream are recorded by themselves."""

from typing import TypedDict, Unpack

from django.db import transaction

from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, Output
from streams.livestreams.models.output import default_public_id
from streams.livestreams.outputs import NewOutput, change_output, create_output
from streams.livestreams.states import OutputType
from streams.organizations.services import Actor, record
from streams.recordings.models import RecordingPolicy, StorageTarget
from streams.recordings.services import NewRecording, check_recording
from streams.recordings.storage_selectors import find_default_storage


class PolicyChanges(TypedDict, total=False):
    """What can be changed; whatever is left out stays."""

    retention_s: int | None
    file_name_prefix: str
    storage: StorageTarget | None
    uses_app_storage: bool
    max_seconds: int | None
    slate: str


def get_policy(livestream: Livestream) -> RecordingPolicy:
    """Return what holds for the livestream; not saved, where nobody has said anything."""
    found = RecordingPolicy.objects.select_related("storage").filter(livestream=livestream).first()
    if found is not None:
        found.livestream = livestream
    return found or RecordingPolicy(livestream=livestream)


def storage_of(policy: RecordingPolicy) -> StorageTarget | None:
    """Return where its livestream's next recordings are kept; None for this instance."""
    return find_default_storage(policy.livestream.app_id) if policy.uses_app_storage else policy.storage


def is_recorded(livestream: Livestream) -> bool:
    """Ask whether its broadcasts are recorded by themselves, where the instance does that."""
    return Output.objects.filter(livestream=livestream, type=OutputType.ARCHIVE, enabled=True).exists()


@transaction.atomic
def change_recording(
    *, livestream: Livestream, actor: Actor, is_recorded: bool | None = None, **changes: Unpack[PolicyChanges]
) -> None:
    """Change whether the next broadcasts are recorded by themselves (None: as it is), and how.

    :raises NotFoundError: when the livestream is deleted.
    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    """
    livestream = lock_livestream(livestream.pk)
    if changes:
        change_policy(livestream=livestream, actor=actor, **changes)
    if is_recorded is not None:
        _switch(livestream, enabled=is_recorded, actor=actor)


def _switch(livestream: Livestream, *, enabled: bool, actor: Actor) -> None:
    """Switch its archive, which is what every dialect shows of it; whoever deleted that one gets another."""
    archives = list(Output.objects.filter(livestream=livestream, type=OutputType.ARCHIVE))
    for archive in archives:
        if archive.enabled != enabled:
            change_output(livestream=livestream, output_id=archive.pk, actor=actor, enabled=enabled)
    if enabled and not archives:
        new = NewOutput(type=OutputType.ARCHIVE, name="default archive", public_id=default_public_id(livestream.pk))
        create_output(livestream=livestream, new=new, actor=actor)


@transaction.atomic
def change_policy(*, livestream: Livestream, actor: Actor, **changes: Unpack[PolicyChanges]) -> RecordingPolicy:
    """Change how its next broadcasts are recorded; a recording that is going on stays as it began.

    :raises NotFoundError: when the livestream is deleted.
    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    """
    livestream = lock_livestream(livestream.pk)
    policy = get_policy(livestream)
    if "storage" in changes:
        changes.setdefault("uses_app_storage", False)
    before = {name: getattr(policy, name) for name in changes}
    for name, value in changes.items():
        setattr(policy, name, value)
    check_recording(NewRecording(max_seconds=policy.max_seconds, file_name_prefix=policy.file_name_prefix))
    changed = sorted(name for name, value in before.items() if value != getattr(policy, name))
    if changed:
        policy.save()
        organization = livestream.app.organization
        record(
            organization=organization,
            actor=actor,
            action="livestream.recording_settings_changed",
            target=livestream,
            changed=changed,
        )
    return policy
