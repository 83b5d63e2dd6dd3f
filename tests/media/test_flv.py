import pytest

from streams.media.flv import FlvError, Tag, TagReader, TagType, file_header, render_tag
from tests.media.clips import flv

_FILE_HEADER = b"FLV" + bytes(10)


def _tags(clip: bytes, *, step: int) -> list[Tag]:
    reader = TagReader()
    return [tag for start in range(0, len(clip), step) for tag in reader.feed(clip[start : start + step])]


class TestTagReader:
    def test_finds_the_key_frames_of_a_real_clip(self) -> None:
        key_frames = [tag.timestamp_ms for tag in _tags(flv(), step=65536) if tag.is_key_frame]

        assert [round(ms / 1000) for ms in key_frames] == [0, 2, 4]

    @pytest.mark.parametrize("step", [1, 7, 1000])
    def test_does_not_mind_where_the_pieces_are_cut(self, step: int) -> None:
        assert _tags(flv(), step=step) == _tags(flv(), step=1 << 30)

    def test_accounts_for_every_byte(self) -> None:
        tags = _tags(flv(), step=4096)

        assert 13 + sum(tag.size + 15 for tag in tags) == len(flv())
        assert {tag.type for tag in tags} == {TagType.AUDIO, TagType.VIDEO, TagType.SCRIPT}

    @pytest.mark.parametrize("piece", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTT"])
    def test_refuses_what_is_not_flv(self, piece: bytes) -> None:
        with pytest.raises(FlvError):
            list(TagReader().feed(piece))

    def test_reads_size_and_time_of_all_their_bytes(self) -> None:
        # Type, size, time and its highest byte, stream, what the body begins with.
        begun = bytes.fromhex("09 010203 050607 04 000000 17 01 000000")
        body = begun[11:] + bytes(0x010203 - 5)

        tags = list(TagReader().feed(_FILE_HEADER + begun + body[5:] + bytes(4)))

        assert tags == [Tag(TagType.VIDEO, timestamp_ms=0x04050607, size=0x010203, is_key_frame=True, body=body)]

    def test_waits_for_all_of_a_tag(self) -> None:
        clip = flv()
        end = 13 + 15 + next(iter(_tags(clip, step=1 << 30))).size

        reader = TagReader()
        assert list(reader.feed(clip[: end - 1])) == []
        assert len(list(reader.feed(clip[end - 1 : end]))) == 1

    @pytest.mark.parametrize("has_audio", [True, False])
    def test_remembers_what_the_stream_begins_with(self, has_audio: bool) -> None:
        clip, reader = flv(has_audio=has_audio), TagReader()

        assert reader.header == b""
        list(reader.feed(clip[:13]))
        assert reader.header == clip[:13] == file_header(has_sound=has_audio)

    @pytest.mark.parametrize("kind", list(TagType))
    def test_reads_empty_tags(self, kind: TagType) -> None:
        (tag,) = _read_one(kind, b"")

        assert (tag.size, tag.announced, tag.is_key_frame, tag.is_avc, tag.is_aac) == (0, b"", False, False, False)

    def test_are_written_as_they_were_read(self) -> None:
        clip = flv()

        written = b"".join(render_tag(tag.type, tag.timestamp_ms, tag.body) for tag in _tags(clip, step=4096))

        assert written == clip[13:]

    @pytest.mark.parametrize(
        ("kind", "body", "is_key_frame", "is_media"),
        [
            (TagType.VIDEO, b"\x17\x01", True, True),
            (TagType.VIDEO, b"\x27\x01", False, True),
            (TagType.VIDEO, b"\x17\x00\0\0\0\1", False, False),
            # The end of a sequence.
            (TagType.VIDEO, b"\x17\x02\0\0\0", False, False),
            # Sorenson H.263 has no byte for the kind of packet.
            (TagType.VIDEO, b"\x12\x00", True, True),
            # ADPCM, 44 kHz: the same bits say another thing of sound.
            (TagType.AUDIO, b"\x1f\x01", False, True),
            (TagType.AUDIO, b"\xaf\x01", False, True),
            (TagType.AUDIO, b"\xaf\x00\x11\x90", False, False),
        ],
    )
    def test_knows_key_frames_and_what_is_none_of_the_media(
        self, kind: TagType, body: bytes, is_key_frame: bool, is_media: bool
    ) -> None:
        header = bytes([kind]) + len(body).to_bytes(3) + bytes(7)

        (tag,) = TagReader().feed(_FILE_HEADER + header + body + bytes(4))

        assert (tag.is_key_frame, tag.is_media) == (is_key_frame, is_media)


class TestAnnouncements:
    @pytest.mark.parametrize("step", [1, 7, 1 << 30])
    def test_are_found_in_a_real_clip(self, step: int) -> None:
        announced = {tag.type: tag.announced for tag in _tags(flv(), step=step) if tag.announced}

        assert announced.keys() == {TagType.AUDIO, TagType.VIDEO}
        # How much later each picture is shown; then the record: version 1, High.
        assert announced[TagType.VIDEO].startswith(b"\0\0\0\x01\x64")
        # AAC LC, 48 kHz, two channels, and nothing else.
        assert announced[TagType.AUDIO][:2] == b"\x11\x90"

    def test_hold_the_whole_record_and_nothing_after_it(self) -> None:
        body = bytes.fromhex("17 00 000000 01 64")

        tags = _read_one(TagType.VIDEO, body)

        assert [tag.announced for tag in tags] == [body[2:]]

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            (TagType.VIDEO, "17 01 000000 01"),  # A picture.
            (TagType.VIDEO, "12 00 000000 01"),  # Sorenson H.263.
            (TagType.AUDIO, "af 01 11 90"),  # Sound.
            (TagType.AUDIO, "2f 00 11 90"),  # MP3.
            (TagType.SCRIPT, "a7 00 11 90"),
        ],
    )
    def test_are_not_seen_in_other_tags(self, kind: TagType, body: str) -> None:
        assert [tag.announced for tag in _read_one(kind, bytes.fromhex(body))] == [b""]

    def test_are_no_longer_than_any_encoders(self) -> None:
        (tag,) = _read_one(TagType.VIDEO, b"\x17\0" + bytes(1 << 16))

        assert tag.announced == bytes(4094)


def _read_one(kind: TagType, body: bytes) -> list[Tag]:
    tag = _header(kind, size=len(body)) + body
    return list(TagReader().feed(_FILE_HEADER + tag + (len(tag)).to_bytes(4)))


def _header(kind: TagType, *, size: int) -> bytes:
    return bytes([kind]) + size.to_bytes(3) + bytes(7)


def test_tells_when_a_picture_is_shown() -> None:
    """B-frames are shown later than they are decoded."""
    tags = [tag for tag in _tags(flv(x264="bframes=2"), step=4096) if tag.type == TagType.VIDEO]

    assert {tag.composition_ms >= 0 for tag in tags} == {True}
    assert all(tag.shown_ms == tag.timestamp_ms + tag.composition_ms for tag in tags)
