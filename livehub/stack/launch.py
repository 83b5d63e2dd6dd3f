"""The start: everything that can be wrong is found before anything runs; then this process becomes the supervisor."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from livehub.stack import nginx, postgres
from livehub.stack.credentials import banner
from livehub.stack.edge import render_edge
from livehub.stack.edge_node import render_edge_node
from livehub.stack.errors import StartError
from livehub.stack.folders import forget_counts, prepare_folders, write_private
from livehub.stack.ingest import render_ingest
from livehub.stack.instance import Instance
from livehub.stack.lock import lock_data_folder
from livehub.stack.ports import check_ports, free_port, wanted_ports
from livehub.stack.preparation import await_edge_node, prepare_and_start
from livehub.stack.programs import render_supervisor
from livehub.stack.tls import ensure_self_signed

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # prctl(2)
# A killed run's programs need a moment to end.
_LEFTOVERS_TIMEOUT_S = 10
_SUPERVISE = Path(__file__).with_name("supervise.py")
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "livehub.settings",
    "PYTHONUNBUFFERED": "1",
    # This process has made the checks.
    "CELERY_SKIP_CHECKS": "1",
    # Threads of idle workers would otherwise hold an arena each.
    "MALLOC_ARENA_MAX": "2",
}


def launch(instance: Instance) -> NoReturn:
    """Start the product and stay its supervisor; side effects: folders, files, programs.

    :raises StartError: when it cannot be started.
    """
    # For every program and all that it writes: whatever is made is nobody else's.
    os.umask(0o077)
    prepare_folders(instance)
    lock_data_folder(instance.lock_path)
    forget_counts(instance)
    _await_ports(instance)
    with ThreadPoolExecutor(max_workers=1) as executor:
        cluster = executor.submit(_prepare_cluster, instance)
        _write_configuration(instance)
        cluster.result()
    os.environ.update(_ENVIRONMENT)
    preparation_pid = _fork_preparation(instance)
    os.chdir(instance.base_dir)
    command = [sys.executable, "-P", str(_SUPERVISE), str(instance.supervisor_config), str(preparation_pid)]
    os.execv(sys.executable, command)  # noqa: S606  # A list, no shell: what S606 warns of is what we want.


def _await_ports(instance: Instance) -> None:
    deadline = time.monotonic() + (_LEFTOVERS_TIMEOUT_S if instance.supervisor_pid_file.exists() else 0)
    while True:
        try:
            check_ports(wanted_ports(instance))
        except StartError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _prepare_cluster(instance: Instance) -> None:
    if instance.has_embedded_postgres and not instance.is_edge_node:
        try:
            postgres.prepare(cluster_dir=instance.cluster_dir, socket_dir=instance.postgres_socket_dir)
            postgres.forget_killed_server(cluster_dir=instance.cluster_dir)
        except postgres.PostgresError as error:
            raise StartError(str(error)) from error


def _write_configuration(instance: Instance) -> None:
    if instance.is_edge_node:
        write_private(instance.supervisor_config, render_supervisor(instance))
        write_private(instance.edge_config, render_edge_node(instance, nginx.Host.current()))
        _test_nginx(instance.edge_config, prefix=instance.nginx_temp_dir)
        return
    if not instance.tls_certificate:
        ensure_self_signed(
            certificate_path=instance.certificate_path, key_path=instance.key_path, host=instance.public_host
        )
    host = nginx.Host.current()
    instance = replace(instance, inner_port=free_port(instance.own_address))
    write_private(instance.supervisor_config, render_supervisor(instance))
    write_private(instance.edge_config, render_edge(instance, host))
    write_private(instance.ingest_config, render_ingest(instance, host))
    for config in (instance.edge_config, instance.ingest_config):
        _test_nginx(config, prefix=instance.nginx_temp_dir)


def _test_nginx(config: Path, *, prefix: Path) -> None:
    argv = [*nginx.server_argv(config=config, prefix=prefix), "-t", "-q"]
    result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    if result.returncode:
        raise StartError(f"nginx refuses its configuration {config}: {result.stderr.strip()}")


def _fork_preparation(instance: Instance) -> int:
    """Let a copy of this process, which has Django loaded already, prepare while this one supervises."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # The supervisor ends us.
        status = _prepare(instance)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _prepare(instance: Instance) -> int:
    try:
        if instance.is_edge_node:
            await_edge_node(instance)
            sys.stdout.write(f"This edge is ready: {instance.public_url}/playback/ is {instance.origin_url}'s.\n")
            if not instance.has_edge_token:
                sys.stdout.write("Nobody who watches here is counted: LIVEHUB_EDGE_TOKEN is not set.\n")
            return 0
        prepared = prepare_and_start(instance)
    except (StartError, CommandError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception:
        # The copy of a process must not return into the code that started it.
        logger.exception("LiveHub cannot be prepared.")
        return 1
    # Elsewhere it would stay in a log.
    shows_password = prepared.has_new_credentials and sys.stdout.isatty()
    shown = banner(prepared.credentials, path=instance.credentials_path, shows_password=shows_password)
    sys.stdout.write(f"{shown}\n")
    return 0


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
