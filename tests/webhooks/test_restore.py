"""A dump in a new cluster of PostgreSQL, which numbers its transactions anew: the feed has all of it, and goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings
from django.db import connection

from livehub.stack.postgres import binary
from streams.models import App
from streams.organizations.services import NewOrganization
from tests.services import throwaway_services, wait_until
from tests.webhooks.test_feed import Reader, happen

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

_HANG_S = 120
# More than a new cluster is ahead by when a dump is in it.
_TRANSACTIONS = 20_000
# What a program sees there, first with the cursor that it has, and then without: before and after the task has run, and
# when something more has happened.
_LOOK = """
import json, sys
import django
django.setup()
from livehub.core.errors import DomainError
from streams.livestreams.services import create_livestream
from streams.models import App
from streams.organizations.services import SYSTEM
from webhooks import feed

def look(after=""):
    try:
        page = feed.list_events(App.objects.get(pk=sys.argv[1]), after=after)
    except DomainError as refusal:
        return refusal.code
    return [str(event.uid) for event in page.events]

seen = [look(sys.argv[2]), look()]
feed.adopt_restored()
seen.append(look())
create_livestream(app=App.objects.get(pk=sys.argv[1]), name="After", actor=SYSTEM)
seen.append(look())
print(json.dumps(seen))
"""


def test_restored_events_are_in_the_feed_and_new_ones_behind_them(home: NewOrganization, tmp_path: Path) -> None:
    app = home.app
    _burn_transactions()
    happened = [str(happen(app)) for _ in range(3)]
    reader = Reader(app)
    reader.poll_until(3)

    with throwaway_services() as other:
        _restore(_dump(tmp_path / "dump"), to=other["DATABASE_URL"])
        refused, before, adopted, after = _look(app, reader.cursor, other)

    assert refused == "cursor_unknown"
    assert before == []
    assert adopted == happened
    assert after[:3] == happened
    assert len(after) == 4


def _burn_transactions() -> None:
    statement = f"DO $$ BEGIN FOR i IN 1..{_TRANSACTIONS} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _dump(path: Path) -> Path:
    database = settings.DATABASES["default"]
    target = ["-h", database["HOST"], "-U", database["USER"], "-d", connection.settings_dict["NAME"]]
    _run([str(binary("pg_dump")), "-Fc", "-f", str(path), *target])
    return path


def _restore(dump: Path, *, to: str) -> None:
    url = urlsplit(to)
    host = unquote(url.netloc.rpartition("@")[2])
    target = ["-h", host, "-U", str(url.username), "-d", url.path.removeprefix("/")]
    wait_until(Path(host).exists, timeout_s=_HANG_S)
    _run([str(binary("pg_restore")), "--no-owner", *target, str(dump)])


def _look(app: App, cursor: str, environment: dict[str, str]) -> list[Any]:
    told = _run([sys.executable, "-c", _LOOK, str(app.pk), cursor], **environment)
    found: list[Any] = json.loads(told.splitlines()[-1])
    return found


def _run(argv: list[str], **environment: str) -> str:
    finished = subprocess.run(
        argv, capture_output=True, text=True, timeout=_HANG_S, check=False, env={**os.environ, **environment}
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
