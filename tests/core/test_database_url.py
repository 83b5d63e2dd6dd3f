"""What a DATABASE_URL demands reaches the server's connection."""

import socket
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import DatabaseWrapper as DjangosOwn
from django.db.utils import ConnectionHandler
from psycopg.conninfo import conninfo_to_dict

from livehub.core.postgresql.connection import BoundedConnection
from livehub.core.postgresql.url import database_from_url


def _connection_parameters(url: str) -> dict[str, object]:
    """Return what psycopg would be given."""
    entry = {"ENGINE": "livehub.core.postgresql", **database_from_url(url)}
    wrapper = ConnectionHandler({"default": entry})["default"]
    assert isinstance(wrapper, DjangosOwn)
    parameters: dict[str, object] = wrapper.get_connection_params()
    return parameters


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://livehub:p%40ss%2Fword@db.example.org:5433/live?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgres://a@[2001:db8::1]:5433/live",
        "postgresql://u@one:5432,two:5433/live?target_session_attrs=read-write&connect_timeout=7",
        f"postgresql://u@{quote('/run/my sockets', safe='')}/live?application_name=x",
    ],
)
def test_every_demand_is_kept(url: str) -> None:
    demanded = conninfo_to_dict(url)

    parameters = _connection_parameters(url)

    assert {name: str(parameters[name]) for name in demanded} == demanded


def test_options_of_the_url_come_after_our_bounds_and_so_win() -> None:
    options = str(_connection_parameters("postgresql://u@h/live?options=-c%20statement_timeout%3D9s")["options"])

    assert options.startswith(
        "-c lock_timeout=3s -c statement_timeout=4s -c idle_in_transaction_session_timeout=10s"
    ), options
    assert options.endswith(" -c statement_timeout=9s")


@pytest.mark.parametrize(
    "url", ["mysql://u@h/live", "postgresql://u@h/", "host=h dbname=live", "postgresql://u:geheim%4@h/live"]
)
def test_what_cannot_be_understood_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        database_from_url(url)

    assert "geheim" not in str(refusal.value)


def test_a_server_that_never_answers_leaves_no_socket_behind(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen()
        with pytest.raises(psycopg.OperationalError):
            BoundedConnection.connect(host=str(tmp_path), dbname="live", connect_timeout=2)
        connection, _ = server.accept()

        # The other end hears that it was closed; else it would wait for ever, as the socket does that was left.
        connection.settimeout(5)
        with connection:
            while connection.recv(4096):
                pass
