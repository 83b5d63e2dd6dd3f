"""What programs were answered under an Idempotency-Key, so that a request that comes again is not done again."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from livehub.api.idempotency import Answered, IdempotencyKeyInUseError, IdempotencyKeyTakenError
from livehub.core import clock, crypto
from streams.organizations.models import ApiKey, KeptAnswer

_KEPT = timedelta(hours=24)
# What one statement removes well within its bound.
_BATCH = 5000
# Waits for another transaction that has just written the same key, as long as PostgreSQL waits for any lock.
_CLAIM = """
INSERT INTO streams_keptanswer (api_key_id, key, fingerprint, http_status, body, created_at)
VALUES (%s, %s, %s, 0, '', %s)
ON CONFLICT (api_key_id, key) DO NOTHING
RETURNING id
"""
# Not by the ORM, which takes longer to build this than PostgreSQL to do it.
_KEEP = "UPDATE streams_keptanswer SET http_status = %s, body = %s WHERE api_key_id = %s AND key = %s"


@dataclass(frozen=True)
class KeptAnswers:
    """Those of one API key; a `livehub.api.idempotency.AnswerBook`."""

    api_key: ApiKey

    def claim(self, *, key: str, fingerprint: bytes) -> Answered | None:
        if self._is_first(key=key, fingerprint=fingerprint):
            return None
        kept = KeptAnswer.objects.filter(api_key=self.api_key, key=key).first()
        if kept is None:
            raise IdempotencyKeyInUseError("The answer to this Idempotency-Key has just been forgotten. Send it again.")
        if bytes(kept.fingerprint) != fingerprint:
            raise IdempotencyKeyTakenError(
                "This Idempotency-Key was sent with another address or body. Use a new key for a new request."
            )
        return Answered(kept.http_status, crypto.decrypt(kept.body))

    def keep(self, *, key: str, answered: Answered) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [answered.http_status, crypto.encrypt(answered.body), self.api_key.pk, key])

    def _is_first(self, *, key: str, fingerprint: bytes) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute(_CLAIM, [self.api_key.pk, key, fingerprint, clock.now()])
                return cursor.fetchone() is not None
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise IdempotencyKeyInUseError(
                "A request with this Idempotency-Key is still being answered. Send it again in a second."
            ) from error


def forget_answers() -> int:
    """Remove what has been kept for a day, and return how many."""
    count, oldest = 0, clock.now() - _KEPT
    while found := list(KeptAnswer.objects.filter(created_at__lt=oldest).values_list("pk", flat=True)[:_BATCH]):
        count += KeptAnswer.objects.filter(pk__in=found).delete()[0]
    return count
