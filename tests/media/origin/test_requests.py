import pytest

from streams.media.media_playlist import Form
from streams.media.origin.requests import (
    PermissionRequest,
    RefusedError,
    Request,
    Wanted,
    parse_request,
    parse_target,
    target_of,
)
from streams.media.origin.rules import Viewer

FOLDER = "pb_1/0123456789abcdef"
RECORDED = "pb_1/recordings/4f0c9e1b-7a2d-4c38-9b0e-0a5d3f6e7c11"


class TestTarget:
    def test_names_a_playlist(self) -> None:
        assert parse_target(f"/{FOLDER}/v0/index.m3u8") == Wanted(FOLDER, "v0")

    def test_says_what_it_waits_for(self) -> None:
        wanted = parse_target(f"/{FOLDER}/v0/index.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")

        assert wanted == Wanted(FOLDER, "v0", Form(is_delta=True), msn=7, part=2)

    def test_may_be_of_the_live_edge_alone(self) -> None:
        assert parse_target(f"/{FOLDER}/a0/index.m3u8?dvr=0").form == Form(is_edge=True)

    def test_may_be_of_first_pictures(self) -> None:
        assert parse_target(f"/{FOLDER}/v1/iframes.m3u8").is_key_frames

    def test_names_a_part(self) -> None:
        assert parse_target(f"/{FOLDER}/v0/2-17.3.m4s").file_name == "2-17.3.m4s"

    @pytest.mark.parametrize(
        "target",
        [
            f"/{FOLDER}/v0/index.m3u8",
            f"/{FOLDER}/v0/index.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES&dvr=0",
            f"/{FOLDER}/v0/iframes.m3u8",
            f"/{FOLDER}/v0/1-2.m4s",
            f"/{FOLDER}/v0/1-2.3.m4s",
            f"/{FOLDER}/v0/1-0.init.mp4",
            "/pb_1/index.m3u8",
            "/pb_1/live.m3u8",
            "/pb_1/thumbnail.jpg",
            "/pb_1/preview.webp",
            f"/{FOLDER}/storyboard.vtt",
            f"/{FOLDER}/pictures/1-1000.jpg",
            f"/{FOLDER}/pictures/1-1000-25.jpg",
            "/pb_1/recordings/index.m3u8",
            f"/{RECORDED}/video.m3u8",
            f"/{RECORDED}/media.mp4",
            f"/{RECORDED}/pictures/poster.jpg",
        ],
    )
    def test_can_be_asked_of_another(self, target: str) -> None:
        assert target_of(parse_target(target)) == target

    @pytest.mark.parametrize(
        "query", ["_HLS_part=1", "_HLS_msn=-1", "_HLS_msn=", "_HLS_msn=1e3", "_HLS_msn=9999999999999", "_HLS_msn=٣"]
    )
    def test_has_numbers_that_can_be(self, query: str) -> None:
        with pytest.raises(RefusedError) as caught:
            parse_target(f"/{FOLDER}/v0/index.m3u8?{query}")
        assert caught.value.status == 400

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            f"/{FOLDER}/v0/",
            f"/../{FOLDER}/v0/index.m3u8",
            f"/..//{FOLDER}/v0/index.m3u8",
            "/pb_1/../0123456789abcdef/v0/index.m3u8",
            "/pb_1/0123456789ABCDEF/v0/index.m3u8",
            f"/{FOLDER}/..%2fv0/index.m3u8",
            f"/{FOLDER}/v0/1.journal",
            f"/{FOLDER}/pictures/index.m3u8",
            f"/{FOLDER}/pictures/1-1000.webp",
            "/pb_1/storyboard.vtt",
            f"/{FOLDER}/v0/index.m3u8\n",
        ],
    )
    def test_is_nothing_else(self, path: str) -> None:
        with pytest.raises(RefusedError) as caught:
            parse_target(path)
        assert caught.value.status == 404


class TestRequest:
    def test_says_how_it_is_answered(self) -> None:
        head = f"HEAD /{FOLDER}/v0/index.m3u8 HTTP/1.1\r\nAccept-Encoding: gzip\r\nConnection: close"

        assert parse_request(head.encode()) == Request(Wanted(FOLDER, "v0"), is_head=True, takes_gzip=True, closes=True)

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (f"POST /{FOLDER}/v0/index.m3u8 HTTP/1.1", 405),
            (f"GET /{FOLDER}/v0/index.m3u8", 400),
            (f"GET  /{FOLDER}/v0/index.m3u8 HTTP/1.1", 400),
            (f"GET /{FOLDER}/v0/index.m3u8 HTTP/2.0", 400),
            (f"GET /{FOLDER}/v0/index.m3u8 HTTP/1.1\r\nContent-Length: 5", 400),
            (f"GET /{FOLDER}/v0/index.m3u8 HTTP/1.1\r\nTransfer-Encoding: chunked", 400),
            ("\x00\xff", 400),
        ],
    )
    def test_is_refused_when_it_is_none_of_ours(self, head: str, status: int) -> None:
        with pytest.raises(RefusedError) as caught:
            parse_request(head.encode("latin-1"))
        assert caught.value.status == status


class TestPermissionRequest:
    @pytest.mark.parametrize(
        ("sent", "origin"),
        [
            ("", ""),
            ("Origin: https://shop.example\r\n", "https://shop.example"),
            ("Origin: https://caf\xe9.example\r\n", "null"),
            (f"Origin: https://{'x' * 300}\r\n", "null"),
            ("Origin: https://a https://b\r\n", "null"),
        ],
    )
    def test_names_a_viewer(self, sent: str, origin: str) -> None:
        head = f"GET /permission HTTP/1.1\r\nX-Playback-Id: pb_1\r\nX-Playback-Token: a.b.c\r\n{sent}Host: x"

        asked = parse_request(head.encode("latin-1"))

        assert isinstance(asked, PermissionRequest)
        assert asked.viewer == Viewer("pb_1", "a.b.c", origin)

    @pytest.mark.parametrize("playback_id", ["", "pb_" + "x" * 62, "pb/1", "pb_1&playback_id=pb_2"])
    def test_names_nothing_that_cannot_be(self, playback_id: str) -> None:
        asked = parse_request(f"GET /permission HTTP/1.1\r\nX-Playback-Id: {playback_id}".encode())

        assert isinstance(asked, PermissionRequest)
        assert asked.viewer.playback_id == ""


class TestRange:
    def test_of_a_recordings_media_is_told(self) -> None:
        head = f"GET /{RECORDED}/media.mp4 HTTP/1.1\r\nRange: bytes=0-99".encode()

        asked = parse_request(head)

        assert isinstance(asked, Request)
        assert asked.wanted == Wanted(RECORDED, "", file_name="media.mp4", byte_range="bytes=0-99")

    @pytest.mark.parametrize("header", ["", "Range: bytes=5-", "Range: bytes=-5", "Range: bytes=1-2,4-5"])
    def test_has_to_have_both_ends(self, header: str) -> None:
        with pytest.raises(RefusedError) as refused:
            parse_request(f"GET /{RECORDED}/media.mp4 HTTP/1.1\r\n{header}".encode())

        assert refused.value.status == 400
