"""Targets that refuse, hang, dawdle or lie: each is named, and the good one beside them gets everything."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.media import rtmp_servers
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.media.rtmp_servers import certificate, listening, refused_port, tls_in_front_of
from tests.media.shelved_clips import ShelvedClip, ShelvedSession
from tests.media.simulcaster import Simulcaster, simulcaster
from tests.services import wait_until

# Enough that a target that takes 50 kB/s cannot keep up.
_KBPS = 3000


@pytest.fixture(scope="module")
def clip() -> ShelvedClip:
    """3 s of constant 3 Mbit/s, a key frame every second."""
    rate = f"bitrate={_KBPS}:vbv-maxrate={_KBPS}:vbv-bufsize={_KBPS}:nal-hrd=cbr:filler=1"
    return ShelvedClip(flv(size="320x180", gop=30, seconds=3, x264=rate))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: certificate(folder, name) for name in ("localhost", "elsewhere.example", "unknown.example")}


@pytest.fixture(scope="module")
def program(
    tmp_path_factory: pytest.TempPathFactory, clip: ShelvedClip, certificates: dict[str, tuple[Path, Path]]
) -> Iterator[Simulcaster]:
    """One program for all of them: none is to harm another."""
    folder = tmp_path_factory.mktemp("bad")
    trusted = folder / "trusted.pem"
    trusted.write_bytes(b"".join(certificates[name][0].read_bytes() for name in ("localhost", "elsewhere.example")))
    session = ShelvedSession(folder / "session", clip)
    with session.going_on(), simulcaster(session.folder, SSL_CERT_FILE=str(trusted)) as running:
        yield running


@pytest.fixture(scope="module")
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _url(ingest: Ingest) -> str:
    return ingest.server.pull_base_url.rstrip("/")


def _port(ingest: Ingest) -> int:
    return int(_url(ingest).split(":")[2].split("/")[0])


@pytest.fixture(scope="module")
def good(program: Simulcaster, ingest: Ingest) -> None:
    program.put("good", _url(ingest), "good")
    program.await_state("good", "broadcasting")


@pytest.fixture(scope="module")
def lazy(program: Simulcaster, good: None, servers: ExitStack) -> None:
    """Those that take their time to be found out; they go on beside all other tests."""
    for name, behave in (
        ("silent", rtmp_servers.say_nothing),
        ("stalled", rtmp_servers.take_nothing),
        ("slow", rtmp_servers.take_slowly),
        ("reset", rtmp_servers.reset),
    ):
        port = servers.enter_context(listening(behave))
        program.put(name, f"rtmp://127.0.0.1:{port}/live", "key-of-theirs")


@pytest.mark.usefixtures("lazy")
class TestNamed:
    def test_one_that_refuses(self, program: Simulcaster) -> None:
        program.put("refused", f"rtmp://127.0.0.1:{refused_port()}/live", "key")

        assert program.await_state("refused", "retrying", "refused")["message"] == (
            "The server refuses connections. Check the address and its port."
        )

    def test_a_key_that_is_in_use(self, program: Simulcaster, ingest: Ingest) -> None:
        program.put("second", _url(ingest), "good")

        program.await_state("second", "retrying", "name_in_use")

    def test_another_application(self, program: Simulcaster, ingest: Ingest) -> None:
        program.put("unknown", _url(ingest).replace("/live", "/other"), "key")

        program.await_state("unknown", "retrying", "closed")

    def test_what_does_not_speak_rtmp(self, program: Simulcaster, servers: ExitStack) -> None:
        port = servers.enter_context(listening(rtmp_servers.speak_http))
        program.put("http", f"rtmp://127.0.0.1:{port}/live", "key")

        program.await_state("http", "retrying", "not_rtmp")

    def test_an_address_inside(self, program: Simulcaster) -> None:
        program.put("inside", "rtmp://10.0.0.1/live", "key")

        told = program.await_state("inside", "retrying", "address_inside")
        assert "have whoever runs LiveHub allow its network" in told["message"]

    def test_another_service_s_port(self, program: Simulcaster) -> None:
        program.put("mail", "rtmp://127.0.0.1:25/live", "key")

        program.await_state("mail", "retrying", "invalid_address")

    def test_a_name_that_nobody_has(self, program: Simulcaster) -> None:
        program.put("nobody", "rtmp://nobody.invalid/live", "key")

        program.await_state("nobody", "retrying", "unknown_host")

    def test_one_that_cuts_the_connection(self, program: Simulcaster) -> None:
        program.await_state("reset", "retrying", "reset")

    def test_one_that_says_nothing(self, program: Simulcaster) -> None:
        program.await_state("silent", "retrying", "silent")

    def test_one_that_takes_nothing_any_more(self, program: Simulcaster) -> None:
        program.await_state("stalled", "retrying", "stalled")

    def test_one_that_is_too_slow_goes_on_with_what_it_can_take(self, program: Simulcaster) -> None:
        told = program.await_state("slow", "broadcasting", "too_slow")

        assert told["rate"] < _KBPS * 1000 / 8 / 2
        assert told["tries"] == 1


class TestCertificates:
    def test_one_that_is_known_is_gone_to_by_its_name(
        self, program: Simulcaster, ingest: Ingest, certificates: dict[str, tuple[Path, Path]]
    ) -> None:
        with tls_in_front_of(_port(ingest), certificates["localhost"]) as (port, asked):
            program.put("tls", f"rtmps://localhost:{port}/live", "over-tls")
            wait_until(lambda: ingest.server.find_publisher("over-tls"), what="the publisher")
            program.await_bytes("tls", 100_000)
            program.say(do="remove", id="tls")

        assert set(asked) == {"localhost"}

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("unknown.example", "self-signed"),
            ("elsewhere.example", "for another host name"),
        ],
    )
    def test_others_are_refused_with_the_reason(
        self, program: Simulcaster, ingest: Ingest, certificates: dict[str, tuple[Path, Path]], name: str, words: str
    ) -> None:
        with tls_in_front_of(_port(ingest), certificates[name]) as (port, _):
            program.put(name, f"rtmps://localhost:{port}/live", "key")
            told = program.await_state(name, "retrying", "certificate")

        assert words in told["message"]
        assert ingest.server.find_publisher("key") is None

    def test_a_server_without_tls_is_named(self, program: Simulcaster, servers: ExitStack) -> None:
        port = servers.enter_context(listening(rtmp_servers.speak_http))
        program.put("plain", f"rtmps://127.0.0.1:{port}/live", "key")

        program.await_state("plain", "retrying", "tls")


def test_the_good_one_is_unharmed(program: Simulcaster, lazy: None) -> None:
    program.await_state("stalled", "retrying", "stalled")
    program.await_state("slow", "broadcasting", "too_slow")
    before = program.told["good"]["bytes"]

    program.await_bytes("good", before + 1_000_000)

    assert program.states["good"] == [("starting", ""), ("broadcasting", "")]
    assert program.told["good"]["tries"] == 1
