import pytest

from streams.media.flv import FlvError, Tag, TagReader, TagType
from tests.media.clips import flv


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

    def test_refuses_what_is_not_flv(self) -> None:
        with pytest.raises(FlvError):
            list(TagReader().feed(b"HTTP/1.1 404 Not Found\r\n\r\n"))
