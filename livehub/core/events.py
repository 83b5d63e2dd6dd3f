"""Domain events: what `streams` says, others hear.

Subscribers run inside the transaction of the change that they are told of, so that what they write (a webhook's
outbox row) commits or rolls back with it. What must not happen before the commit belongs in `transaction.on_commit`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import transaction

_Event = TypeVar("_Event")
_subscribers: dict[type, list[Callable[[object], None]]] = defaultdict(list)
_many_subscribers: dict[type, list[Callable[[Sequence[object]], None]]] = defaultdict(list)


def subscribe(event_type: type[_Event], subscriber: Callable[[_Event], None]) -> None:
    """Call `subscriber` with every published event of this type (from `AppConfig.ready`)."""
    _subscribers[event_type].append(subscriber)  # type: ignore[arg-type]  # Kept apart by the key.


def subscribe_to_many(event_type: type[_Event], subscriber: Callable[[Sequence[_Event]], None]) -> None:
    """Do the same for a subscriber that deals with all that are published together at the cost of one."""
    _many_subscribers[event_type].append(subscriber)  # type: ignore[arg-type]  # Kept apart by the key.


def publish(event: object) -> None:
    """Tell every subscriber, in the order of subscription.

    :raises RuntimeError: when no transaction is open: the promise above could not be kept.
    """
    publish_all([event])


def publish_all(happened: Sequence[object]) -> None:
    """Tell every subscriber of events of one type, in their order.

    :raises RuntimeError: as `publish` does.
    """
    if not happened:
        return
    event_type = type(happened[0])
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{event_type.__name__} was published outside a transaction.")
    for event in happened:
        for subscriber in _subscribers[event_type]:
            subscriber(event)
    for subscriber_to_many in _many_subscribers[event_type]:
        subscriber_to_many(happened)
