"""Making storages, changing them, trying them, and opening them."""

from collections.abc import Mapping
from typing import TypedDict, Unpack
from uuid import UUID

from django.conf import settings
from django.db import transaction

from livehub.core import clock
from livehub.core.deadline import deadline, suspended_deadline
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.organizations.models import App
from streams.organizations.services import Actor, check_room, record
from streams.recordings.models import RecordingPolicy, StorageTarget
from streams.recordings.models.storage import SECRETS, AuthMethod, StorageType
from streams.recordings.storage_rules import check_storage_target
from streams.recordings.stores.base import Store, StoreError, StoreSettings
from streams.recordings.stores.opening import open_store

# Of an app.
STORAGE_TARGETS_MAX = 100
# A person waits for it. More than a storage at the other end of the world takes for a small object.
CHECK_S = 10.0
# What decides whom secrets are shown to, and as whom.
_PLACE = ("endpoint", "host", "port", "username", "host_key")


class StorageChanges(TypedDict, total=False):
    """What can be changed of a storage; whatever is left out stays. Its type does."""

    name: str
    is_default: bool
    bucket: str
    region: str
    endpoint: str
    host: str
    port: int
    path: str
    username: str
    auth_method: str
    host_key: str
    access_key: str
    secret: str
    password: str
    private_key: str


@transaction.atomic
def create_storage_target(*, app: App, type: str, actor: Actor, **values: Unpack[StorageChanges]) -> StorageTarget:
    """Let recordings be kept in a storage; nothing is sent there yet.

    :raises ValidationFailedError: names all that cannot be used, or says that the app has enough storages.
    """
    if type not in StorageType.values:
        raise ValidationFailedError(
            "The storage cannot be like this.", fields={"type": [f"Choose from {', '.join(StorageType.values)}."]}
        )
    check_room(StorageTarget.objects.for_app(app), most=STORAGE_TARGETS_MAX, noun="storages")
    target = StorageTarget(app=app, type=type)
    if type == StorageType.SFTP:
        target.auth_method = AuthMethod.KEY if values.get("private_key") else AuthMethod.PASSWORD
    _put(target, values)
    _take_default_place(target)
    target.save(force_insert=True)
    _write_down(target, actor=actor, action="storage_target.created", type=type, address=target.address)
    return target


def add_inline_target(*, app: App, type: str, **values: Unpack[StorageChanges]) -> StorageTarget:
    """Return a storage that was told with one recording and is that one's alone; nothing is sent there yet.

    :raises ValidationFailedError: names all that cannot be used.
    """
    target = inline_target(app=app, type=type, **values)
    target.save(force_insert=True)
    return target


def inline_target(*, app: App, type: str, **values: Unpack[StorageChanges]) -> StorageTarget:
    """Return such a storage, checked and not saved; raises what `add_inline_target` does."""
    target = StorageTarget(app=app, type=type, is_inline=True, name=f"{StorageType(type).label}, told with it")
    if type == StorageType.SFTP and not values.get("auth_method"):
        values["auth_method"] = AuthMethod.KEY if values.get("private_key") else AuthMethod.PASSWORD
    _put(target, values)
    return target


def forget_inline_target(target: StorageTarget) -> None:
    """Forget what opens a storage that was told with a recording, once nothing of ours is in it any more."""
    stored = (target.recordings, target.clips)
    if target.is_inline and not any(each.filter(is_erased=False).exists() for each in stored):
        StorageTarget.objects.filter(pk=target.pk).update(deleted_at=clock.now(), secrets_encrypted="")


@transaction.atomic
def change_storage_target(*, target: StorageTarget, actor: Actor, **changes: Unpack[StorageChanges]) -> StorageTarget:
    """Change all of this or nothing, and return the storage; what was found by trying it no longer holds.

    Whoever may not read the secrets cannot have them shown to another server either.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: names all that cannot be used.
    """
    target = _lock(target.pk)
    before = {name: getattr(target, name) for name in StorageChanges.__annotations__ if name not in SECRETS}
    _check_secrets_stay(target, changes)
    _put(target, changes)
    changed = [name for name, value in before.items() if value != getattr(target, name)]
    changed += [name for name in SECRETS if name in changes]
    if not changed:
        return target
    if "host" in changed or "port" in changed:
        # The key that another server showed.
        target.host_key = changes.get("host_key", "")
    if changed != ["is_default"]:
        target.checked_at, target.check_code, target.check_problem = None, "", ""
    _take_default_place(target)
    target.save()
    _write_down(target, actor=actor, action="storage_target.changed", changed=sorted(changed), address=target.address)
    return target


@transaction.atomic
def delete_storage_target(*, target: StorageTarget, actor: Actor) -> None:
    """Keep nothing more there, and forget what opens it; what is there stays.

    Livestreams that kept their recordings there keep the next ones on this instance.

    :raises NotFoundError: when it is deleted.
    """
    target = _lock(target.pk)
    target.deleted_at, target.secrets_encrypted, target.is_default = clock.now(), "", False
    target.save(update_fields=["deleted_at", "secrets_encrypted", "is_default"])
    moved = RecordingPolicy.objects.filter(storage=target).update(storage=None, updated_at=clock.now())
    _write_down(target, actor=actor, action="storage_target.deleted", livestreams=moved)


