"""Reading the storages of an app, and of an organization."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from livehub.core.errors import NotFoundError
from streams.organizations.models import App, Organization
from streams.recordings.models import Recording, RecordingPolicy, StorageTarget
from streams.recordings.states import UNFINISHED, RecordingStatus


@dataclass(frozen=True)
class StorageUse:
    """How many livestreams keep their next recordings in a storage, and how many recordings it has, or is to have."""

    livestreams: int
    stored: int
    unfinished: int


def list_storage_targets(app: App) -> QuerySet[StorageTarget]:
    """Return the app's storages, oldest first."""
    return StorageTarget.objects.for_app(app).order_by("created_at", "id")


def get_storage_target(*, app: App, target_id: UUID) -> StorageTarget:
    """Return a storage of the app.

    :raises NotFoundError: when it has no such storage.
    """
    target = StorageTarget.objects.for_app(app).filter(pk=target_id).first()
    if target is None:
        raise NotFoundError(f"No storage target {target_id}.")
    return target


def find_default_storage(app_id: UUID) -> StorageTarget | None:
    """Return where the app's recordings are kept of which nothing else is said; None for this instance."""
    return StorageTarget.objects.existing().filter(app=app_id, is_default=True).first()


def list_storage_targets_of(organization: Organization) -> QuerySet[StorageTarget]:
    """Return the storages of all of an organization's apps with their apps, oldest first.

    Each has as `kept_waiting` why a recording cannot be stored there now; None where all get in.
    """
    targets = StorageTarget.objects.existing().select_related("app").filter(app__organization=organization)
    waiting = Recording.objects.existing().unfinished().filter(storage=OuterRef("pk")).exclude(problem="")
    problems = waiting.newest_first().values("problem")[:1]
    return targets.annotate(kept_waiting=Subquery(problems)).order_by("created_at", "id")


def get_own_storage_target(*, organization: Organization, target_id: UUID) -> StorageTarget:
    """Return a storage of any of the organization's apps, with its app.

    :raises NotFoundError: when it has no such storage.
    """
    target = list_storage_targets_of(organization).filter(pk=target_id).first()
    if target is None:
        raise NotFoundError(f"No storage target {target_id}.")
    return target


def get_storage_use(target: StorageTarget) -> StorageUse:
    """Return what a storage is there for at the moment."""
    policies = RecordingPolicy.objects.filter(storage=target, uses_app_storage=False, livestream__deleted_at=None)
    recordings = Recording.objects.existing().filter(storage=target)
    return StorageUse(
        livestreams=policies.count(),
        stored=recordings.filter(status=RecordingStatus.UPLOADED).count(),
        unfinished=recordings.filter(status__in=UNFINISHED).count(),
    )
