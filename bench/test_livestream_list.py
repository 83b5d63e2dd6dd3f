"""The list of livestreams must not get slower with the number of livestreams: 25 of 100,000 beside 25 of 100.

In process, without a socket: authentication, every query, and the JSON. The two are measured in turns, so that
whatever else the machine does falls on both.
"""

import statistics
import time
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from livehub.core import crypto
from streams.livestreams.selectors import LivestreamFilter, LivestreamOrder, list_livestreams
from streams.livestreams.states import LivestreamStatus
from streams.models import App, Livestream, StreamKey
from streams.organizations.services import NewOrganization, create_organization
from tests.api.clients import ApiClient, dyte_client, read, realtimekit_client

FEW, MANY = 100, 100_000
ROUNDS, CALLS = 5, 60
# Promised: p50 of many <= 1.5 x p50 of few.
MAX_RATIO = 1.5

pytestmark = [pytest.mark.bench, pytest.mark.django_db]


VARIANTS = {
    "Dyte": (dyte_client, ""),
    "RealtimeKit": (realtimekit_client, ""),
    "Dyte, second page, oldest first": (dyte_client, "?sort_order=ASC&page_no=2"),
}


def test_list_of_25_takes_as_long_out_of_many() -> None:
    small, large = _filled("Small", number=FEW), _filled("Large", number=MANY)

    for name, (make_client, query) in VARIANTS.items():
        few, many = make_client(small), make_client(large)
        queries_few, queries_many = _count_queries(few, query=query), _count_queries(many, query=query)
        ratio = statistics.median(_ratio(few, many, query=query) for _ in range(ROUNDS))
        print(f"{name}: {queries_few} queries, {queries_many} queries; median ratio {ratio:.2f} (<= {MAX_RATIO})")

        assert queries_few == queries_many
        assert ratio <= MAX_RATIO


def test_dashboards_list_takes_as_long_out_of_many(settings: Settings) -> None:
    """What is on air first: read in an index's order; only what is not idle is counted."""
    # Nothing has been collected here.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    small, large = (_filled(name, number=number) for name, number in (("Few", FEW), ("Many", MANY)))
    for made in (small, large):
        _put_on_air(made.app)
    pages = [_page_of(made) for made in (small, large)]
    for query in ("", "?status=live", "?status=idle&page=2"):
        ratios = []
        for _ in range(ROUNDS):
            few, many = ([_time(page, query) for _ in range(CALLS // 2)] for page in pages)
            ratios.append(statistics.median(many) / statistics.median(few))
            print(f"  {query or 'plain':20} p50 {statistics.median(few):5.2f} ms and {statistics.median(many):5.2f} ms")
        print(f"dashboard {query}: median ratio {statistics.median(ratios):.2f} (<= {MAX_RATIO})")

        assert statistics.median(ratios) <= MAX_RATIO
    found = list_livestreams(owner=large.organization, wanted=LivestreamFilter(order=LivestreamOrder.LIVE_FIRST))
    plan = found.rows[:25].explain(analyze=True)
    print(plan)
    assert "Index Scan using livestream_live_first" in plan
    assert "Sort" not in plan


def _put_on_air(app: App) -> None:
    for status, number in ((LivestreamStatus.LIVE, 6), (LivestreamStatus.CONNECTING, 2), (LivestreamStatus.ERRORED, 9)):
        chosen = Livestream.objects.filter(app=app, status=LivestreamStatus.IDLE).order_by("created_at")[:number]
        Livestream.objects.filter(pk__in=list(chosen.values_list("pk", flat=True))).update(status=status)


def _page_of(made: NewOrganization) -> Client:
    browser = Client()
    browser.force_login(made.owner)
    return browser


def _time(browser: Client, query: str) -> float:
    """Return the milliseconds that the list's live part takes."""
    started = time.perf_counter()
    answer = browser.get(f"/livestreams{query}", headers={"HX-Request": "true"})
    taken = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200
    return taken


def _ratio(few: ApiClient, many: ApiClient, *, query: str) -> float:
    """Return p50 of many / p50 of few, in one round."""
    times_few, times_many = _measure(few, many, query=query)
    for number, times in ((FEW, times_few), (MANY, times_many)):
        print(f"  25 of {number:>7,}: p50 {statistics.median(times):5.2f} ms, p95 {_p95(times):5.2f} ms", end="")
    ratio = statistics.median(times_many) / statistics.median(times_few)
    print(f", ratio {ratio:.2f}")
    return ratio


def _filled(name: str, *, number: int) -> NewOrganization:
    made = create_organization(name=name, email=f"{name}@bench.example")
    encrypted = crypto.encrypt(f"sk_{crypto.random_token(40)}")
    rows = Livestream.objects.bulk_create(
        (_livestream(made.app, number=index) for index in range(number)), batch_size=5000
    )
    StreamKey.objects.bulk_create(
        (StreamKey(livestream=row, digest=uuid.uuid4().hex * 2, encrypted=encrypted) for row in rows), batch_size=5000
    )
    with connection.cursor() as cursor:
        # What autovacuum has done in a database that is in use.
        cursor.execute("ANALYZE streams_livestream, streams_streamkey")
    return made


def _livestream(app: App, *, number: int) -> Livestream:
    return Livestream(app=app, name=f"Livestream {number}", playback_id=uuid.uuid4().hex)


def _count_queries(client: ApiClient, *, query: str) -> int:
    """Return the queries of a call that is not the key's first in this minute."""
    _list(client, query=query)
    with CaptureQueriesContext(connection) as captured:
        _list(client, query=query)
    # What tells whether keys have changed is asked twice a second, whoever comes then.
    return sum("credentialrevision" not in query["sql"] for query in captured)


def _measure(few: ApiClient, many: ApiClient, *, query: str) -> tuple[list[float], list[float]]:
    """Return milliseconds per call, alternating between the two."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(CALLS):
        for client, taken in zip((few, many), times, strict=True):
            started = time.perf_counter()
            _list(client, query=query)
            taken.append((time.perf_counter() - started) * 1000)
    return times


def _list(client: ApiClient, *, query: str) -> None:
    answer = read(client.get(f"/livestreams{query}"))
    assert answer["paging"]["total_count"] in {FEW, MANY}
    assert answer["paging"]["end_offset"] - answer["paging"]["start_offset"] == 24


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
