"""What Prometheus is told of webhooks: two questions, of which none reads more rows than a bound."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Count, Q
from prometheus_client.core import Metric

from livehub.metrics import gauge
from webhooks.models import Endpoint

# Counting more takes longer than a scrape may.
_COUNTED_MAX = 100_000
_WAITING = f"""
    SELECT
        (SELECT count(*) FROM (
            SELECT 1 FROM webhooks_delivery WHERE state = 'pending' LIMIT {_COUNTED_MAX}
        ) AS pending),
        coalesce(extract(epoch FROM statement_timestamp() - min(first.due_at)), 0)
    FROM webhooks_endpoint AS endpoint
    CROSS JOIN LATERAL (
        SELECT due_at FROM webhooks_delivery AS found
        WHERE found.endpoint_id = endpoint.id AND found.state = 'pending' AND found.due_at <= statement_timestamp()
        ORDER BY found.due_at LIMIT 1
    ) AS first
    WHERE endpoint.enabled AND endpoint.deleted_at IS NULL AND endpoint.failing_since IS NULL
"""  # noqa: S608  # A constant of ours.


def find_figures() -> Iterator[Metric]:
    """Yield what waits to be delivered, and how endpoints fare."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        waiting, overdue_s = cursor.fetchone()
    yield gauge(
        "webhook_deliveries_waiting",
        f"Deliveries that have not arrived and are still tried; {_COUNTED_MAX} for more.",
        "",
        {(): float(waiting)},
    )
    yield gauge(
        "webhook_overdue_seconds",
        "For how long the first of them that is due has waited, of endpoints that answer.",
        "",
        {(): float(overdue_s)},
    )
    is_stopped = Q(enabled=False) & ~Q(disabled_reason="")
    counted = Endpoint.objects.existing().aggregate(
        well=Count("id", filter=Q(enabled=True, failing_since=None)),
        failing=Count("id", filter=Q(enabled=True, failing_since__isnull=False)),
        stopped=Count("id", filter=is_stopped),
        paused=Count("id", filter=Q(enabled=False, disabled_reason="")),
    )
    yield gauge(
        "webhook_endpoints", "Webhooks by how they fare.", "state", {name: float(n) for name, n in counted.items()}
    )
