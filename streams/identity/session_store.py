"""Where browsers' sessions are kept (SESSION_ENGINE): in rows that say whose they are."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore

from livehub.core import clock
from streams.identity.models import LogIn

# Where the session itself keeps what its row shows: it outlives the change of its key at a new password.
DESCRIPTION = "log_in"
# How stale `last_seen_at` may be: a write per request would cost more than the request.
_LAST_SEEN_RESOLUTION = timedelta(minutes=1)


class SessionStore(DatabaseSessionStore):
    """Django's own, with the person, browser and address in columns, and the time of the last request."""

    @classmethod
    def get_model_class(cls) -> type[LogIn]:
        return LogIn

    def create_model_instance(self, data: dict[str, object]) -> LogIn:
        row: LogIn = super().create_model_instance(data)  # type: ignore[assignment]  # Of our model.
        described = data.get(DESCRIPTION)
        if isinstance(described, dict):
            row.browser, row.address = described["browser"], described["address"]
            row.since = datetime.fromisoformat(described["since"])
        person = data.get(SESSION_KEY)
        row.user_id = UUID(str(person)) if person else None
        return row

    def _get_session_from_db(self) -> LogIn | None:
        row: LogIn | None = super()._get_session_from_db()  # type: ignore[misc]  # Unknown to the stubs.
        now = clock.now()
        if row is not None and row.last_seen_at < now - _LAST_SEEN_RESOLUTION:
            stale = LogIn.objects.filter(pk=row.pk, last_seen_at__lt=now - _LAST_SEEN_RESOLUTION)
            stale.update(last_seen_at=now)
        return row
