"""Other files of a recording, made by ffmpeg in earnest of a short clip."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from streams.media.played_file import UnplayableError, decode_at, probe_file
from streams.media.rendering import (
    AudioForm,
    Overlay,
    PictureError,
    RenderingError,
    VideoForm,
    picture_format,
    render,
    render_argv,
)

STEREO = AudioForm(codec="AAC", channels=2, copies=True)
# Of a made picture: red, green and blue.
BLUE, WHITE = (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of blue, 320 by 180, with a tone."""
    path = tmp_path_factory.mktemp("source") / "source.mp4"
    picture = ["-f", "lavfi", "-i", "color=blue:s=320x180:r=10:d=1", "-f", "lavfi", "-i", "sine=r=48000:d=1"]
    _ffmpeg(*picture, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", str(path))
    return path


@pytest.fixture(scope="module")
def picture(source: Path) -> Path:
    """A white square of 40 pixels."""
    path = source.with_name("mark.png")
    _ffmpeg("-f", "lavfi", "-i", "color=white:s=40x40:d=0.1", "-frames:v", "1", str(path))
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *arguments], check=True)


def _made(source: Path, target: Path, *, video: VideoForm | None, audio: AudioForm) -> dict[str, Any]:
    """Return what ffprobe says of the streams of what was made, by kind."""
    argv = render_argv(source, target, video=video, audio=audio)
    render(argv, label="test", longest_s=600, keep_on=lambda: None)
    looked = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_streams", str(target)]
    report = json.loads(subprocess.run(looked, capture_output=True, check=True).stdout)
    return {stream["codec_type"]: stream for stream in report["streams"]}


def _pixel(path: Path, *, x: int, y: int) -> tuple[int, int, int]:
    cut = ["-i", str(path), "-frames:v", "1", "-vf", f"format=rgb24,crop=1:1:{x}:{y}", "-f", "rawvideo", "pipe:1"]
    shown = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *cut], capture_output=True, check=True).stdout
    return shown[0], shown[1], shown[2]


def _is_near(shown: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 16 for one, other in zip(shown, wanted, strict=True))


@pytest.mark.parametrize(("codec", "name"), [("VP8", "vp8"), ("VP9", "vp9")])
def test_is_webm_with_vorbis(codec: str, name: str, source: Path, tmp_path: Path) -> None:
    streams = _made(
        source,
        tmp_path / "made.webm",
        video=VideoForm(codec=codec, width=160, height=90),
        audio=AudioForm(codec="VORBIS", channels=1),
    )

    assert [streams["video"][key] for key in ("codec_name", "width", "height")] == [name, 160, 90]
    assert (streams["audio"]["codec_name"], streams["audio"]["channels"]) == ("vorbis", 1)


def test_keeps_the_pictures_form_within_another_size(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.mp4"

    streams = _made(source, path, video=VideoForm(codec="H264", width=180, height=180), audio=STEREO)

    assert [streams["video"][key] for key in ("codec_name", "width", "height")] == ["h264", 180, 180]
    assert streams["audio"]["codec_name"] == "aac"
    assert _is_near(_pixel(path, x=90, y=90), BLUE)
    assert _is_near(_pixel(path, x=90, y=10), (0, 0, 0))


@pytest.mark.parametrize(
    ("position", "seen", "unseen"),
    [
        ("left top", (10, 5), (310, 170)),
        ("right top", (310, 5), (10, 170)),
        ("left bottom", (10, 175), (310, 5)),
        ("right bottom", (310, 175), (10, 5)),
    ],
)
def test_lays_a_picture_over_it(
    position: str, seen: tuple[int, int], unseen: tuple[int, int], source: Path, picture: Path, tmp_path: Path
) -> None:
    path = tmp_path / "made.mp4"
    overlay = Overlay(path=picture, position=position, width=20, height=10)

    _made(source, path, video=VideoForm(codec="H264", width=320, height=180, overlay=overlay), audio=STEREO)

    assert _is_near(_pixel(path, x=seen[0], y=seen[1]), WHITE)
    assert _is_near(_pixel(path, x=unseen[0], y=unseen[1]), BLUE)


def test_copies_what_is_as_it_should_be(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.mp4"

    streams = _made(source, path, video=VideoForm(codec="H264", width=320, height=180, copies=True), audio=STEREO)

    assert streams["video"]["nb_frames"] == "10"
    assert _sums(path) == _sums(source)


def _sums(path: Path) -> list[bytes]:
    sums = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), "-c", "copy", "-f", "streamhash", "-"]
    return subprocess.run(sums, capture_output=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "form", "codec", "channels"),
    [
        ("made.m4a", STEREO, "aac", 2),
        ("made.mp3", AudioForm(codec="MP3", channels=1), "mp3", 1),
        ("made.ogg", AudioForm(codec="VORBIS", channels=2), "vorbis", 2),
    ],
)
def test_makes_the_sound_alone(
    name: str, form: AudioForm, codec: str, channels: int, source: Path, tmp_path: Path
) -> None:
    streams = _made(source, tmp_path / name, video=None, audio=form)

    assert streams.keys() == {"audio"}
    assert (streams["audio"]["codec_name"], streams["audio"]["channels"]) == (codec, channels)


def test_says_what_ffmpeg_says_without_where_files_are(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(b"no film")

    with pytest.raises(RenderingError) as failure:
        _made(source, tmp_path / "made.mp4", video=None, audio=STEREO)

    assert "Invalid data" in str(failure.value)
    assert str(tmp_path) not in str(failure.value)


_PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {1}\n",
    "dash": """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"
type="static" mediaPresentationDuration="PT1S" minBufferTime="PT1S"><Period><AdaptationSet contentType="video"
mimeType="video/mp4"><Representation id="1" bandwidth="1000" codecs="avc1.64000c" width="320" height="180">
<BaseURL>file:{0}</BaseURL><SegmentBase indexRange="0-1"><Initialization range="0-1"/></SegmentBase></Representation>
</AdaptationSet></Period></MPD>""",
}


@pytest.mark.parametrize("kind", _PLAYLISTS)
def test_opens_no_other_file_whatever_a_storage_has_put_there(kind: str, source: Path) -> None:
    """Whoever has the storage may replace what we stored: by a list of somebody else's files on this machine."""
    planted = source.with_name(f"{kind}.source.mp4")
    planted.write_text(_PLAYLISTS[kind].format(source, source.name))

    with pytest.raises(RenderingError, match="moov atom not found"):
        _made(planted, planted.with_name("made.mp4"), video=None, audio=STEREO)
    with pytest.raises(UnplayableError):
        probe_file(planted)
    with pytest.raises(UnplayableError):
        decode_at(planted, at_us=0)


def test_ends_when_it_is_told_to(source: Path, tmp_path: Path) -> None:
    class LeftError(Exception):
        pass

    def leave() -> None:
        raise LeftError

    argv = ["sh", "-c", "sleep 600", str(tmp_path / "made.mp4")]
    with pytest.raises(LeftError):
        render(argv, label="test", longest_s=600, keep_on=leave)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"RIFF1234WAVE", b"GIF89a"])
def test_refuses_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(PictureError):
        picture_format(content)
