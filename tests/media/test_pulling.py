"""Fetching a source and publishing it to our own ingest server."""

import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from livehub.stack.ports import free_port
from streams.media.pulling.command import Encodes
from streams.media.pulling.puller import EndKind
from streams.media.pulling.source import InvalidSourceError, PullUrl
from tests.egress.proxies import Shelf, egress_proxy, shelf
from tests.media.ingest import Ingest, running_ingest
from tests.media.pulls import NAME, children, pulling
from tests.media.rtmp_servers import certificate, tls_in_front_of
from tests.media.rtsp_server import camera
from tests.services import HANG_S, wait_until
from tests.webhooks.certificates import Authority


@pytest.fixture(scope="module")
def egress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with egress_proxy(tmp_path_factory.mktemp("egress")) as path:
        yield path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    """Another nginx-rtmp, somebody else's."""
    with running_ingest(tmp_path_factory.mktemp("source")) as server:
        yield server


@pytest.fixture
def web() -> Iterator[Shelf]:
    with shelf() as server:
        yield server


def codecs_of(url: str) -> list[str]:
    argv = ["ffprobe", "-loglevel", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url]
    return sorted(subprocess.run(argv, capture_output=True, text=True, timeout=HANG_S, check=True).stdout.split())


class TestRtmp:
    def test_is_published_under_its_name_without_secrets_in_the_process_list(
        self, source: Ingest, ingest: Ingest, egress: Path, small_clip: Path
    ) -> None:
        url = source.server.pull_url("secret-stream").replace("rtmp://", "rtmp://ann:s3cr3t@") + "?token=t0ps3cr3t"
        with source.publishing("secret-stream", small_clip), pulling(url, to=ingest, egress=egress) as run:
            run.await_media()
            wait_until(lambda: ingest.server.find_publisher(NAME), what="the publisher")
            lines = [" ".join(each.cmdline()) for each in children(lambda _: True)]
            mine = [line for line in lines if "concat" in line]
            assert codecs_of(ingest.server.pull_url(NAME)) == ["aac", "h264"]
        assert mine
        for line in mine:
            assert not any(secret in line for secret in ("secret-stream", "s3cr3t", "t0ps3cr3t", NAME))
        assert run.end().kind is EndKind.STOPPED

    def test_a_source_that_is_not_there_says_so(self, ingest: Ingest, egress: Path) -> None:
        port = free_port("127.0.0.1")
        with pulling(f"rtmp://127.0.0.1:{port}/live/none", to=ingest, egress=egress) as run:
            end = run.end()
        assert (end.kind, end.reason) == (EndKind.FAILED, f"127.0.0.1 port {port} refuses connections.")

    def test_what_our_ingest_does_not_take_is_encoded(
        self, ingest: Ingest, egress: Path, web: Shelf, tmp_path: Path
    ) -> None:
        web.files["/film.mkv"] = _film(tmp_path, "-c:v", "mpeg4", "-c:a", "libmp3lame", name="film.mkv")
        url = f"http://127.0.0.1:{web.port}/film.mkv"
        with pulling(url, to=ingest, egress=egress) as run:
            end = run.end()
        needs = Encodes(video=True, audio=True)
        assert (end.kind, end.needs) == (EndKind.UNFIT, needs)
        with pulling(url, to=ingest, egress=egress, encodes=needs, name="encoded") as run:
            wait_until(lambda: ingest.server.find_publisher("encoded"), what="the publisher")
            assert codecs_of(ingest.server.pull_url("encoded")) == ["aac", "h264"]


