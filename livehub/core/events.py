"""Domain events: what `streams` says, others hear.

Subscribers run inside the transaction of the change that they are told of, so that what they write (a webhook's
outbox row) commits or rolls back with it. What must not happen before the commit belongs in `transaction.on_commit`.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

_Event = TypeVar("_Event")
_subscribers: dict[type, list[Callable[[object], None]]] = defaultdict(list)


def subscribe(event_type: type[_Event], subscriber: Callable[[_Event], None]) -> None:
    """Call `subscriber` with every published event of this type (from `AppConfig.ready`)."""
    _subscribers[event_type].append(subscriber)  # type: ignore[arg-type]  # Kept apart by the key.


def publish(event: object) -> None:
    """Tell every subscriber, in the order of subscription.

    :raises RuntimeError: when no transaction is open: the promise above could not be kept.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{type(event).__name__} was published outside a transaction.")
    for subscriber in _subscribers[type(event)]:
        subscriber(event)
