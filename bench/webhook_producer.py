"""Makes things happen that endpoints are told of: `python -m bench.webhook_producer FILE APP_ID COUNT PER_S`.

Writes down when each was committed; 0 a second is as fast as it can.
"""

import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import django

django.setup()

from streams.models import App  # noqa: E402  # Once Django is there.
from tests.webhooks.deliveries import happen  # noqa: E402

_SUBJECTS = 200


def produce(path: Path, *, app: App, count: int, per_s: int) -> None:
    subjects = [uuid4() for _ in range(_SUBJECTS)]
    began_s = time.monotonic()
    with path.open("w", buffering=1) as log:
        for number in range(count):
            if per_s:
                time.sleep(max(0.0, began_s + number / per_s - time.monotonic()))
            happen(app, subjects[number % _SUBJECTS], note=str(number))
            log.write(f"{time.monotonic()} {number}\n")


if __name__ == "__main__":
    produce(
        Path(sys.argv[1]), app=App.objects.get(pk=UUID(sys.argv[2])), count=int(sys.argv[3]), per_s=int(sys.argv[4])
    )
