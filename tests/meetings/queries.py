"""What a request asks of the database."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def asked_for(deed: Callable[[], object]) -> int:
    """Return how many queries a request takes, once the first of a minute has noted that the key was used."""
    deed()
    with CaptureQueriesContext(connection) as captured:
        deed()
    # Asked for twice a second, by whichever request comes then.
    return len([query for query in captured if "credentialrevision" not in query["sql"]])
