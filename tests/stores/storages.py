"""Storages of tenants, for tests that do not go there."""

from typing import Unpack

from streams.models import App, StorageTarget
from streams.organizations.services import SYSTEM
from streams.recordings.storage_services import StorageChanges, create_storage_target

VALUES: StorageChanges = {
    "name": "Films",
    "bucket": "films",
    "region": "eu-central-1",
    "path": "shows",
    "access_key": "AKIA-of-films",
    "secret": "the-secret-of-films",
}
# A name of this machine, which nothing is sent to: whoever tries it is told so at once.
_INSIDE = "http://localhost"


def storage_of(app: App, **values: Unpack[StorageChanges]) -> StorageTarget:
    """Make a bucket of Amazon's."""
    wanted: StorageChanges = {**VALUES, **values}
    return create_storage_target(app=app, type="aws", actor=SYSTEM, **wanted)


def furnish_storage(app: App) -> dict[str, str]:
    """Make a storage; return what arguments of addresses mean."""
    target = storage_of(app, endpoint=_INSIDE)
    return {"storage_target_id": str(target.pk), "target_id": str(target.pk)}
