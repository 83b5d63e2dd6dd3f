"""What counts as the database being away, rather than as a mistake of ours."""

from django.db import InterfaceError, OperationalError

# Away, hung, full, restarting; a lock not given in time; a deadlock, or another transaction that was first.
DATABASE_OUTAGE = (OperationalError, InterfaceError)
RETRY_AFTER_S = 2


def describe(error: Exception) -> str:
    """Return one line for the log: an outage concerns every request, and a traceback of each says nothing more."""
    return f"{type(error.__cause__ or error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
