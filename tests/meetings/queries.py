"""What a request asks of the database."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.clients import but_for_keys


def asked_for(deed: Callable[[], object]) -> int:
    """Return how many queries a request takes, once the first of a minute has noted that the key was used."""
    deed()
    with CaptureQueriesContext(connection) as captured:
        deed()
    return len(but_for_keys(captured))
