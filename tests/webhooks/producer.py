"""Makes things happen in many transactions, of which some roll back, and keeps a ledger beside the database.

Run by `python -m tests.webhooks.producer LEDGER APP_ID SECONDS`. Each line says what became of one: committed, rolled
back, or unknown where the database went away in the middle.
"""

import sys
import time
from itertools import cycle
from pathlib import Path
from uuid import UUID, uuid4

import django

django.setup()

from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402  # Once Django is there.

from streams.models import App  # noqa: E402
from tests.webhooks.deliveries import happen  # noqa: E402

_SUBJECTS, _PAUSE_S = 8, 0.01
# Every so manieth.
_ROLLED_BACK = 5


def produce(ledger: Path, *, app: App, seconds: float, at_least: int = 0) -> None:
    subjects = cycle(uuid4() for _ in range(_SUBJECTS))
    ends_at_s, number = time.monotonic() + seconds, 0
    with ledger.open("w", buffering=1) as lines:
        while number < at_least or time.monotonic() < ends_at_s:
            number += 1
            name = f"{ledger.name}-{number}"
            what = _happen(app, next(subjects), name, rolls_back=number % _ROLLED_BACK == 0)
            lines.write(f"{what} {name}\n")
            time.sleep(_PAUSE_S)


def _happen(app: App, subject_id: UUID, name: str, *, rolls_back: bool) -> str:
    try:
        with transaction.atomic():
            happen(app, subject_id, note=name)
            transaction.set_rollback(rolls_back)
    except (DatabaseError, InterfaceError):
        connection.close()
        time.sleep(0.2)
        return "unknown"
    return "back" if rolls_back else "committed"


if __name__ == "__main__":
    produce(Path(sys.argv[1]), app=App.objects.get(pk=UUID(sys.argv[2])), seconds=float(sys.argv[3]))
