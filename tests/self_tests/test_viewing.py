"""What a player reads in playlists. Source of the texts: RFC 8216bis 4.4, and what our origin answers."""

from analytics.counting.identity import identify, is_bot
from analytics.counting.lines import LogLine
from livehub.core import clock
from streams.livestreams.watching import SessionViewers
from streams.self_tests.audience import is_one, what_is_wrong
from streams.self_tests.viewing import ListedPart, opened_viewer, parse_listing, parse_renditions

_AT = "http://edge/playback/pb_1/s/v0/index.m3u8"
_MULTIVARIANT = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,URI="s/a0/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360
s/v1/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2900000,AVERAGE-BANDWIDTH=2700000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720
s/v0/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS="mp4a.40.2",AUDIO="audio"
s/a0/index.m3u8
"""
_MEDIA = """#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="1-1.init.mp4"
#EXTINF:2.0,
1-7.m4s
#EXT-X-PART:DURATION=1.0,URI="1-8.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.0,URI="1-8.1.m4s"
#EXTINF:2.0,
1-8.m4s
#EXT-X-PART:DURATION=1.0,URI="1-9.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1-9.1.m4s"
"""


def test_the_best_picture_comes_first_and_sound_apart() -> None:
    found = parse_renditions(_MULTIVARIANT, url="http://edge/playback/pb_1/index.m3u8")

    assert found.video == ["http://edge/playback/pb_1/s/v0/index.m3u8", "http://edge/playback/pb_1/s/v1/index.m3u8"]
    assert found.audio == ["http://edge/playback/pb_1/s/a0/index.m3u8"]


def test_parts_have_the_numbers_that_players_ask_by() -> None:
    found = parse_listing(_MEDIA, url=_AT)

    there = "http://edge/playback/pb_1/s/v0"
    assert found.init_url == f"{there}/1-1.init.mp4"
    assert found.parts == [
        ListedPart(8, 0, f"{there}/1-8.0.m4s"),
        ListedPart(8, 1, f"{there}/1-8.1.m4s"),
        ListedPart(9, 0, f"{there}/1-9.0.m4s"),
    ]
    assert (found.next_msn, found.next_index) == (9, 1)
    assert not found.is_over


def test_after_a_whole_segment_the_next_one_is_asked_for() -> None:
    whole = _MEDIA.replace('#EXT-X-PART:DURATION=1.0,URI="1-9.0.m4s",INDEPENDENT=YES\n', "")

    assert (parse_listing(whole, url=_AT).next_msn, parse_listing(whole, url=_AT).next_index) == (9, 0)
    assert parse_listing(f"{whole}#EXT-X-ENDLIST\n", url=_AT).is_over


def test_one_viewer_is_counted_as_one_and_nothing_else() -> None:
    now = clock.now()

    assert is_one(SessionViewers(counted=1, estimated=0, as_of=now))
    wrong = {
        SessionViewers(as_of=now): "has not been heard of",
        SessionViewers(counted=0, estimated=0, as_of=now): "counts nobody",
        SessionViewers(counted=1, estimated=1, as_of=now): "One watches, and 2 are counted.",
        SessionViewers(counted=3, estimated=0, as_of=now): "One watches, and 3 are counted.",
        SessionViewers(counted=0, estimated=1, as_of=now): "took its CMCD-Session header away",
    }
    for seen, words in wrong.items():
        assert not is_one(seen)
        assert words in what_is_wrong(seen)


def test_calls_itself_nothing_that_is_not_counted() -> None:
    with opened_viewer("0f" * 16) as viewer:
        headers = viewer._client.headers
        line = LogLine("1", 0, "/", 200, 1, "127.0.0.1", agent=headers["User-Agent"], cmcd=headers["CMCD-Session"])

        assert identify(line)[:2] == ("0f" * 16, "cmcd")
        assert not is_bot(line.agent)
