"""A thousand simulated viewers with known truth, over two real edges: what is counted of them, and who watches now.

`make bench`, or `python -m pytest -m bench -s bench/test_true_viewers.py`.
"""

import shutil
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from django.db.models import Avg, Count, Sum
from django.db.models.functions import Extract

from analytics.models import SessionFigures, SessionNow, View
from bench.replayed import replay
from streams.livestreams.services import create_livestream
from streams.models import Session
from streams.organizations.services import SYSTEM, create_organization
from tests.analytics.counted_edges import counted_edge
from tests.analytics.crowds import BEGAN_S, PARTS, SESSION, crowd, previews_and_liars
from tests.services import wait_until

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

# At low latency few: each asks for twelve objects a second.
_PEOPLE, _LOW_PEOPLE, _SECONDS, _BEFORE_S = 850, 150, 150.0, 120.0
_PREVIEWS, _FORGED = 100, 400
_SHARE, _WORST_SHARE = 0.01, 0.05
# Fewer are told too coarsely by one more or less.
_WATCHING_AT_LEAST = 100


def test_are_counted_as_they_watched(tmp_path: Path) -> None:
    home = create_organization(name="Bench", email="bench@bench.example", password="a bench's battery")  # noqa: S106
    livestream = create_livestream(app=home.app, name="Bench", actor=SYSTEM)
    session = Session.objects.create(id=UUID(SESSION + SESSION), livestream=livestream)
    people = crowd(1, people=_PEOPLE, seconds=_SECONDS, is_low=False)
    people += crowd(2, people=_LOW_PEOPLE, seconds=_SECONDS, is_low=True)
    for person in people[_PEOPLE:]:
        # Crowds are each behind addresses of their own.
        person.address = person.address.replace("10.", "10.1", 1).replace("198.51.", "198.52.")
    random = Random(3)  # noqa: S311  # The same each time.
    lines = [told for person in people for told in person.lines(random)]
    lines += previews_and_liars(4, seconds=_SECONDS, previews=_PREVIEWS, forged=_FORGED)
    with ExitStack() as stack:
        ports = []
        for node in ("main", "far"):
            folder = tmp_path / node
            folder.mkdir()
            edge = stack.enter_context(
                counted_edge(
                    folder,
                    session=SESSION,
                    node=node,
                    segments=int((_BEFORE_S + _SECONDS) / 2) + 2,
                    part_s=1 / 3,
                    parts=PARTS,
                )
            )
            played = edge.instance.playback_dir / "pb_crowd" / SESSION
            for slot in ("v1", "v2", "a0"):
                shutil.copytree(played / "v0", played / slot)
            stack.enter_context(edge.collector())
            ports.append(edge.instance.http_port)
        shift_s = time.time() + 3 - (BEGAN_S + _BEFORE_S)
        fetched: list[int] = []
        replaying = threading.Thread(
            target=lambda: fetched.append(
                replay(lines, port_of=lambda address: ports[sum(address.encode()) % 2], shift_s=shift_s)
            )
        )
        replaying.start()
        seen: dict[float, int] = {}
        while replaying.is_alive():
            time.sleep(0.5)
            now = SessionNow.objects.aggregate(
                at=Avg(Extract("at", "epoch")), edges=Count("pk"), watching=Sum("counted") + Sum("estimated")
            )
            if now["edges"] == 2:
                seen[float(now["at"]) - shift_s] = now["watching"]
        replaying.join()
        assert fetched == [len(lines)]
        wait_until(lambda: not SessionNow.objects.exclude(counted=0, estimated=0).exists(), what="all to be gone")
        time.sleep(12)
    session.refresh_from_db()
    true_s = sum(person.played_s for person in people)
    watched_share = session.viewer_ms / 1000 / true_s - 1
    errors = []
    for at_s, watching in seen.items():
        truth = sum(person.is_watching(at_s) for person in people)
        if truth >= _WATCHING_AT_LEAST:
            errors.append(watching / truth - 1)
    mean, worst = statistics.mean(map(abs, errors)), max(map(abs, errors))
    views = View.objects.filter(has_begun=True).count()
    true_views = sum(person.played_s >= 2 for person in people)
    print(
        f"\nviewer-seconds: {watched_share:+.2%} (wanted within {_SHARE:.0%}) of {true_s:,.0f} that {len(people)}"
        f" viewers watched, with {len(lines):,} requests over two edges; {views} views, truly {true_views}"
        f"\nwatching now: mean error {mean:.2%} (wanted <= {_SHARE:.0%}), worst {worst:.2%} (wanted <="
        f" {_WORST_SHARE:.0%}) of {len(errors)} looks"
    )
    assert abs(watched_share) <= _SHARE
    assert len(errors) > _SECONDS / 2
    assert mean <= _SHARE
    assert worst <= _WORST_SHARE
    assert SessionFigures.objects.get().viewer_ms == session.viewer_ms
