"""How fast what is too old goes, and what a change costs meanwhile, beside many rows that are not.

`python -m pytest -m bench -s bench/test_webhook_retention.py`.
"""

import statistics
import threading
import time

import pytest
from django.db import connection

from livehub.core.deadline import deadline
from livehub.core.postgresql import bounds
from streams.livestreams import services
from streams.models import Livestream
from streams.organizations.services import SYSTEM, create_organization
from tests.webhooks.told import listen_for
from webhooks import retention
from webhooks.models import Attempt, Delivery, Endpoint, Event

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

_OLD, _YOUNG = 40_000, 160_000
# Events a second: ten times what an installation makes that is busy day and night.
_BUDGET_PER_S = 1_000
# It takes a good part of a core meanwhile.
_CHANGE_BUDGET = 3.0
# Each event with a delivery to each endpoint, and each of these with an attempt.
_EVENTS = """
INSERT INTO webhooks_event (uid, app_id, type, names, subject_type, subject_id, sequence, at, facts)
SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(
    ((extract(epoch FROM now()) - %(age_s)s) * 1000 + number)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid,
    %(app_id)s, 'livestream.live', '{livestream.live}', 'livestream', gen_random_uuid(), 1, now(),
    jsonb_build_object('note', repeat('x', 600))
FROM generate_series(1, %(count)s) AS number
"""
_DELIVERIES = """
INSERT INTO webhooks_delivery (
    endpoint_id, event_id, name, subject_id, sequence, state, attempts, tries, due_at, last_error, created_at
)
SELECT endpoint.id, event.id, 'livestream.live', event.subject_id, 1, 'delivered', 1, 1, now(), '', now()
FROM webhooks_event AS event, webhooks_endpoint AS endpoint WHERE event.type = 'livestream.live'
"""
_ATTEMPTS = """
INSERT INTO webhooks_attempt (delivery_id, number, at, duration_ms, status, error, headers, answer, answer_headers)
SELECT id, 1, now(), 12, 200, '', '{}', 'ok', '{}' FROM webhooks_delivery
"""


def test_old_rows_go_fast_and_hold_nobody_up() -> None:
    home = create_organization(name="Northwind", email="o@northwind.example", password="correct horse")  # noqa: S106
    livestream = services.create_livestream(app=home.app, name="Keynote", actor=SYSTEM)
    for _ in range(3):
        listen_for(home.app, "livestream.updated")
    _fill(home.app.pk)
    alone_ms = _time_changes(livestream)

    removal = threading.Thread(target=_forget, daemon=True)
    began = time.monotonic()
    removal.start()
    beside_ms = _time_changes(livestream)
    removal.join(300)
    per_s = _OLD / (time.monotonic() - began)

    print(f"\n{per_s:.0f} events/s with 3 deliveries and attempts each; a change {alone_ms:.1f} -> {beside_ms:.1f} ms")
    assert Event.objects.filter(type="livestream.live").count() == _YOUNG
    assert Delivery.objects.filter(name="livestream.live").count() == _YOUNG * Endpoint.objects.count()
    assert Attempt.objects.count() == _YOUNG * Endpoint.objects.count()
    assert per_s >= _BUDGET_PER_S
    assert beside_ms <= alone_ms * _CHANGE_BUDGET


def _fill(app_id: object) -> None:
    connection.close()
    with bounds.lifted():
        with connection.cursor() as cursor:
            for count, age_s in ((_OLD, 31 * 86_400), (_YOUNG, 86_400)):
                cursor.execute(_EVENTS, {"app_id": str(app_id), "count": count, "age_s": age_s})
            cursor.execute(_DELIVERIES)
            cursor.execute(_ATTEMPTS)
            cursor.execute("ANALYZE webhooks_event, webhooks_delivery, webhooks_attempt")
        connection.close()


def _forget() -> None:
    try:
        with deadline(300):
            retention.forget_old()
    finally:
        connection.close()


def _time_changes(livestream: Livestream) -> float:
    """Return the median of what a change takes, in milliseconds."""
    took = []
    for number in range(200):
        began = time.perf_counter()
        services.rename_livestream(livestream=livestream, name=f"Keynote {number} {began}", actor=SYSTEM)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
