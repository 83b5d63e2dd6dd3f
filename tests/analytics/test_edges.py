"""What the hub is told by an edge node."""

from datetime import timedelta

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings

from analytics.counting.batch import Added, LogBatch, LogOpened, Position, Watching, WatchingNow
from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.livestreams.storage import folder_name
from streams.livestreams.watching import viewers_of
from streams.models import Livestream, Session

pytestmark = pytest.mark.django_db
_TOKEN = "a token of twenty characters and more"
_FIRST = Position("a" * 32, 500)


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.EDGE_TOKEN = _TOKEN


def _tell(what: str, told: object, *, token: str = _TOKEN) -> tuple[int, bytes]:
    answer = Client().post(
        f"/edges/{what}",
        msgspec.json.encode(told),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.status_code, answer.content


def test_is_counted_as_the_hubs_own(livestream: Livestream) -> None:
    session = Session.objects.create(livestream=livestream)
    status, answer = _tell("open", {"edge": "far"})
    assert (status, msgspec.json.decode(answer, type=LogOpened).position) == (200, Position())
    added = [Added(folder_name(session.pk), 29_000_000, "v0", "tv", "", 4200, 1)]
    batch = LogBatch("far", Position(), _FIRST, 9, {}, [], added)

    assert _tell("batch", batch)[0] == 200
    # Once: its answer may have got lost.
    assert _tell("batch", batch)[0] == 409
    assert _tell("now", WatchingNow("far", 1_794_000_000_000, [Watching(folder_name(session.pk), 3, 1)]))[0] == 200

    session.refresh_from_db()
    assert (session.viewer_ms, LogCursor.objects.get().lines) == (4200, 9)
    assert SessionNow.objects.values_list("edge", "counted", "estimated").get() == ("far", 3, 1)


@pytest.mark.parametrize(
    ("what", "told", "shown", "status"),
    [
        ("open", {"edge": "far"}, "another one", 401),
        ("open", {"edge": "far"}, "", 401),
        ("open", {"edge": "main"}, _TOKEN, 422),
        ("open", {"edge": "x" * 40}, _TOKEN, 400),
        ("open", [], _TOKEN, 400),
        ("batch", {"edge": "far"}, _TOKEN, 400),
        ("views", {"edge": "far"}, _TOKEN, 404),
    ],
)
def test_is_refused(what: str, told: object, shown: str, status: int) -> None:
    assert _tell(what, told, token=shown)[0] == status
    assert not LogCursor.objects.exists()


_NAME = "0f8fad5bd9cb469f"
_VIEW = {
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "session": _NAME,
    "viewer": "dmlld2VyIG9mIDE2IGI=",
    "identity": "cmcd",
    "device": "tv",
    "country": "DE",
    "began_ms": 1_794_000_000_000,
    "last_ms": 1_794_000_000_000,
    "watched_ms": 1,
    "has_begun": True,
    "state": None,
}
_ADDED = {
    "session": _NAME,
    "minute": 29_900_000,
    "rendition": "v0",
    "device": "tv",
    "country": "",
    "watched_ms": 1,
    "views": 1,
}


@pytest.mark.parametrize(
    "claimed",
    [
        {"lines": 2**63},
        {"lines": -1},
        {"rejected": {"torn\0": 1}},
        {"rejected": {"torn": 2**63}},
        {"rejected": {str(number): 1 for number in range(99)}},
        {"until": {"file_id": "a" * 33, "offset": 1}},
        {"until": {"file_id": "a", "offset": 2**63}},
        {"added": [_ADDED | {"watched_ms": 2**63 - 1}]},
        {"added": [_ADDED | {"watched_ms": -(10**9)}]},
        {"added": [_ADDED | {"minute": 10**14}]},
        {"added": [_ADDED | {"session": "not a folder"}]},
        {"added": [_ADDED | {"session": f"{_NAME}\n"}]},
        {"added": [_ADDED | {"device": "fridge"}]},
        {"added": [_ADDED | {"country": "\0\0"}]},
        {"added": [_ADDED | {"rendition": "v0'); --"}]},
        {"views": [_VIEW | {"began_ms": 10**18}]},
        {"views": [_VIEW | {"identity": "an administrator"}]},
        {"views": [_VIEW | {"viewer": "eA==" * 99}]},
    ],
    ids=str,
)
def test_is_refused_where_nothing_of_it_could_be_written(claimed: dict[str, object]) -> None:
    _tell("open", {"edge": "far"})
    empty = {"edge": "far", "after": {}, "until": {}, "lines": 0, "rejected": {}, "views": [], "added": []}
    assert _tell("batch", empty | {"views": [_VIEW], "added": [_ADDED]})[0] == 200

    assert _tell("batch", empty | claimed)[0] == 400
    for number in (-1, 2**31):
        watching = {"session": _NAME, "counted": number, "estimated": 0}
        assert _tell("now", {"edge": "far", "at_ms": 1, "broadcasts": [watching]})[0] == 400


def test_now_is_not_later_than_it_is_here(livestream: Livestream) -> None:
    """Else it would go on to say so, when nothing has been heard for years."""
    session = Session.objects.create(livestream=livestream)
    ahead_ms = clock.epoch_ms(clock.now()) + 86_400_000 * 365

    assert _tell("now", WatchingNow("far", ahead_ms, [Watching(folder_name(session.pk), 3, 1)]))[0] == 200

    assert SessionNow.objects.get().at <= clock.now()


def test_nginx_is_told_who_may_send_much() -> None:
    def ask(token: str) -> int:
        return Client().get("/internal/edge-token", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [ask(_TOKEN), ask(_TOKEN[:-1]), ask("")] == [204, 401, 401]


def test_is_nothing_without_a_token_of_the_hubs(settings: Settings) -> None:
    settings.EDGE_TOKEN = ""

    assert _tell("open", {"edge": "far"}, token="")[0] == 404


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-1), timedelta(hours=1)])
def test_who_watches_is_known_though_an_edges_clock_is_wrong(livestream: Livestream, wrong_by: timedelta) -> None:
    session = Session.objects.create(livestream=livestream)
    _tell("open", {"edge": "far"})
    at_ms = clock.epoch_ms(clock.now() + wrong_by)

    assert _tell("now", WatchingNow("far", at_ms, [Watching(folder_name(session.pk), 3, 1)]))[0] == 200

    assert viewers_of([session.pk])[session.pk].now == 4
    # For as long as others', and no longer.
    at = SessionNow.objects.get().at
    assert abs(clock.now() - at) < timedelta(minutes=1)