class TestHttp:
    def test_a_file_is_played_at_its_own_pace_to_its_end(
        self, ingest: Ingest, egress: Path, web: Shelf, tmp_path: Path
    ) -> None:
        web.files["/film.mp4"] = _film(tmp_path, *_H264, "-c:a", "aac", name="film.mp4", seconds=3)
        with pulling(f"http://127.0.0.1:{web.port}/film.mp4", to=ingest, egress=egress, name="film") as run:
            run.await_media()
            end = run.end()
        assert (end.kind, end.reason) == (EndKind.FINISHED, "The source has come to its end.")

    def test_hls_is_fetched_through_the_proxy(self, ingest: Ingest, egress: Path, web: Shelf, tmp_path: Path) -> None:
        _put_hls(web, tmp_path)
        with pulling(f"http://127.0.0.1:{web.port}/live.m3u8?key=s3cr3t", to=ingest, egress=egress, name="hls") as run:
            run.await_media()
            assert codecs_of(ingest.server.pull_url("hls")) == ["aac", "h264"]
            # A window that nobody moves on.
            end = run.end()
        assert (end.kind, end.reason) == (EndKind.FAILED, "Nothing came from the source for 10 s.")

    def test_hls_that_says_that_it_is_over_is_played_once(
        self, ingest: Ingest, egress: Path, web: Shelf, tmp_path: Path
    ) -> None:
        _put_hls(web, tmp_path, seconds=4, is_over=True)
        with pulling(f"http://127.0.0.1:{web.port}/live.m3u8", to=ingest, egress=egress, name="hls") as run:
            end = run.end()
        assert end.kind is EndKind.FINISHED

    @pytest.mark.parametrize(
        ("named", "reason"),
        [
            ("http://192.168.1.1/0.ts", "192.168.1.1 is inside this network; whoever runs the server allows it by"),
            ("http://169.254.169.254/latest.ts", "169.254.169.254 is inside this network"),
            ("http://127.0.0.1:6379/0.ts", "127.0.0.1 port 6379 is refused"),
            ("file:///etc/passwd", "The source names something"),
            ("data:text/plain,abc", "The source names something"),
            ("concat:http://127.0.0.1/a.ts", "The source names something"),
            ("tcp://127.0.0.1:80/a.ts", "The source names something"),
            # It would open a connection of its own, past the proxy.
            ("httpproxy://127.0.0.1:PORT/a.ts", "The source names something by httpproxy that LiveHub does not open."),
            ("https://192.168.1.1/0.ts", "192.168.1.1 is inside this network"),
            ("//192.168.1.1/0.ts", "192.168.1.1 is inside this network"),
        ],
    )
    def test_a_playlist_that_names_what_may_not_be_gone_to_ends_it(
        self, ingest: Ingest, egress: Path, web: Shelf, named: str, reason: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as inside:
            named = named.replace("PORT", str(inside.getsockname()[1]))
            web.files["/live.m3u8"] = _playlist(named).encode()
            with pulling(f"http://127.0.0.1:{web.port}/live.m3u8", to=ingest, egress=egress, name="bad") as run:
                end = run.end()
            inside.setblocking(False)
            with pytest.raises(BlockingIOError):
                inside.accept()
        assert end.kind is EndKind.REFUSED
        assert end.reason.startswith(reason)

    @pytest.mark.parametrize("flaw", ["", "unknown", "other_host"])
    def test_certificates_of_hosts_that_a_playlist_names_are_checked(
        self, ingest: Ingest, egress: Path, web: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
    ) -> None:
        authority = Authority(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        _put_hls(web, tmp_path, seconds=4, is_over=True)
        with shelf(authority.server(flaw)) as other:
            other.files = {path: content for path, content in web.files.items() if path.endswith(".ts")}
            playlist = web.files["/live.m3u8"].replace(b"\nlive", f"\nhttps://127.0.0.1:{other.port}/live".encode())
            web.files = {"/live.m3u8": playlist}
            with pulling(f"http://127.0.0.1:{web.port}/live.m3u8", to=ingest, egress=egress, name="nested") as run:
                end = run.end()
            assert bool(other.heads) is not bool(flaw)
        assert end.kind is (EndKind.FAILED if flaw else EndKind.FINISHED)
        assert not flaw or f"127.0.0.1 port {other.port} is not trusted: its certificate" in end.reason

    def test_a_redirect_inside_is_refused(self, ingest: Ingest, egress: Path, web: Shelf) -> None:
        web.redirects["/live.m3u8"] = "http://10.0.0.1/live.m3u8"
        with pulling(f"http://127.0.0.1:{web.port}/live.m3u8", to=ingest, egress=egress, name="bad") as run:
            end = run.end()
        assert end.kind is EndKind.REFUSED
        assert end.reason.startswith("10.0.0.1 is inside this network")

    def test_what_its_server_answers_is_told(self, ingest: Ingest, egress: Path, web: Shelf) -> None:
        with pulling(f"http://127.0.0.1:{web.port}/none.m3u8", to=ingest, egress=egress, name="bad") as run:
            end = run.end()
        assert (end.kind, end.reason) == (EndKind.FAILED, "The source answers 404 Not Found.")

    @pytest.mark.parametrize(
        ("flaw", "reason"),
        [
            ("", "The source has come to its end."),
            ("unknown", "its certificate comes from an authority that is not known here"),
            ("other_host", "its certificate is for another address"),
        ],
    )
    def test_certificates_are_checked(
        self, ingest: Ingest, egress: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str, reason: str
    ) -> None:
        authority = Authority(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        with shelf(authority.server(flaw)) as web:
            web.files["/film.mp4"] = _film(tmp_path, *_H264, "-c:a", "aac", name="film.mp4", seconds=3)
            url = f"https://127.0.0.1:{web.port}/film.mp4"
            with pulling(url, to=ingest, egress=egress, name="film") as run:
                end = run.end()
        assert end.kind is (EndKind.FAILED if flaw else EndKind.FINISHED)
        assert reason in end.reason


class TestRtsp:
    def test_a_camera_is_published(self, ingest: Ingest, egress: Path, small_clip: Path, tmp_path: Path) -> None:
        credentials = b64encode(b"ann:s3cr3t").decode()
        with camera(tmp_path, small_clip, credentials=credentials) as port:
            with pulling(f"rtsp://ann:s3cr3t@127.0.0.1:{port}/garden", to=ingest, egress=egress, name="rtsp") as run:
                run.await_media()
                wait_until(lambda: ingest.server.find_publisher("rtsp"), what="the publisher")
                assert codecs_of(ingest.server.pull_url("rtsp")) == ["aac", "h264"]
            assert run.end().kind is EndKind.STOPPED

    def test_one_that_wants_other_credentials_says_so(
        self, ingest: Ingest, egress: Path, small_clip: Path, tmp_path: Path
    ) -> None:
        with (
            camera(tmp_path, small_clip, credentials="else") as port,
            pulling(f"rtsp://ann:wr0ng@127.0.0.1:{port}/garden", to=ingest, egress=egress, name="rtsp") as run,
        ):
            end = run.end()
        assert end.kind is EndKind.FAILED
        assert end.reason == "The source wants other credentials: it answers 401 Unauthorized."


class TestRtmps:
    def test_is_fetched_by_tls(
        self,
        source: Ingest,
        ingest: Ingest,
        egress: Path,
        small_clip: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        files = certificate(tmp_path, "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        inner = int(source.server.pull_base_url.split(":")[2].split("/")[0])
        with (
            source.publishing("by-tls", small_clip),
            tls_in_front_of(inner, files) as (port, _),
            pulling(f"rtmps://localhost:{port}/live/by-tls", to=ingest, egress=egress, name="rtmps") as run,
        ):
            run.await_media()
            wait_until(lambda: ingest.server.find_publisher("rtmps"), what="the publisher")
            assert codecs_of(ingest.server.pull_url("rtmps")) == ["aac", "h264"]

    def test_one_with_an_unknown_certificate_is_refused_in_words(
        self, source: Ingest, ingest: Ingest, egress: Path, tmp_path: Path
    ) -> None:
        inner = int(source.server.pull_base_url.split(":")[2].split("/")[0])
        with (
            tls_in_front_of(inner, certificate(tmp_path, "localhost")) as (port, _),
            pulling(f"rtmps://localhost:{port}/live/by-tls", to=ingest, egress=egress, name="rtmps") as run,
        ):
            end = run.end()
        assert (end.kind, end.reason) == (EndKind.FAILED, "The source's certificate is not trusted.")


class TestOthers:
    def test_an_rtsp_server_that_sends_us_elsewhere_is_refused(self, ingest: Ingest, egress: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=_redirect, args=(server,), daemon=True)
            thread.start()
            port = server.getsockname()[1]
            with pulling(f"rtsp://127.0.0.1:{port}/camera", to=ingest, egress=egress, name="bad") as run:
                end = run.end()
        assert (end.kind, end.reason) == (
            EndKind.REFUSED,
            "The RTSP server sends us to another address, and is not followed.",
        )

    def test_srt_is_called_with_its_passphrase(self, ingest: Ingest, egress: Path, small_clip: Path) -> None:
        port = free_udp_port()
        listen = f"srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789s3cr3t"
        sending = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(small_clip)]
        with subprocess.Popen([*sending, "-c", "copy", "-f", "mpegts", listen], stdin=subprocess.DEVNULL) as listener:
            try:
                url = f"srt://127.0.0.1:{port}?passphrase=0123456789s3cr3t"
                with pulling(url, to=ingest, egress=egress, name="srt") as run:
                    run.await_media()
                    assert codecs_of(ingest.server.pull_url("srt")) == ["aac", "h264"]
            finally:
                listener.kill()


_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p")


def _film(folder: Path, *codecs: str, name: str, seconds: int = 6) -> bytes:
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=30:duration={seconds}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    path = folder / name
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", *picture, *sound, *codecs, "-movflags", "+faststart", str(path)]
    subprocess.run(argv, check=True, timeout=HANG_S)
    return path.read_bytes()


def _put_hls(web: Shelf, folder: Path, *, seconds: int = 8, is_over: bool = False) -> None:
    """Put a window of a few segments there."""
    film = folder / "film.ts"
    film.write_bytes(_film(folder, *_H264, "-c:a", "aac", name="film.ts", seconds=seconds))
    cut = ["-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", str(folder / "live.m3u8")]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(film), *cut], check=True, timeout=HANG_S)
    for path in folder.glob("live*"):
        web.files[f"/{path.name}"] = path.read_bytes().replace(
            b"#EXT-X-ENDLIST\n", b"" if not is_over else b"#EXT-X-ENDLIST\n"
        )


def _playlist(named: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n{named}\n#EXTINF:2,\n{named}\n"


def _redirect(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while head := connection.recv(4096):
            number = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
            is_first = head.startswith(b"OPTIONS")
            status = b"200 OK" if is_first else b"302 Moved\r\nLocation: rtsp://127.0.0.1:1/camera"
            connection.sendall(b"RTSP/1.0 " + status + b"\r\n" + number + b"\r\n\r\n")


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("file:///etc/passwd", "Give an address that begins with"),
            ("concat:a|b", "Give an address that begins with"),
            ("data:text/plain,a", "Give an address that begins with"),
            ("udp://239.0.0.1:1234", "Give an address that begins with"),
            ("rtmp:///live", "The address names no host"),
            ("rtmp://host:99999/live", "This is no address"),
            ("srt://host?streamid=a", "The address needs a port"),
            ("srt://host:1?mode=listener", "LiveHub calls the SRT source"),
            ("srt://host:1?ffs=1&localport=2", "Take out ffs, localport"),
            ("http://host/a b", "printable ASCII"),
            ("http://host/a\nfile 'b'", "printable ASCII"),
            ("http://" + "a" * 3000, "at most 2048"),
        ],
    )
    def test_others_are_refused_with_what_to_change(self, text: str, complaint: str) -> None:
        with pytest.raises(InvalidSourceError, match=complaint):
            PullUrl.parse(text)

    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("rtmp://ann:s3cr3t@host/live/a?k=v&l=w", "rtmp://***@host/live/a?k=***&l=***"),
            ("https://host:8443/a.m3u8?token", "https://host:8443/a.m3u8?token=***"),
            ("srt://host:9000?passphrase=s3cr3t", "srt://host:9000?passphrase=***"),
            ("rtsp://host/camera", "rtsp://host/camera"),
        ],
    )
    def test_are_shown_without_their_secrets(self, text: str, masked: str) -> None:
        assert PullUrl.parse(text).masked == masked
        assert "s3cr3t" not in repr(PullUrl.parse(text))

    def test_a_programs_words_are_told_without_them(self) -> None:
        url = PullUrl.parse("rtmp://ann:s3cr%40t@host/live/hidden-name?k=t0ken")
        words = "rtmp://ann:x@host/live: no stream hidden-name for t0ken of s3cr@t"
        assert url.hide(words) == "the address no stream *** for *** of ***"
