"""Lists and details must not get slower with the number of rows: a tenant with 1,000,000 livestreams, of which each has
5 sessions, and 1,000,000 meetings with a session each, beside a tenant with 1,000 of each in the same database.

In process, without a socket: authentication, every query, and the JSON. The two are measured in turns, so that whatever
else the machine does falls on both. Filling takes a quarter of an hour; nothing else takes as long.
"""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from bench import rows
from livehub.core import clock
from streams.models import Livestream, Meeting, MeetingSession
from streams.organizations.services import NewOrganization, create_organization
from tests.api.clients import ApiClient, cloudinary_client, dyte_client, liveapi_client, realtimekit_client

FEW, MANY = 1000, 1_000_000
SESSIONS_EACH = 5
ROUNDS, CALLS = 3, 25
# Promised: p50 of many <= 1.2 x p50 of few.
MAX_RATIO = 1.2

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

_Make = Callable[[NewOrganization], ApiClient]
_TODAY = f"{clock.now() - timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}"
# What each is asked for. `{number}` is of a thing in the middle of each.
PROMISED: dict[str, tuple[_Make, str]] = {
    "livestreams": (dyte_client, "/livestreams"),
    "livestreams, RealtimeKit": (realtimekit_client, "/livestreams"),
    "livestreams, oldest first": (dyte_client, "/livestreams?sort_order=ASC"),
    "livestreams, page 40": (dyte_client, "/livestreams?page_no=40"),
    "livestreams offline": (dyte_client, "/livestreams?status=OFFLINE"),
    "livestreams of no meeting": (dyte_client, "/livestreams?exclude_meetings=true"),
    "livestreams of the last 12 hours": (dyte_client, f"/livestreams?start_time={_TODAY}"),
    "live streams, LiveAPI": (liveapi_client, "/live_streams?per_page=25"),
    "live streams, Cloudinary": (cloudinary_client, "/live_streams?per_page=25"),
    "a livestream": (dyte_client, "/livestreams/{livestream}"),
    "a live stream, Cloudinary": (cloudinary_client, "/live_streams/{livestream}"),
    "sessions of a livestream": (dyte_client, "/livestreams/{livestream}/sessions"),
    "meetings": (dyte_client, "/meetings"),
    "meetings, page 40": (dyte_client, "/meetings?page_no=40"),
    "active meetings": (dyte_client, "/meetings?status=ACTIVE"),
    "a meeting": (dyte_client, "/meetings/{meeting}"),
    "sessions": (dyte_client, "/sessions"),
    "sessions, oldest first": (dyte_client, "/sessions?sort_order=ASC"),
    "sessions, page 40": (dyte_client, "/sessions?page_no=40"),
    "sessions by minutes": (dyte_client, "/sessions?sort_by=minutesConsumed"),
    "sessions by minutes, fewest first": (dyte_client, "/sessions?sort_by=minutesConsumed&sort_order=ASC"),
    "sessions that are over": (dyte_client, "/sessions?status=ENDED"),
    "sessions of a meeting": (dyte_client, "/sessions?associated_id={meeting}"),
    "sessions of a participant": (dyte_client, "/sessions?participants=employee-{number}"),
    "a session": (dyte_client, "/sessions/{held}"),
}
# What takes longer the more there are, and how long: nothing is promised of these.
TOLD = {
    "sessions called so": (dyte_client, "/sessions?search={number}"),
    "meetings called so": (dyte_client, "/meetings?search={number}"),
    "livestreams called so": (dyte_client, "/livestreams?search={number}"),
    "livestreams, the page in the middle": (dyte_client, "/livestreams?page_no={middle}"),
    "livestreams, the last page": (dyte_client, "/livestreams?page_no={last}"),
    "livestreams, all by time": (dyte_client, "/livestreams?start_time=2000-01-01T00:00:00Z"),
    "livestreams, all by name": (dyte_client, "/livestreams?search=stream"),
    "livestreams called so, in words of all": (dyte_client, "/livestreams?search=stream%20{number}"),
    "livestreams errored": (dyte_client, "/livestreams?status=ERRORED"),
    "inactive meetings": (dyte_client, "/meetings?status=INACTIVE"),
    "sessions that go on": (dyte_client, "/sessions?status=LIVE"),
    "sessions, the page in the middle": (dyte_client, "/sessions?page_no={middle}"),
}


def test_lists_and_details_take_as_long_out_of_many() -> None:
    few, many = _filled("Few", number=FEW), _filled("Many", number=MANY)
    rows.settle()

    compare(few, many)


def compare(few: NewOrganization, many: NewOrganization) -> None:
    ratios = {name: _ratio(name, *asked, few=few, many=many) for name, asked in PROMISED.items()}
    for name, asked in TOLD.items():
        _ratio(name, *asked, few=few, many=many)

    assert {name: ratio for name, ratio in ratios.items() if ratio > MAX_RATIO} == {}


def _filled(name: str, *, number: int) -> NewOrganization:
    made = create_organization(name=name, email=f"{name}@bench.example")
    rows.add_livestreams(made.app, number=number, sessions_each=SESSIONS_EACH)
    rows.add_meetings(made.app, number=number)
    return made


def _ratio(name: str, make: _Make, path: str, *, few: NewOrganization, many: NewOrganization) -> float:
    """Return p50 of many / p50 of few, of the round in which it is in the middle."""
    asked = [(make(made), path.format(**_arguments(made, number))) for made, number in ((few, FEW), (many, MANY))]
    for client, address in asked:
        assert client.get(address).status_code == 200
    rounds = []
    for _ in range(ROUNDS):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(CALLS):
            for (client, address), taken in zip(asked, times, strict=True):
                taken.append(_time_ms(client, address))
        rounds.append((statistics.median(times[0]), statistics.median(times[1])))
    of_few, of_many = sorted(rounds, key=lambda each: each[1] / each[0])[ROUNDS // 2]
    print(f"\n{name:45} p50 {of_few:7.2f} ms and {of_many:7.2f} ms: {of_many / of_few:6.2f}", end="")
    return of_many / of_few


def _time_ms(client: ApiClient, address: str) -> float:
    started = time.perf_counter()
    answer = client.get(address)
    taken = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200
    return taken


def _arguments(made: NewOrganization, number: int) -> dict[str, object]:
    middle = number // 2
    meeting = Meeting.objects.get(app=made.app, title=f"Meeting {middle}")
    return {
        "number": middle,
        "livestream": Livestream.objects.get(app=made.app, name=f"Livestream {middle}").pk,
        "meeting": meeting.pk,
        "held": MeetingSession.objects.get(meeting=meeting).pk,
        "middle": number // 50,
        "last": number // 25,
    }
