"""Writing down encoders that were turned away, and forgetting them again."""

import ipaddress

from django.db import transaction
from django.db.models import F

from livehub.core import clock, events
from streams.livestreams.events import LivestreamChanged
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, UnknownKeyTries
from streams.livestreams.selectors import UNKNOWN_KEYS_TOLD
from streams.organizations.services import Actor, record

# What an internet provider gives to one customer.
_IPV6_PREFIX = 64


@transaction.atomic
def dismiss_refusals(*, livestream: Livestream, actor: Actor) -> None:
    """Forget the encoders that the livestream has turned away; the audit log keeps how many there were.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    dismissed = livestream.refused_publishes
    if not dismissed:
        return
    livestream.refused_publishes, livestream.last_refusal, livestream.last_refused_at = 0, "", None
    livestream.save(update_fields=["refused_publishes", "last_refusal", "last_refused_at", "updated_at"])
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="livestream.refusals_dismissed",
        target=livestream,
        refused_publishes=dismissed,
    )
    events.publish(LivestreamChanged.of(livestream, at=clock.now(), actor=actor, changed=()))


def note_unknown_key(address: str) -> None:
    """Count a try with a key that nobody has; after an hour an address begins anew."""
    now = clock.now()
    network = _network(address)
    counted = UnknownKeyTries.objects.filter(address=network, first_at__gt=now - UNKNOWN_KEYS_TOLD)
    if not counted.update(tries=F("tries") + 1, last_at=now):
        UnknownKeyTries.objects.update_or_create(
            address=network, defaults={"tries": 1, "first_at": now, "last_at": now}
        )


def forget_unknown_keys() -> None:
    """Forget addresses that have not tried for so long that nobody is told of them any more."""
    UnknownKeyTries.objects.filter(last_at__lt=clock.now() - UNKNOWN_KEYS_TOLD).delete()


def _network(address: str) -> str:
    found = ipaddress.ip_address(address)
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False).network_address)
