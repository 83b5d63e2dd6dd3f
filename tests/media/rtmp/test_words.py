"""RTMP's grammar: values, chunks, addresses, and when a target is tried again."""

import pytest

from streams.media.rtmp import amf
from streams.media.rtmp.addresses import parse_target
from streams.media.rtmp.amf import AmfError
from streams.media.rtmp.backoff import Backoff
from streams.media.rtmp.chunks import ChunkError, ChunkReader, MessageType, render_message


class TestAmf:
    def test_is_what_the_specification_says(self) -> None:
        said = amf.render("connect", 1.0, {"app": "live", "ok": True}, None)

        assert said == (
            b"\x02\x00\x07connect\x00\x3f\xf0\0\0\0\0\0\0\x03\x00\x03app\x02\x00\x04live\x00\x02ok\x01\x01\0\0\x09\x05"
        )
        assert amf.parse(said) == ["connect", 1.0, {"app": "live", "ok": True}, None]

    def test_reads_arrays_and_dates(self) -> None:
        array = b"\x08\0\0\0\x01\x00\x01a\x02\x00\x01b\0\0\x09"
        strict = b"\x0a\0\0\0\x02\x05\x01\x00"
        date = b"\x0b" + b"\x3f\xf0\0\0\0\0\0\0" + b"\0\0"

        assert amf.parse(array + strict + date) == [{"a": "b"}, [None, False], 1.0]

    @pytest.mark.parametrize(
        "bad",
        [b"\x02\x00\x09short", b"\x00\x01", b"\x11", b"\x03\x00\x01a" * 40, b"\x0a\xff\xff\xff\xff\x05"],
        ids=["text", "number", "kind", "depth", "count"],
    )
    def test_refuses_what_is_none(self, bad: bytes) -> None:
        with pytest.raises(AmfError):
            amf.parse(bad)


class TestChunks:
    def test_a_short_message_is_one_piece_behind_its_header(self) -> None:
        pieces = render_message(
            MessageType.VIDEO, b"abc", chunk_stream=6, timestamp_ms=0x010203, stream=1, chunk_size=128
        )

        assert b"".join(pieces) == b"\x06\x01\x02\x03\0\0\x03\x09\x01\0\0\0abc"

    def test_a_long_one_is_cut(self) -> None:
        pieces = render_message(MessageType.AUDIO, b"abcdef", chunk_stream=4, stream=1, chunk_size=4)

        assert b"".join(pieces) == b"\x04\0\0\0\0\0\x06\x08\x01\0\0\0abcd\xc4ef"

    def test_late_times_are_said_in_every_chunk(self) -> None:
        """After 4 h 39 min: what is left out there shifts all that follows by four bytes."""
        pieces = render_message(
            MessageType.AUDIO, b"abcdef", chunk_stream=4, timestamp_ms=0x01000000, stream=1, chunk_size=4
        )

        assert b"".join(pieces) == (b"\x04\xff\xff\xff\0\0\x06\x08\x01\0\0\0\x01\0\0\0abcd\xc4\x01\0\0\0ef")

    @pytest.mark.parametrize("step", [1, 7, 1000])
    def test_are_put_together_whatever_the_pieces(self, step: int) -> None:
        size = b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\x04"
        # Of two streams, between each other; then one that says only what is new.
        first = b"\x03\0\0\0\0\0\x06\x14\0\0\0\0abcd"
        other = b"\x05\0\0\0\0\0\x02\x14\x01\0\0\0xy"
        rest = b"\xc3ef"
        again = b"\x45\0\0\x05\0\0\x01\x14z\x85\0\0\x05w\xc5v"
        data = size + first + other + rest + again
        reader = ChunkReader()

        found = [message for start in range(0, len(data), step) for message in reader.feed(data[start : start + step])]

        assert [message.body for message in found] == [b"\0\0\0\x04", b"xy", b"abcdef", b"z", b"w", b"v"]
        assert [message.stream for message in found[1:]] == [1, 0, 1, 1, 1]

    def test_what_is_too_large_is_refused(self) -> None:
        with pytest.raises(ChunkError):
            list(ChunkReader().feed(b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0"))

    def test_so_are_too_many_streams(self) -> None:
        begun = b"".join(bytes([number]) + b"\0\0\0\0\0\xff\x14\0\0\0\0" + bytes(128) for number in range(2, 64))

        assert list(ChunkReader().feed(begun)) == []
        with pytest.raises(ChunkError):
            list(ChunkReader().feed(begun + b"".join(b"\0" + bytes([number]) + bytes(11) for number in range(4))))


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "key", "host", "port", "application", "base", "name"),
        [
            (
                "rtmp://a.example/live2",
                "k",
                *("a.example", 1935, "live2", "rtmp://a.example/live2", "k"),
            ),
            (
                "rtmps://a.example:443/rtmp/",
                "FB-1?s=2",
                *("a.example", 443, "rtmp", "rtmps://a.example:443/rtmp", "FB-1?s=2"),
            ),
            ("rtmps://a.example/x/y", "", "a.example", 443, "x", "rtmps://a.example/x", "y"),
            ("rtmp://[2001:db8::1]:99/x/y", "k", "2001:db8::1", 99, "x/y", "rtmp://[2001:db8::1]:99/x/y", "k"),
        ],
    )
    def test_say_where_and_what(
        self, url: str, key: str, host: str, port: int, application: str, base: str, name: str
    ) -> None:
        found = parse_target(url, key)

        assert (found.host, found.port, found.application, found.url, found.name) == (
            *(host, port, application, base, name),
        )
        assert found.is_tls is url.startswith("rtmps")

    def test_a_key_is_in_no_representation(self) -> None:
        assert "secret" not in repr(parse_target("rtmp://a.example/live", "secret"))

    @pytest.mark.parametrize("url", ["http://a.example/live", "rtmp:///live", "rtmp://a.example:99999/live"])
    def test_others_are_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_target(url, "k")


class TestBackoff:
    def test_grows_up_to_half_a_minute(self) -> None:
        backoff = Backoff(draw=lambda low, high: 1.0)
        backoff.begin(now_s=0)

        lengths = [backoff.failed(lived_s=0, now_s=1).length_s for _ in range(7)]

        assert lengths == [1, 2, 4, 8, 16, 30, 30]

    def test_is_by_chance_within_a_fifth(self) -> None:
        bounds: list[tuple[float, float]] = []

        def draw(low: float, high: float) -> float:
            bounds.append((low, high))
            return high

        assert Backoff(draw=draw).failed(lived_s=0, now_s=0).length_s == pytest.approx(1.2)
        assert bounds == [(0.8, 1.2)]

    def test_is_gentle_with_who_takes_it_and_drops_it(self) -> None:
        assert Backoff(draw=lambda low, high: 0.8).failed(lived_s=29, now_s=0).length_s == 15

    def test_begins_anew_after_a_long_connection(self) -> None:
        backoff = Backoff(draw=lambda low, high: 1.0)
        for _ in range(5):
            backoff.failed(lived_s=0, now_s=0)

        assert backoff.failed(lived_s=31, now_s=1000).length_s == 1

    def test_gives_up_after_ten_minutes_and_tries_every_five(self) -> None:
        backoff = Backoff(draw=lambda low, high: 1.0)
        backoff.begin(now_s=0)

        before, after = backoff.failed(lived_s=0, now_s=599), backoff.failed(lived_s=5, now_s=600)

        assert (before.is_given_up, after.is_given_up, after.length_s) == (False, True, 300)
        backoff.forgive()
        assert not backoff.failed(lived_s=0, now_s=700).is_given_up
