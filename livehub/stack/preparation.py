"""From running storage to a product that answers: database, files, first organization, the other programs."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xmlrpc.client import ServerProxy

import httpx
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from supervisor.xmlrpc import SupervisorTransport

from livehub.core.sockets import ask
from livehub.stack import roles
from livehub.stack.credentials import Credentials, ensure_credentials
from livehub.stack.errors import StartError
from livehub.stack.instance import Instance
from livehub.stack.programs import GROUPS, STORAGE

_STORAGE_TIMEOUT_S = 30
# Twelve programs take 20 s of two cores; somebody else may be busy on them.
_READY_TIMEOUT_S = 180
_POLL_S = 0.1
_ANSWER_TIMEOUT_S = 5


@dataclass(frozen=True)
class Prepared:
    """What came of the preparation; `has_new_credentials` when nobody has seen them yet."""

    credentials: Credentials
    has_new_credentials: bool


def prepare_and_start(instance: Instance) -> Prepared:
    """Bring the database and the files up to date, start the other programs, return when they are ready.

    :raises StartError: when something does not answer in time, with its name.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        files = executor.submit(_collect_static_files)
        _wait_for_database(instance)
        is_first_start = not connection.introspection.table_names()
        call_command("migrate", interactive=False, verbosity=0)
        has_new_credentials = not instance.credentials_path.exists()
        credentials = ensure_credentials(instance, is_first_start=is_first_start)
        connection.close()
        files.result()
    _start_programs(instance)
    _wait_until_ready(instance)
    return Prepared(credentials, has_new_credentials)


def await_edge_node(instance: Instance) -> None:
    """Return when playback is passed on; whether the origin answers is another matter.

    :raises StartError: when it does not start in time.
    """
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not instance.origin_socket.exists():
        if time.monotonic() > deadline:
            raise StartError(f"The relay does not start. The reason should be in {instance.log_dir}.")
        time.sleep(_POLL_S)


def _collect_static_files() -> None:
    # django-htmx 1.29 ships htmx with references to source maps that it does not ship; ours is vendored.
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["django_htmx/*"])


def _wait_for_database(instance: Instance) -> None:
    deadline = time.monotonic() + _STORAGE_TIMEOUT_S
    while True:
        try:
            _reach_database(instance)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise StartError(_database_complaint(instance, error)) from error
            time.sleep(_POLL_S)
        else:
            return


def _reach_database(instance: Instance) -> None:
    if instance.has_embedded_postgres:
        roles.create_database(socket_dir=instance.postgres_socket_dir)
    else:
        psycopg.connect(settings.DATABASE_URL, connect_timeout=5).close()


def _database_complaint(instance: Instance, error: psycopg.OperationalError) -> str:
    where = instance.log_dir / "postgres.log" if instance.has_embedded_postgres else "the DATABASE_URL you gave"
    return f"PostgreSQL does not answer ({str(error).strip().splitlines()[0]}). Look at {where}."


def _start_programs(instance: Instance) -> None:
    transport = SupervisorTransport(None, None, serverurl=f"unix://{instance.supervisor_socket}")
    supervisor = ServerProxy("http://localhost", transport=transport)
    for group in GROUPS:
        if group != STORAGE:
            # XML-RPC has no keywords; this one is `wait`.
            supervisor.supervisor.startProcessGroup(group, False)


def _wait_until_ready(instance: Instance) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while (missing := _missing(instance)) is not None:
        if time.monotonic() > deadline:
            raise StartError(
                f"Not ready after {_READY_TIMEOUT_S} s: {missing}. The reason should be in {instance.log_dir}."
            )
        time.sleep(_POLL_S)


def _missing(instance: Instance) -> str | None:
    """Return what is not ready, or None when everything is."""
    try:
        answer = ask(instance.web_socket, "/readyz", timeout_s=_ANSWER_TIMEOUT_S)
    except httpx.HTTPError as error:
        return f"the web process does not answer ({error})"
    if answer.is_success:
        return None
    try:
        components: dict[str, str] = answer.json()["components"]
    except (ValueError, KeyError):
        return f"the web process answers {answer.status_code}"
    return ", ".join(f"{name}: {state}" for name, state in components.items() if state != "ok")
