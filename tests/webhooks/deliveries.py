"""Making things happen that endpoints are told of, and having it delivered."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from streams.models import App
from streams.organizations.services import SYSTEM
from tests.services import HANG_S, wait_until
from webhooks.courier import Courier
from webhooks.models import Delivery, Endpoint, Event
from webhooks.outbox import Happening, record
from webhooks.services import NewEndpoint, create_endpoint
from webhooks.states import DeliveryState

_MULTIPLIED_AT_ONCE = 1000
_MULTIPLY = """
WITH event AS (
    INSERT INTO webhooks_event (app_id, type, names, subject_type, subject_id, sequence, at, facts)
    SELECT app_id, type, names, subject_type, lpad((n %% 20)::text, 32, '0')::uuid, n, at, facts
    FROM webhooks_event, generate_series(%(first)s, %(last)s) AS n
    WHERE webhooks_event.id = %(original)s
    RETURNING id, subject_id, sequence
)
INSERT INTO webhooks_delivery (
    endpoint_id, event_id, name, subject_id, sequence, state, attempts, tries, due_at, last_error,
    created_at
)
SELECT delivery.endpoint_id, event.id, delivery.name, event.subject_id, event.sequence, delivery.state, 0,
    0, delivery.due_at, '', delivery.created_at
FROM webhooks_delivery AS delivery, event WHERE delivery.event_id = %(original)s
"""


def listen(app: App, url: str, *, name: str = "Backend", events: Iterable[str] = ("livestream.live",)) -> NewEndpoint:
    return create_endpoint(app=app, name=name, url=url, events=list(events), actor=SYSTEM)


def happen(app: App, subject_id: UUID | None = None, *, note: str = "") -> UUID:
    """Write down that a livestream went live; return which."""
    subject_id = subject_id or uuid4()
    facts = {
        "organization": {"id": str(uuid4()), "name": "Northwind Events"},
        # What bodies take as it is.
        "endpoint": {"id": str(subject_id), "name": note},
        "reason": "",
    }
    with transaction.atomic():
        record(
            Happening(
                app_id=app.pk,
                type="livestream.live",
                names=["livestream.live"],
                subject_type="livestream",
                subject_id=subject_id,
                at=timezone.now(),
                facts=facts,
            )
        )
    return subject_id


@contextmanager
def courier(*endpoints: Endpoint) -> Iterator[Courier]:
    """Run a courier for as long as the block lasts."""
    found = Courier()

    thread = threading.Thread(target=found.run, args=([endpoint.pk for endpoint in endpoints],), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join(20)
        assert not thread.is_alive()


def states(endpoint: Endpoint) -> list[str]:
    """Return the states of an endpoint's deliveries, by event."""
    return list(endpoint.deliveries.order_by("event_id").values_list("state", flat=True))


def wait_for(endpoint: Endpoint, *wanted: DeliveryState, timeout_s: float = HANG_S) -> list[Delivery]:
    """Return an endpoint's deliveries, by event, once their states are these."""
    wait_until(lambda: states(endpoint) == list(wanted), timeout_s=timeout_s, what=f"{wanted}, not {states(endpoint)}")
    return list(endpoint.deliveries.order_by("event_id"))


def wait_attempts(endpoint: Endpoint, *counts: int, timeout_s: float = HANG_S) -> list[Delivery]:
    """Return an endpoint's deliveries, by event, once so many attempts at each are written down."""
    found = endpoint.deliveries.order_by("event_id")

    def made() -> list[int]:
        return list(found.values_list("attempts", flat=True))

    wait_until(lambda: made() == list(counts), timeout_s=timeout_s, what=f"attempts {counts}, not {made()}")
    return list(found)


def make_due(endpoint: Endpoint) -> None:
    """Let all that waits for its next attempt have waited long enough."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_delivery SET due_at = now() - interval '1 s'"
            # Not what is under way, which would count as replayed.
            " WHERE endpoint_id = %s AND state = 'pending' AND due_at > now()",
            [endpoint.pk],
        )


def multiply(count: int) -> None:
    """Add events like the one that there is, of few livestreams, with a delivery each, in a burst."""
    original = Event.objects.get().pk
    with connection.cursor() as cursor:
        # Not all at once: on a busy machine that takes longer than a statement may.
        for first in range(1, count + 1, _MULTIPLIED_AT_ONCE):
            last = min(first + _MULTIPLIED_AT_ONCE - 1, count)
            cursor.execute(_MULTIPLY, {"original": original, "first": first, "last": last})
