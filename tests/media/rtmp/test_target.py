"""What waits for a target that is slower than the broadcast, and what it goes on with."""

import ssl

import pytest

from streams.media.flv import TagType
from streams.media.rtmp.connection import Ways
from streams.media.rtmp.media import Frame
from streams.media.rtmp.target import QUEUE_BYTES, SimulcastTarget, WantedTarget

_HEAD = b"head"


@pytest.fixture
def target() -> SimulcastTarget:
    ways = Ways(
        is_refused=lambda address: False,
        refused_ports=frozenset(),
        tls=ssl.create_default_context(),
        describe_certificate=str,
    )
    wanted = WantedTarget("rtmp://a.example/live", "secret")
    return SimulcastTarget(wanted, ways, find_rendition=lambda lines: None, changed=lambda: None)


def _picture(at_ms: int, *, is_key_frame: bool = False, size: int = 1000) -> Frame:
    return Frame(TagType.VIDEO, at_ms, is_key_frame, bytes(size), _HEAD)


def _waiting(target: SimulcastTarget) -> list[int]:
    return [frame.at_ms for frame in target._queue]


def test_what_fits_waits_in_order(target: SimulcastTarget) -> None:
    target.put([_picture(0, is_key_frame=True), _picture(33)])
    target.put([Frame(TagType.AUDIO, 40, is_key_frame=False, body=b"sound", head=_HEAD)])

    assert _waiting(target) == [0, 33, 40]


def test_too_much_goes_and_the_next_key_frame_is_what_follows(target: SimulcastTarget) -> None:
    target.put([_picture(0, is_key_frame=True, size=QUEUE_BYTES)])
    sound = Frame(TagType.AUDIO, 40, is_key_frame=False, body=b"sound", head=_HEAD)

    target.put([_picture(33), sound, _picture(66)])
    assert _waiting(target) == []

    # Sound alone would be heard without its picture.
    target.put([sound, _picture(100, is_key_frame=True), _picture(133)])
    assert _waiting(target) == [100, 133]


def test_what_waits_is_bounded(target: SimulcastTarget) -> None:
    for number in range(100):
        target.put([_picture(number, is_key_frame=number % 10 == 0, size=QUEUE_BYTES // 20)])
        assert sum(len(frame.body) for frame in target._queue) <= QUEUE_BYTES


def test_a_key_is_in_no_representation(target: SimulcastTarget) -> None:
    assert "secret" not in repr(target.wanted)
