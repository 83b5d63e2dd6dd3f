"""How many requests an API key may send: exact for few, in portions for many, and never in the way of anybody."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings as configured
from pytest_django import Settings
from redis import Redis

from livehub.api.throttling import WINDOW_S, RateLimitedError, Throttle
from livehub.core import clock
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, read, realtimekit_client

# The beginning of a window.
START = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture
def identity() -> str:
    return uuid4().hex


@pytest.fixture
def process() -> Throttle:
    return Throttle(str(configured.CACHES["default"]["LOCATION"]))


@pytest.fixture
def other_process() -> Throttle:
    return Throttle(str(configured.CACHES["default"]["LOCATION"]))


@pytest.fixture
def at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START)


def take(process: Throttle, identity: str, *, limit: int, requests: int) -> list[int]:
    return [process.take(identity, limit=limit).remaining for _ in range(requests)]


@pytest.mark.usefixtures("at_the_start")
class TestTake:
    def test_counts_down_and_then_refuses(self, process: Throttle, identity: str) -> None:
        assert take(process, identity, limit=3, requests=5) == [2, 1, 0, -1, -1]

    def test_is_of_all_processes_together(self, process: Throttle, other_process: Throttle, identity: str) -> None:
        assert take(process, identity, limit=3, requests=2) == [2, 1]
        assert take(other_process, identity, limit=3, requests=2) == [0, -1]

    def test_is_of_one_key(self, process: Throttle, identity: str) -> None:
        take(process, identity, limit=1, requests=2)

        assert take(process, uuid4().hex, limit=1, requests=1) == [0]

    def test_gives_all_that_is_promised_and_no_more_to_many_at_once(self, process: Throttle, identity: str) -> None:
        with ThreadPoolExecutor(max_workers=8) as threads:
            taken = list(threads.map(lambda _: process.take(identity, limit=1000).remaining, range(1500)))

        # One that was refused while another's portion was under way leaves that to those who come later.
        later = take(process, identity, limit=1000, requests=50)
        assert sum(remaining >= 0 for remaining in taken + later) == 1000

    def test_leaves_at_most_a_portion_unused_in_another_process(
        self, process: Throttle, other_process: Throttle, identity: str
    ) -> None:
        take(other_process, identity, limit=1000, requests=1)

        taken = take(process, identity, limit=1000, requests=1000)

        assert sum(remaining >= 0 for remaining in taken) == 995

    def test_begins_again_where_a_clock_that_was_wrong_is_set_back(
        self, process: Throttle, identity: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=365))
        assert take(process, identity, limit=1, requests=2) == [0, -1]

        monkeypatch.setattr(clock, "now", lambda: START)

        assert take(process, identity, limit=1, requests=2) == [0, -1]

    def test_is_forgotten_by_redis(self, process: Throttle, identity: str) -> None:
        process.take(identity, limit=1)

        redis = Redis.from_url(str(configured.CACHES["default"]["LOCATION"]))
        (key,) = redis.keys(f"*{identity}*")
        assert WINDOW_S <= redis.ttl(key) <= 2 * WINDOW_S

    def test_begins_again_with_each_window(
        self, process: Throttle, identity: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(process, identity, limit=1, requests=2)

        monkeypatch.setattr(clock, "now", lambda: START + timedelta(seconds=WINDOW_S - 1))
        last = process.take(identity, limit=1)
        assert (last.remaining, last.reset_s) == (-1, 1)
        with pytest.raises(RateLimitedError):
            last.check()
        monkeypatch.setattr(clock, "now", lambda: START + timedelta(seconds=WINDOW_S))
        assert process.take(identity, limit=1).remaining == 0


@pytest.fixture(params=["refuses", "never answers"])
def sick_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "never answers":
            listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_lets_everybody_in_while_redis_is_away(
    sick_redis: str, identity: str, caplog: pytest.LogCaptureFixture
) -> None:
    process = Throttle(sick_redis)

    taken = [process.take(identity, limit=3) for _ in range(200)]

    assert min(allowance.remaining for allowance in taken) >= 0
    # One of them has waited for Redis, and the others for nothing.
    assert 1 <= caplog.text.count("not counted") < 10


@pytest.mark.django_db
class TestApi:
    def test_says_how_much_is_left(self, api: ApiClient, settings: Settings) -> None:
        settings.API_REQUESTS_PER_KEY = 3

        answers = [api.get("/livestreams"), api.post("/livestreams"), api.get("/livestreams/unknown")]

        assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["3"] * 3
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
        assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= WINDOW_S

    def test_refuses_what_is_too_much(self, api: ApiClient, settings: Settings) -> None:
        settings.API_REQUESTS_PER_KEY = 1
        api.get("/livestreams")

        answer = api.post("/livestreams")

        assert answer.status_code == 429
        assert read(answer)["error"]["type"] == "rate_limited"
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
        assert answer.headers["RateLimit-Remaining"] == "0"
        assert answer.headers["x-should-retry"] == "true"

    def test_holds_up_no_other_key(self, home: NewOrganization, settings: Settings) -> None:
        settings.API_REQUESTS_PER_KEY = 1
        dyte, realtimekit = dyte_client(home), realtimekit_client(home)

        assert [dyte.get("/livestreams").status_code for _ in range(2)] == [200, 429]
        assert realtimekit.get("/livestreams").status_code == 200

    def test_is_off_when_the_setting_is_0(self, dyte: ApiClient, settings: Settings) -> None:
        settings.API_REQUESTS_PER_KEY = 0

        assert "RateLimit-Limit" not in dyte.get("/livestreams").headers
