"""Who is one viewer and who is another: by what they say, and across midnight, networks and broadcasts."""

import pytest

from analytics.counting.batch import KeptView, LogBatch, Position, ViewChange
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts, device_of
from analytics.counting.media import Extent
from tests.analytics.crowds import BEGAN_S, SESSION, line

_DAY_S = 86_400
_TODAY = int(BEGAN_S // _DAY_S)
_MIDNIGHT_S = (_TODAY + 1) * _DAY_S
_SALTS = Salts({_TODAY - 1: b"yesterday", _TODAY: b"today", _TODAY + 1: b"tomorrow"})
_ONE = 'sid="one"'


def _counter() -> ViewCounter:
    return ViewCounter(salts=_SALTS, measure=lambda _: Extent(2_000_000, 6000), country_of=lambda _: None)


def _feed(counting: ViewCounter, *lines: bytes, until_s: float) -> None:
    counting.feed(lines, now_ms=round(until_s * 1000))


def _batch(counting: ViewCounter) -> LogBatch:
    return counting.batch(edge="main", after=Position(), until=Position())


def _views(*lines: bytes, until_s: float = BEGAN_S + 60) -> list[ViewChange]:
    counting = _counter()
    _feed(counting, *lines, until_s=until_s)
    return _batch(counting).views


class TestMidnight:
    @pytest.mark.parametrize("cmcd", [_ONE, ""], ids=["by an id", "by address"])
    def test_ends_no_view_though_its_collector_begins_anew_after_it(self, cmcd: str) -> None:
        first, second = _counter(), _counter()
        for counting, segments in ((first, range(3)), (second, range(3, 6))):
            if counting is second:
                second.restore(_kept(view) for view in _batch(first).views)
            for msn in segments:
                at_s = _MIDNIGHT_S - 6 + 2 * msn
                _feed(counting, line(at_s, msn=msn, cmcd=cmcd), until_s=at_s)

        (before,), (after,) = _batch(first).views, _batch(second).views
        assert after.id == before.id
        assert sum(added.views for added in _batch(second).added) == 0

    def test_parts_what_is_stored_of_one_and_the_same_viewer(self) -> None:
        today, tomorrow = (
            _views(line(at_s, msn=1, cmcd=_ONE), until_s=at_s + 1) for at_s in (_MIDNIGHT_S - 9, _MIDNIGHT_S + 9)
        )

        assert today[0].viewer != tomorrow[0].viewer


def _kept(view: ViewChange) -> KeptView:
    assert view.state is not None
    return KeptView(
        view.id, view.session, view.viewer, view.identity, view.device, view.country, view.began_ms, view.state
    )


def test_nobody_can_tell_that_it_is_the_same_viewer_at_another_broadcast() -> None:
    here, there = _views(
        line(BEGAN_S, msn=1, session=SESSION, cmcd=_ONE), line(BEGAN_S, msn=1, session="f" * 16, cmcd=_ONE)
    )

    assert here.viewer != there.viewer


def test_who_has_a_token_is_one_however_many_share_an_address() -> None:
    """As a school behind one line, at the same minute: the origin has checked who they are."""
    pupils = 200
    views = _views(*(line(BEGAN_S + 1, msn=1, viewer=f"{number:032x}") for number in range(pupils)))

    assert [view.identity for view in views] == ["token"] * pupils


def test_over_ipv6_a_household_is_a_network() -> None:
    """Whose devices change their addresses as they like."""

    def fetched(address: str, first: int) -> list[bytes]:
        return [line(BEGAN_S + 2 * msn, msn=msn, address=address) for msn in range(first, first + 5)]

    moved = fetched("2001:db8:1:2::aaaa", 0) + fetched("2001:db8:1:2:5:6:7:8", 5)
    assert len(_views(*moved)) == 1
    assert len(_views(*moved, *fetched("2001:db8:1:3::aaaa", 5))) == 2


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "desktop"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
            "desktop",
        ),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1", "tablet"),
        ("AppleCoreMedia/1.0.0.22F76 (iPhone; U; CPU OS 18_5 like Mac OS X; en_us)", "mobile"),
        ("AppleCoreMedia/1.0.0.20K71 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_us)", "tv"),
        ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 Safari/537.36", "tv"),
        ("Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "tv"),
        ("VLC/3.0.20 LibVLC/3.0.20", "other"),
        ("", "other"),
    ],
)
def test_a_device_is_what_its_software_says(agent: str, device: str) -> None:
    assert device_of(agent) == device
