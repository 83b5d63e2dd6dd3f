"""Whose an endpoint is to deliver to: claimed for a while, said again in time, given back.

All times are the database's. A claim or a pause that ends later than any can was made before somebody set its clock
back, and holds no more.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from livehub.core import crypto
from livehub.core.crypto import UndecryptableSecretError
from webhooks.routes import Claimed
from webhooks.schedule import OPEN_MAX_S, Health

# Said again three times as often as needed.
CLAIM_TTL_S = 20.0
RENEW_S = 5.0

# Is not claimed by anybody, nor left alone.
FREE = f"""
    endpoint.enabled AND endpoint.deleted_at IS NULL
    AND (
        endpoint.open_until IS NULL OR endpoint.open_until <= clock_timestamp()
        OR endpoint.open_until > clock_timestamp() + interval '{OPEN_MAX_S} s'
    )
    AND (
        endpoint.claimed_until IS NULL OR endpoint.claimed_until <= clock_timestamp()
        OR endpoint.claimed_until > clock_timestamp() + interval '{CLAIM_TTL_S} s'
    )
"""  # Constants of ours.
_COLUMNS = """
    endpoint.id, (SELECT organization_id FROM streams_app WHERE id = endpoint.app_id), endpoint.url, endpoint.format,
    endpoint.secret_encrypted,
    CASE WHEN endpoint.previous_secret_until > clock_timestamp() THEN endpoint.previous_secret_encrypted ELSE '' END,
    endpoint.failures, endpoint.failing_since, endpoint.last_success_at, endpoint.last_error, endpoint.open_until
"""
# One that somebody is changing is left for later: nobody else is to wait for it.
_CLAIM = f"""
WITH free AS (
    SELECT endpoint.id FROM webhooks_endpoint AS endpoint WHERE endpoint.id = ANY(%(ids)s) AND {FREE}
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhooks_endpoint AS endpoint
SET claimed_by = %(courier_id)s, claimed_until = clock_timestamp() + %(ttl)s
FROM free WHERE endpoint.id = free.id
RETURNING {_COLUMNS}
"""  # noqa: S608
_RENEW = """
WITH held AS (
    SELECT id FROM webhooks_endpoint WHERE id = ANY(%(ids)s) AND claimed_by = %(courier_id)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhooks_endpoint AS endpoint SET claimed_until = clock_timestamp() + %(ttl)s
FROM held WHERE endpoint.id = held.id
RETURNING endpoint.id
"""
_LOOK = f"""
SELECT {_COLUMNS} FROM webhooks_endpoint AS endpoint
WHERE endpoint.id = ANY(%(ids)s) AND endpoint.claimed_by = %(courier_id)s
    AND endpoint.enabled AND endpoint.deleted_at IS NULL
"""  # noqa: S608
_RELEASE = """
UPDATE webhooks_endpoint SET claimed_by = NULL, claimed_until = NULL
WHERE id = ANY(%(ids)s) AND claimed_by = %(courier_id)s
"""
_RELEASE_ALL = "UPDATE webhooks_endpoint SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = %s"


def claim(ids: Iterable[UUID], *, courier_id: UUID) -> list[Claimed]:
    """Return those of the endpoints that are this courier's from now on, for `CLAIM_TTL_S`."""
    return [_claimed(row) for row in _fetch(_CLAIM, ids, courier_id=courier_id)]


def renew(ids: Iterable[UUID], *, courier_id: UUID) -> set[UUID]:
    """Return those that stay this courier's for `CLAIM_TTL_S`; one that is missing may be being changed just now."""
    return {row[0] for row in _fetch(_RENEW, ids, courier_id=courier_id)}


def look(ids: Iterable[UUID], *, courier_id: UUID) -> Mapping[UUID, Claimed]:
    """Return those that are still this courier's and to be sent something, as they are now."""
    return {row[0]: _claimed(row) for row in _fetch(_LOOK, ids, courier_id=courier_id)}


def release(ids: Collection[UUID], *, courier_id: UUID) -> None:
    """Let others have the endpoints."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, {"ids": list(ids), "courier_id": courier_id})


def release_all(courier_id: UUID) -> None:
    """Let others have all that a courier had that is dead."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE_ALL, [courier_id])


def _fetch(statement: str, ids: Iterable[UUID], *, courier_id: UUID) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {"ids": list(ids), "courier_id": courier_id, "ttl": timedelta(seconds=CLAIM_TTL_S)}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _claimed(row: tuple[Any, ...]) -> Claimed:
    endpoint_id, organization_id, url, payload_format, present, previous, *health = row
    failures, failing_since, last_success_at, error, open_until = health
    return Claimed(
        id=endpoint_id,
        organization_id=organization_id,
        url=url,
        format=payload_format,
        secrets=_decrypt(present, previous),
        health=Health(
            failures=failures,
            failing_since=failing_since,
            last_success_at=last_success_at,
            last_error=error,
            open_until=open_until,
        ),
    )


@lru_cache(maxsize=4096)
def _decrypt(present: str, previous: str) -> tuple[str, ...]:
    try:
        return tuple(crypto.decrypt(encrypted) for encrypted in (present, previous) if encrypted)
    except UndecryptableSecretError:
        return ()  # An attempt says so.
