"""Where a person is logged in, and ending that."""

from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import QuerySet

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.identity.models import LogIn
from streams.identity.records import record_about
from streams.identity.session_store import DESCRIPTION
from streams.organizations.models import User
from streams.organizations.services import Actor

_BROWSER_MAX_LENGTH = 255


def list_log_ins(user: User) -> QuerySet[LogIn]:
    """Return the browsers in which the person is logged in, last seen first."""
    return LogIn.objects.filter(user=user, expire_date__gt=clock.now()).order_by("-last_seen_at", "session_key")


def describe_log_in(session: SessionBase, *, browser: str, address: str | None) -> None:
    """Say of a session that has just become a log-in where it is; side effect: sessions that have expired go."""
    session[DESCRIPTION] = {
        "browser": browser[:_BROWSER_MAX_LENGTH].replace("\0", ""),
        "address": address,
        "since": clock.now().isoformat(),
    }
    LogIn.objects.filter(expire_date__lte=clock.now()).delete()


@transaction.atomic
def end_log_in(*, user: User, log_in_id: UUID, address: str | None = None) -> None:
    """Log the person out in one browser.

    :raises NotFoundError: when the person has no such log-in.
    """
    found = next((log_in for log_in in list_log_ins(user) if log_in.public_id == log_in_id), None)
    if found is None or not LogIn.objects.filter(pk=found.pk).delete()[0]:
        raise NotFoundError(f"No log-in {log_in_id} of yours.")
    actor = Actor(user=user, address=address)
    record_about(user, actor=actor, action="log_in.ended", browser=found.browser, address=found.address)


@transaction.atomic
def end_other_log_ins(*, user: User, keep: str | None, actor: Actor) -> int:
    """Log the person out everywhere but in the session with that key, and return in how many browsers."""
    others = LogIn.objects.filter(user=user).exclude(session_key=keep or "")
    number, _ = others.delete()
    if number:
        record_about(user, actor=actor, action="log_ins.ended", number=number)
    return number