def try_storage_target(*, target: StorageTarget, actor: Actor) -> StorageTarget:
    """Write, read and delete a small object there, and keep what came of it; takes up to `CHECK_S`.

    An SFTP server's host key is kept that has none yet.
    """
    code, problem = "", ""
    try:
        # Whoever answers is not the database, for which alone a request's time is short.
        with suspended_deadline(), deadline(CHECK_S):
            open_target(target).check()
    except StoreError as error:
        code, problem = error.code, error.reason
    return _keep_check(target, code=code, problem=problem, actor=actor)


def open_target(target: StorageTarget) -> Store:
    """Return the client of a storage; of an SFTP server without a host key, one is asked for and kept first.

    :raises StoreError: when the settings cannot be right, or the server's key cannot be had.
    """
    if target.type == StorageType.SFTP and not target.host_key:
        _pin(target)
    return open_store(settings_of(target), allowed=settings.OUTGOING_ALLOWED_NETWORKS)


def settings_of(target: StorageTarget) -> StoreSettings:
    """Return what the clients of storages are told, secrets included."""
    return StoreSettings(
        kind=target.type,
        bucket=target.bucket,
        region=target.region,
        endpoint=target.endpoint,
        host=target.host,
        port=target.port,
        path=target.path,
        username=target.username,
        host_key=target.host_key,
        **_used_secrets(target),
    )


def _used_secrets(target: StorageTarget) -> Mapping[str, str]:
    """Return its secrets without the one that its way of logging in does not use."""
    unused = {AuthMethod.KEY: "password", AuthMethod.PASSWORD: "private_key"}.get(
        AuthMethod(target.auth_method or "KEY")
    )
    return {name: secret for name, secret in target.secrets.items() if name != unused}


def _pin(target: StorageTarget) -> None:
    # Only SFTP's client is read for it.
    from streams.recordings.stores.sftp import SftpStore

    store = open_store(settings_of(target), allowed=settings.OUTGOING_ALLOWED_NETWORKS)
    if not isinstance(store, SftpStore):
        raise TypeError(f"no client of SFTP: {type(store).__name__}")
    key = store.ask_host_key()
    # Of two at once the first decides.
    StorageTarget.objects.filter(pk=target.pk, host_key="").update(host_key=key)
    target.host_key = StorageTarget.objects.values_list("host_key", flat=True).get(pk=target.pk)


@transaction.atomic
def _keep_check(target: StorageTarget, *, code: str, problem: str, actor: Actor) -> StorageTarget:
    before = target
    target = _lock(target.pk)
    if target.updated_at != before.updated_at:
        return target  # It is another one by now.
    target.checked_at, target.check_code, target.check_problem = clock.now(), code, problem
    target.save(update_fields=["checked_at", "check_code", "check_problem"])
    _write_down(target, actor=actor, action="storage_target.tested", outcome=code or "ok")
    return target


def _lock(target_id: UUID) -> StorageTarget:
    targets = StorageTarget.objects.existing().select_related("app__organization")
    # Without its key: recordings that go there are written meanwhile.
    target = targets.select_for_update(of=("self",), no_key=True).filter(pk=target_id).first()
    if target is None:
        raise NotFoundError(f"No storage target {target_id}.")
    return target


def _take_default_place(target: StorageTarget) -> None:
    """Take the place of the app's other one, if it is to be where recordings are kept of which nothing is said."""
    if target.is_default:
        # Of two at once the later one has it.
        App.objects.select_for_update(no_key=True).get(pk=target.app_id)
        others = StorageTarget.objects.existing().filter(app=target.app_id, is_default=True).exclude(pk=target.pk)
        others.update(is_default=False)


def _put(target: StorageTarget, changes: StorageChanges) -> None:
    """Give the storage these values, if it can be like that."""
    given: Mapping[str, object] = changes
    for name, value in given.items():
        if name not in SECRETS:
            setattr(target, name, value.strip() if isinstance(value, str) else value)
    secrets = {**target.secrets, **{name: str(given[name]).strip() for name in SECRETS if name in given}}
    check_storage_target(target, secrets=secrets)
    target.secrets = secrets


def _check_secrets_stay(target: StorageTarget, changes: StorageChanges) -> None:
    """Check that what was given for one server is not shown to another one.

    :raises ValidationFailedError: when it would be.
    """
    given: Mapping[str, object] = changes
    if all(given.get(name, getattr(target, name)) == getattr(target, name) for name in _PLACE):
        return
    complaint = "Give it as well: the one that is kept was given for another server or user."
    kept = [name for name in target.secrets if not given.get(name)]
    if kept:
        raise ValidationFailedError("The storage cannot be like this.", fields={name: [complaint] for name in kept})


def _write_down(target: StorageTarget, *, actor: Actor, action: str, **detail: object) -> None:
    record(organization=target.app.organization, actor=actor, action=action, target=target, name=target.name, **detail)
