"""A recording in Chromium: as one MP4 and as HLS on demand, across a change of size both ways."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from streams.media.recording.clips import clip
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie
from streams.media.recording.playlists import media_playlist, multivariant_playlist
from tests.browser.seeking import seek, seek_and_play
from tests.browser.windows import window
from tests.media.clips import flv
from tests.media.recording.recorder import Recorder

pytestmark = pytest.mark.browser

_HLS = Path(__file__).parents[2] / "static/vendor/hls.js@1.7.4/hls.min.js"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
}
_PAGES = {
    "mp4.html": "<video src='recording.mp4' muted></video>",
    "clip.html": "<video src='clip.mp4' muted></video>",
    "hls.html": (
        "<script src='hls.js'></script><video muted></video><script>const hls = new Hls({enableWorker: false});"
        "hls.loadSource('index.m3u8'); hls.attachMedia(document.querySelector('video'))</script>"
    ),
}


class _Files(http.server.BaseHTTPRequestHandler):
    """Hands out files, and ranges of them as players ask for them."""

    def __init__(self, folder: Path, *rest: object) -> None:
        self._folder = folder
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self._folder / Path(self.path).name
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        end = min(int(last) + 1 if last else len(content), len(content))
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", _TYPES[path.suffix])
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - int(first)))
        self.end_headers()
        self.wfile.write(content[int(first) : end])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, folder)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Shown:
    page: Page
    movie: Movie

    def seek(self, time_s: float, *, width: int) -> float:
        """Return how long it lasts once a picture of that width is shown at a time.

        :raises playwright.sync_api.Error: when that does not happen.
        """
        return seek(self.page, time_s, width=width)

    def play(self, time_s: float, *, width: int, for_s: float, then_width: int) -> None:
        """Play from a time on, until pictures of another width are shown.

        :raises playwright.sync_api.Error: when that does not happen.
        """
        seek_and_play(self.page, time_s, width=width, for_s=for_s, then_width=then_width)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Movie]]:
    """A wide picture, a smaller one, and the wide one again."""
    folder = tmp_path_factory.mktemp("recording")
    wide = flv(size="1280x720", gop=60, profile="main", x264="bframes=2:rc-lookahead=10", seconds=4)
    small = flv(size="960x540", gop=60, seconds=4)
    recorder = Recorder()
    recorder.add(wide, at_ms=0)
    recorder.add(small, at_ms=4_021)
    recorder.add(small, at_ms=8_100, left_out="slate")
    recorder.add(wide, at_ms=30_000, gap_before="takeover")
    movie = recorder.write(folder / "recording.mp4")
    (folder / "index.m3u8").write_text(multivariant_playlist(movie, video_uri="video.m3u8", audio_uri="audio.m3u8"))
    for kind, name in ((TrackKind.VIDEO, "video.m3u8"), (TrackKind.AUDIO, "audio.m3u8")):
        (folder / name).write_text(media_playlist(movie, kind, uri="recording.mp4"))
    composed, content = clip(movie, start_us=3_000_000, end_us=5_500_000), (folder / "recording.mp4").read_bytes()
    ranges = [content[each.offset : each.offset + each.length] for each in composed.ranges]
    (folder / "clip.mp4").write_bytes(b"".join((composed.head, *ranges)))
    (folder / "hls.js").write_bytes(_HLS.read_bytes())
    for name, text in _PAGES.items():
        (folder / name).write_text(f"<!doctype html>{text}")
    with _served(folder) as url:
        yield url, movie


@contextmanager
def _shown(browser: Browser, recording: tuple[str, Movie], name: str) -> Iterator[Shown]:
    url, movie = recording
    with window(browser, url) as page:
        page.goto(f"/{name}")
        yield Shown(page, movie)


@pytest.mark.parametrize("name", ["mp4.html", "hls.html"])
def test_plays_and_seeks_across_changes_of_size_both_ways(
    browser: Browser, recording: tuple[str, Movie], name: str
) -> None:
    with _shown(browser, recording, name) as shown:
        assert shown.seek(0, width=1280) == pytest.approx(shown.movie.duration_us / 1e6, abs=0.1)

        # Far forwards and back again, into the middle of segments.
        for time_s, width in ((5.5, 960), (1.5, 1280), (11.0, 1280), (6.3, 960), (0.2, 1280), (9.0, 1280)):
            shown.seek(time_s, width=width)

        # Over both splices, as it comes.
        shown.play(3.5, width=1280, for_s=1.2, then_width=960)
        shown.play(7.5, width=960, for_s=1.2, then_width=1280)


def test_of_a_clip_plays_to_its_end(browser: Browser, recording: tuple[str, Movie]) -> None:
    with _shown(browser, recording, "clip.html") as shown:
        assert shown.seek(0.5, width=1280) == pytest.approx(2.5, abs=0.05)

        shown.play(0.5, width=1280, for_s=1.5, then_width=960)
