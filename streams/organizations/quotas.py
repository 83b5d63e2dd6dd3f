"""How much of the instance one organization may use, so that no tenant takes it all."""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.db import transaction

from livehub.core.errors import ValidationFailedError
from streams.organizations.models import Organization
from streams.organizations.selectors import is_alone
from streams.organizations.services import Actor, record

# What one of several organizations may take of the slots, so that there is always one for another.
_SHARE_OF_SLOTS = 0.75
# Above what a column holds, and any machine.
_LARGEST = 1_000_000_000


class QuotaExceededError(ValidationFailedError):
    """The organization has as much as it may."""

    code = "quota_exceeded"

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"organization": [message]})


@dataclass(frozen=True)
class Quotas:
    """What an organization may have at once; `broadcast_kbps` is for each of its broadcasts."""

    sessions: int
    livestreams: int
    broadcast_kbps: int


@dataclass(frozen=True)
class OwnQuotas:
    """What support staff has set for one organization; None for what the settings say."""

    sessions: int | None = None
    livestreams: int | None = None
    broadcast_kbps: int | None = None


def quotas_of(organization: Organization) -> Quotas:
    """Return what the organization may have: its own quotas, else those of the settings."""
    return Quotas(
        sessions=_session_quota(organization),
        livestreams=_livestream_quota(organization),
        broadcast_kbps=broadcast_quota_kbps(organization),
    )


def broadcast_quota_kbps(organization: Organization) -> int:
    """Return how much each broadcast of the organization may send."""
    own = organization.max_broadcast_kbps
    return settings.MAX_BROADCAST_KBPS if own is None else own


def lock_session_quota(organization: Organization) -> int:
    """Return how many sessions it may have; until the transaction ends nobody else counts what it has.

    Rows that point to the organization can be written meanwhile.
    """
    return _session_quota(_lock(organization))


def lock_livestream_quota(organization: Organization) -> int:
    """Return how many livestreams it may have; the same holds."""
    return _livestream_quota(_lock(organization))


def _lock(organization: Organization) -> Organization:
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


@transaction.atomic
def set_quotas(*, organization: Organization, quotas: OwnQuotas, actor: Actor) -> None:
    """Give an organization quotas of its own; what it has already stays.

    :raises ValidationFailedError: when one is out of range.
    """
    values = asdict(quotas)
    wrong = [name for name, value in values.items() if value is not None and not 0 <= value <= _LARGEST]
    if wrong:
        fields = {name: [f"Choose a number from 0 to {_LARGEST}."] for name in wrong}
        raise ValidationFailedError("The quotas cannot be set.", fields=fields)
    Organization.objects.filter(pk=organization.pk).update(**{f"max_{name}": value for name, value in values.items()})
    record(organization=organization, actor=actor, action="organization.quotas_set", target=organization, **values)


def _session_quota(organization: Organization) -> int:
    own = organization.max_sessions
    return _default_sessions(organization) if own is None else own


def _livestream_quota(organization: Organization) -> int:
    own = organization.max_livestreams
    return settings.MAX_LIVESTREAMS_PER_ORGANIZATION if own is None else own


def _default_sessions(organization: Organization) -> int:
    if settings.MAX_SESSIONS_PER_ORGANIZATION:
        return settings.MAX_SESSIONS_PER_ORGANIZATION
    if is_alone(organization):
        return settings.LIVE_SLOTS
    return max(1, int(settings.LIVE_SLOTS * _SHARE_OF_SLOTS))
