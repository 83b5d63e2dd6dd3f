"""What players send is read as it is meant, or not at all."""

import time

import pytest

from analytics.counting.reports import (
    LONGEST_REPORT,
    PlayerEvent,
    ReportError,
    read_event,
    read_events,
    read_events_path,
)

_SID = "6f2d0c0e-1111-4222-8333-444455556666"


def test_an_event_of_ours() -> None:
    said = (
        f'bg,bl=(2000),br=(2500),bsa=(1),bsda=(350),cid="0f8f",com.livehub-wt=9640,dfa=3,e=t,ltc=2310,mtp=(12000),'
        f'msd=420,pt=123456,sid="{_SID}",sn=4,sta=p,ts=1794000000123,v=2'
    )

    assert read_event(said) == PlayerEvent(
        sid=_SID,
        at_ms=1794000000123,
        state="p",
        sequence=4,
        startup_ms=420,
        played_ms=9640,
        stalled_ms=350,
        stalls=1,
        latency_ms=2310,
        dropped_frames=3,
    )


def test_an_event_of_another_player() -> None:
    # As hls.js 1.7.4 and others write: lists with what they are of, keys of their own, blanks.
    said = 'bl=(1800;v 2100;a), bsda=(12;v 350;a),ec=("mediaError" "x"),e=e,com.else-x=1.5,sid="a\\"b",sta=f,ts=7;x=?1'

    assert read_event(said) == PlayerEvent(sid='a"b', at_ms=7, state="f", stalled_ms=350, error_code="mediaError")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "NaN",
        'sid="a",ts=1',  # No event.
        "e=t,ts=1",
        'e=t,sid="a"',
        "e=t,sid=a,ts=1",
        'e=t,sid="",ts=1',
        f'e=t,sid="{"a" * 65}",ts=1',
        'e=t,sid="a",ts=NaN',
        'e=t,sid="a",ts=-1',
        'e=t,sid="a",ts=1.5',
        'e=t,sid="a",ts=1e9',
        'e=t,sid="a",ts=9999999999999999',
        'e=t,sid="a",ts=1,msd=-5',
        'e=t,sid="a",ts=1,msd="5"',
        'e=t,sid="a",ts=1,ltc',
        'e=t,sid="a",ts=1,bsda=(5 -1)',
        'e=t,sid="a",ts=1,bsda=(5 x)',
        'e=t,sid="a",ts=1,com.livehub-wt=Infinity',
        'e=t,sid="a",ts=1,',
        'e=t,,sid="a",ts=1',
        'e=t,sid="a,ts=1',
        'e=t sid="a" ts=1',
        '{"e":"t","sid":"a","ts":1}',
        'e=t,sid="a",ts=1,bl=(1 2',
        'e=t,sid="a",ts=1,' + ",".join(f"k{number}" for number in range(70)),
        'e=t,sid="a",ts=1,x="' + "y" * 5000 + '"',
        'e=t,sid="a",ts=1,' + ",".join(f'k{number}="{"y" * 80}"' for number in range(60)),
    ],
)
def test_what_is_no_event_is_none(wrong: str) -> None:
    with pytest.raises(ReportError):
        read_event(wrong)


def test_of_two_the_last_counts() -> None:
    assert read_event('e=t,sid="a",ts=1,ts=2,ltc=3').at_ms == 2


def test_lines_that_are_none_harm_no_others() -> None:
    events, wrong = read_events('e=t,sid="a",ts=1\r\n\nnonsense\ne=t,sid="a",ts=2\n')

    assert ([event.at_ms for event in events], wrong) == ([1, 2], 1)
    events, wrong = read_events('e=t,sid="a",ts=1\n' * 100)
    assert (len(events), wrong) == (64, 36)


def test_what_is_made_to_be_slow_is_not() -> None:
    """Each is read in a moment: against the same time for what is sent by honest players, many times over."""
    slow = ["a;", "a,", 'a="', "a=(1;", "a=(1 ", "*", "a=", " ,", "a=1;", 'a=("b" ', "a=:A", "(", "\t", "a" * 63 + ";"]
    honest = 'e=t,sid="a",ts=1,bl=(2000),br=(2500),ltc=2310'

    def cpu_s(body: str, times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            read_events(body)
        return time.process_time() - began

    allowed_s = cpu_s(honest, 3000)
    for piece in slow:
        for end in ("", "!"):
            lines = (piece * 4096)[:4000] + end
            assert cpu_s("\n".join([lines] * (LONGEST_REPORT // 4000)), 3) < allowed_s


def test_paths() -> None:
    assert read_events_path("/playback/pb_1a/events") == ("pb_1a", "")
    assert read_events_path("/playback/pb_1a/0f8fad5bd9cb469f/events") == ("pb_1a", "0f8fad5bd9cb469f")
    for other in (
        "/playback/x/events",
        "/playback/pb_1a/0F8FAD5BD9CB469F/events",
        "/playback/pb_1a/v0/events",
        "/events",
    ):
        assert read_events_path(other) is None
