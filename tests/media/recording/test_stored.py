"""How segments stand in the file: each by itself plays, and each key frame by itself is decoded."""

import subprocess

import pytest

from streams.media.avc import find_parameter_sets
from streams.media.fmp4 import Fmp4Error
from streams.media.recording.index import SegmentIndex, TrackKind
from streams.media.recording.stored import (
    BOX_HEADER_SIZE,
    file_head,
    file_type,
    read_init,
    store_segment,
    stored_segment,
)
from tests.media.boxes import audio_init, video_init
from tests.media.clips import flv
from tests.media.frames import frames
from tests.media.recording.recorder import Recorder

_LENGTH = 4


def _recorded() -> Recorder:
    recorder = Recorder()
    recorder.add(flv(size="320x180", seconds=2, gop=30), at_ms=0)
    return recorder


def _pictures(recorder: Recorder) -> list[tuple[bytes, SegmentIndex]]:
    return [
        (bytes(recorder.content[piece.offset : piece.offset + piece.size]), SegmentIndex.unpacked(piece.index))
        for piece in recorder.pieces
        if piece.kind is TrackKind.VIDEO
    ]


def test_has_its_parameter_sets_in_front_of_each_key_frame() -> None:
    recorder = _recorded()
    init = recorder.inits[0].init

    assert len(init.parameter_sets) == 2
    for stored, index in _pictures(recorder):
        at = index.chunks[0]
        for expected in init.parameter_sets:
            size = int.from_bytes(stored[at : at + _LENGTH])
            assert stored[at + _LENGTH : at + _LENGTH + size] == expected
            at += _LENGTH + size


def test_is_played_from_behind_the_header_of_its_box() -> None:
    recorder = _recorded()
    init = recorder.inits[0].init

    media = b"".join(stored[BOX_HEADER_SIZE:] for stored, _ in _pictures(recorder))

    shown = frames(init.data + media, form="mp4")
    assert shown == frames(flv(size="320x180", seconds=2, gop=30))


def test_is_told_of_sample_by_sample() -> None:
    recorder = _recorded()

    assert [len(index.sizes) for _, index in _pictures(recorder)] == [30, 30]
    for stored, index in _pictures(recorder):
        assert list(index.key_frames) == [0]
        ends = [
            index.chunks[place] + sum(index.sizes[before : before + index.chunks[place + 1]])
            for place, before in ((0, 0), (2, index.chunks[1]))
        ]
        assert ends[-1] == len(stored)


def test_is_the_same_each_time() -> None:
    first, second = _recorded(), _recorded()

    assert first.content == second.content


def test_that_is_stored_again_gets_no_second_parameter_sets() -> None:
    recorder = _recorded()
    (stored, _), *_ = _pictures(recorder)

    assert stored_segment(stored[BOX_HEADER_SIZE:], recorder.inits[0].init) == stored


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_that_is_torn_is_refused(cut: int) -> None:
    recorder = _recorded()
    for piece in (recorder.pieces[0], recorder.pieces[-1]):
        stored = bytes(recorder.content[piece.offset : piece.offset + piece.size])
        with pytest.raises(Fmp4Error):
            stored_segment(stored[BOX_HEADER_SIZE:-cut], recorder.inits[piece.init].init)


def test_without_samples_is_refused() -> None:
    with pytest.raises(Fmp4Error, match="no fragment"):
        store_segment(b"", read_init(audio_init()))


def test_init_tells_what_it_is() -> None:
    video, audio = read_init(video_init(timescale=90_000)), read_init(audio_init(timescale=48_000))

    assert (video.kind, video.timescale, len(video.parameter_sets), video.sound) == (TrackKind.VIDEO, 90_000, 2, b"")
    assert (audio.kind, audio.timescale, audio.parameter_sets) == (TrackKind.AUDIO, 48_000, ())
    assert audio.sound == bytes.fromhex("1190")


@pytest.mark.parametrize("data", [b"", b"nothing of ours", file_head()])
def test_init_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Fmp4Error):
        read_init(data)


def test_parameter_sets_are_those_that_the_encoder_announced() -> None:
    clip = flv(size="320x180", seconds=2, gop=30)
    # The first tag of a picture in FLV announces it.
    announced = clip[clip.index(b"\x17\x00\x00\x00\x00") + 5 :][:60]

    assert _recorded().inits[0].init.parameter_sets == find_parameter_sets(announced)


def test_file_type_is_one_box() -> None:
    assert int.from_bytes(file_type()[:4]) == len(file_type())
    probed = subprocess.run(["ffprobe", "-v", "quiet", "-"], input=file_type(), check=False)
    # There is no media in it.
    assert probed.returncode


def test_file_head_has_an_empty_box_while_the_end_is_not_known() -> None:
    assert file_head() == file_type() + bytes.fromhex("00000010 66726565 0000000000000000")


@pytest.mark.parametrize("media_end", [100, 17_500_000_000])
def test_file_head_ends_with_the_header_of_all_that_follows(media_end: int) -> None:
    head = file_head(media_end=media_end)

    assert head[:32] == file_type()
    assert head[32:40] == bytes.fromhex("00000001") + b"mdat"
    # Its size is told from its own beginning.
    assert 32 + int.from_bytes(head[40:]) == media_end
    assert len(head) == len(file_head())
