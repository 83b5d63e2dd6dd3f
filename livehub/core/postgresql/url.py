"""Django's description of a database from the URL that its administrator gave."""

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

_OF_ITS_OWN = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def database_from_url(url: str) -> dict[str, Any]:
    """Return the part of a DATABASES entry that demands all that the URL does: TLS, several hosts, options.

    Source: PostgreSQL, 32.1.1.2 Connection URIs.

    :raises ImproperlyConfigured: when libpq would refuse it, or it names no database. It is not shown: it may hold a
        password.
    """
    try:
        given = conninfo_to_dict(url) if url.startswith(("postgresql://", "postgres://")) else {}
    except psycopg.ProgrammingError:
        given = {}
    if not given.get("dbname"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    ours = {key: str(given.pop(name, "")) for name, key in _OF_ITS_OWN.items()}
    return {**ours, "OPTIONS": given}
