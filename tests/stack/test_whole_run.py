"""`manage.py run` for real: started once, looked at from outside, hurt, stopped, started again."""

import json
import os
import re
import signal
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.reruns import unused_name
from tests.services import HANG_S, wait_until
from tests.stack import ipv6, whole
from tests.stack.whole import RunningStack, first_start, running_stack

pytestmark = pytest.mark.e2e

PROGRAMS = {
    "postgres",
    "redis",
    "web",
    "asgi",
    "origin",
    "egress",
    "edge",
    "collector",
    "live",
    "urgent",
    "webhooks",
    "files",
    "recordings",
    "gate",
    "ingest",
}
# One of each kind; `egress`, `files`, `gate`, `origin`, `recordings` and `webhooks` show that who does not hang stays.
HANGING = {"web", "asgi", "live", "urgent"}
# A depth at which a Unix socket inside the data folder would have too long a path.
DEEP = Path("a-folder-with-a-long-name") / ("deep" * 12) / "and a blank"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / DEEP


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[RunningStack]:
    with first_start(folder) as running:
        yield running


def request(
    stack: RunningStack,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Message, bytes]:
    url = f"{stack.base_url}{path}"
    wanted = urllib.request.Request(url, method=method, data=body, headers=headers or {})  # noqa: S310  # Our own http.
    try:
        with urllib.request.urlopen(wanted, timeout=HANG_S) as response:  # noqa: S310
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def is_ready(stack: RunningStack) -> bool:
    try:
        return request(stack, "/readyz")[0] == 200
    except OSError:
        return False


class TestRunning:
    def test_runs_every_program_and_is_ready(self, stack: RunningStack) -> None:
        assert set(stack.pids()) == PROGRAMS
        answer = json.loads(request(stack, "/readyz")[2])
        components = {
            "database",
            "broker",
            "ingest",
            "gate",
            "origin",
            "asgi",
            "live_worker",
            "urgent_worker",
            "webhooks_worker",
        }
        assert answer == {"status": "ok", "missing": [], "components": dict.fromkeys(components, "ok")}

    def test_every_program_of_ours_shows_that_it_lives(self, stack: RunningStack) -> None:
        def beats() -> dict[str, int]:
            return {path.stem: path.stat().st_mtime_ns for path in stack.runtime_dir.glob("*.beat")}

        before = beats()
        assert before.keys() == HANGING | {"collector", "egress", "files", "gate", "origin", "recordings", "webhooks"}
        wait_until(lambda: not before.items() & beats().items(), what="the next beats")

    def test_shows_and_keeps_the_credentials(self, stack: RunningStack) -> None:
        path = stack.data_dir / "credentials.json"

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        # It is no terminal: the output may be a log.
        assert stack.credentials["password"] not in stack.output
        assert stack.credentials["email"] in stack.output
        assert f"{stack.credentials['rtmp_url']}STREAM_KEY" in stack.output

    def test_logs_and_configuration_are_nobody_elses(self, stack: RunningStack) -> None:
        assert stat.S_IMODE(stack.logs.stat().st_mode) == 0o700
        token = (stack.data_dir / "secrets" / "ingest_hook_token").read_text()
        assert not [log for log in stack.logs.iterdir() if token in log.read_text(errors="replace")]

    def test_nothing_of_it_is_open_to_other_users(self, stack: RunningStack) -> None:
        # Their servers know no other mode; the folder that they are in admits nobody.
        made_for_all = {"asgi.sock", "ingest-control.sock"}
        paths = [path for folder in (stack.data_dir, stack.runtime_dir) for path in (folder, *folder.rglob("*"))]

        is_open = {path for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()}

        assert len(paths) > 500
        assert {path.name for path in is_open} <= made_for_all

    def test_writes_no_query_string_down(self, stack: RunningStack) -> None:
        secret = "what-nobody-may-write-down"
        paths = ["/", "/log-in", "/nowhere", "/admin/", "/admin/nowhere", "/v2/livestreams", "/v2/none", "/client/v4/x"]
        paths += ["/readyz", "/healthz", "/internal/ingest/publish", "/ws/overview", "/playback/x", "/static/x"]
        paths += ["/last"]
        for path in paths:
            for method in ("GET", "POST"):
                request(stack, f"{path}?token={secret}", method=method, body=b"x" if method == "POST" else None)
        hook = f"/internal/ingest/publish?token={secret}"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(stack.runtime_dir / "asgi.sock"))) as ingest:
            assert ingest.post(f"http://localhost{hook}", data={"name": secret}).status_code == 404

        wait_until(lambda: '"POST /last"' in (stack.logs / "edge.log").read_text(), what="the log")

        assert not [log.name for log in stack.logs.iterdir() if secret in log.read_text(errors="replace")]

    def test_runs_the_database_without_rights_on_the_machine(self, stack: RunningStack) -> None:
        status = Path(f"/proc/{stack.pids()['postgres']}/status").read_text()

        assert set(re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\t(.*)$", status, re.MULTILINE)) == {"0" * 16}
        asked = "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        with psycopg.connect(host=str(stack.runtime_dir / "postgres"), user="livehub", dbname="livehub") as connection:
            assert connection.execute(asked).fetchone() == (False,)

    def test_refuses_a_second_run_on_the_same_folder(self, stack: RunningStack, tmp_path: Path) -> None:
        environment = whole.stack_environment(tmp_path, LIVEHUB_DATA_DIR=str(stack.data_dir))

        process, output_path = whole.start(tmp_path, environment)

        assert process.wait(timeout=HANG_S) == 1
        assert (
            f"already runs on the data folder {stack.data_dir} (process {stack.process.pid})" in output_path.read_text()
        )

    def test_names_the_holder_of_a_port(self, stack: RunningStack, tmp_path: Path) -> None:
        environment = whole.stack_environment(tmp_path, LIVEHUB_RTMP_PORT=str(stack.rtmp_port))

        process, output_path = whole.start(tmp_path, environment)

        assert process.wait(timeout=HANG_S) == 1
        assert f"Port {stack.rtmp_port} is in use by nginx (process " in output_path.read_text()

    # Two instances that get in each other's way break the whole suite: there is one in each of two workers.
    @pytest.mark.chaos
    def test_lets_another_instance_run_beside_it(self, stack: RunningStack, tmp_path: Path) -> None:
        with running_stack(tmp_path) as other:
            wait_until(lambda: is_ready(other), what="the other instance")
            assert other.credentials["organization_id"] != stack.credentials["organization_id"]
        assert is_ready(stack)


class TestKeys:
    MAKE = """
from streams.models import Organization
from streams.organizations.services import SYSTEM, create_api_key
organization = Organization.objects.get(pk="{organization_id}")
print(create_api_key(organization=organization, name="{name}", kind="bearer", actor=SYSTEM)[1])
"""
    REVOKE = """
import time
from streams.models import ApiKey
from streams.organizations.services import SYSTEM, revoke_api_key
revoke_api_key(api_key=ApiKey.objects.get(name="{name}"), actor=SYSTEM)
print(time.time())
"""

    def test_a_revocation_elsewhere_holds_in_every_process_within_a_second(self, stack: RunningStack) -> None:
        organization_id, app_id = stack.credentials["organization_id"], stack.credentials["app_id"]
        name = unused_name("Short-lived")
        path = f"/client/v4/accounts/{organization_id}/realtime/kit/{app_id}/livestreams"
        key = stack.manage("shell", "-v0", "-c", self.MAKE.format(organization_id=organization_id, name=name)).strip()
        as_program = {"Authorization": f"Bearer {key}"}
        # A first run of this test has shown a revoked one too often.
        wait_until(lambda: request(stack, path, headers=as_program)[0] == 200, what="a try for another key")

        with ThreadPoolExecutor(max_workers=8) as executor:
            statuses = executor.map(lambda _: request(stack, path, headers=as_program)[0], range(40))
            assert set(statuses) == {200}
            # Kept in use, so that every process remembers it at the moment of the revocation.
            revoking = executor.submit(stack.manage, "shell", "-v0", "-c", self.REVOKE.format(name=name))
            while not revoking.done():
                request(stack, path, headers=as_program)
            revoked_at = float(revoking.result())
            wait_until(lambda: time.time() - revoked_at >= 1, what="a second")
            # Too many of them are not looked at any more.
            assert {request(stack, path, headers=as_program)[0] for _ in range(40)} <= {401, 429}


_NEW_LIVESTREAM = """
from streams.livestreams.services import create_livestream
from streams.models import App
from streams.organizations.services import SYSTEM
print(create_livestream(app=App.objects.first(), name="", actor=SYSTEM).playback_id)
"""


_NOBODYS = "00000000-0000-4000-8000-000000000000"


class TestEdge:
    def test_keeps_the_hooks_inside(self, stack: RunningStack) -> None:
        for path in ("/internal/ingest/publish", "//internal/ingest/publish", "/%69nternal/ingest/publish"):
            status, _, page = request(stack, path, method="POST", body=b"name=x")
            # The edge's own page: Django never heard of it.
            assert (status, b"<center>nginx</center>" in page) == (404, True)

    def test_refuses_large_bodies_in_the_shape_of_the_interface(self, stack: RunningStack) -> None:
        body = b"x" * (2 * 1024 * 1024)

        status, headers, answer = request(stack, "/v2/livestreams", method="POST", body=body)

        assert (status, headers["Content-Type"]) == (413, "application/json")
        assert json.loads(answer)["error"]["type"] == "payload_too_large"
        assert request(stack, "/healthz", method="POST", body=body)[0] == 413

    def test_lets_larger_bodies_in_where_pictures_are_sent(self, stack: RunningStack) -> None:
        found = {}
        for size in (4_900_000, 5_500_000, 7_000_000):
            for path in ("/v2/livestreams/x/slate", f"/livestreams/{_NOBODYS}/slate"):
                status, _, answer = request(stack, path, method="PUT", body=bytes(size))
                found[size, path.startswith("/v2")] = (status, b"larger than 5 MB" in answer)

        # Nobody is logged in, and no key was shown: what reaches LiveHub gets no further.
        assert {size for (size, _), (status, _) in found.items() if status == 413} == {7_000_000}
        assert [says for (size, _), (_, says) in found.items() if size == 7_000_000] == [True, True]

    def test_serves_media_to_every_origin(self, stack: RunningStack) -> None:
        folder = _playback_id(stack)
        files = {
            f"{folder}/index.m3u8": "application/vnd.apple.mpegurl",
            f"{folder}/0123456789abcdef/v0/1-0.init.mp4": "video/mp4",
            f"{folder}/0123456789abcdef/v0/1-0.m4s": "video/iso.segment",
        }
        for name in files:
            path = stack.data_dir / "playback" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 600)

        # Browsers refuse a stream with two of these headers, and say so only when they send an Origin.
        from_page = {"Origin": "https://player.example"}
        found = {name: request(stack, f"/playback/{name}", headers=from_page) for name in files}

        for status, headers, _ in found.values():
            assert (status, headers.get_all("Access-Control-Allow-Origin")) == (200, ["*"])
        assert {name: headers["Content-Type"] for name, (_, headers, _) in found.items()} == files
        playlist, _, segment = (headers for _, headers, _ in found.values())
        assert playlist["Cache-Control"] == "no-cache"
        assert segment["Cache-Control"] == "public, max-age=31536000, immutable"

    @pytest.mark.parametrize("path", ["missing.m4s", "", "pb_test/", ".hidden/x.m4s", "../credentials.json"])
    def test_says_404_to_browsers_too_and_lets_nobody_keep_it(self, stack: RunningStack, path: str) -> None:
        hidden = stack.data_dir / "playback" / ".hidden"
        hidden.mkdir(exist_ok=True)
        (hidden / "x.m4s").touch()

        status, headers, _ = request(stack, f"/playback/{path}")

        assert status == 404
        if ".." not in path:
            assert headers.get_all("Access-Control-Allow-Origin") == ["*"]
            assert headers["Cache-Control"] == "no-store"

    def test_says_that_nothing_is_there_to_who_asks_quietly(self, stack: RunningStack) -> None:
        status, headers, _ = request(stack, f"/playback/{_playback_id(stack)}/index.m3u8?quiet=1")

        assert (status, headers["Cache-Control"]) == (204, "no-store")
        assert headers.get_all("Access-Control-Allow-Origin") == ["*"]

    def test_answers_preflights(self, stack: RunningStack) -> None:
        status, headers, _ = request(stack, "/playback/pb_test/index.m3u8", method="OPTIONS")

        assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert "Range" in headers["Access-Control-Allow-Headers"]

    def test_lets_hashed_assets_be_kept_for_ever(self, stack: RunningStack) -> None:
        hashed = next((stack.data_dir / "static" / "admin" / "css").glob("base.????????????.css"))

        for name, cache in ((hashed.name, "public, max-age=31536000, immutable"), ("base.css", "no-cache")):
            status, headers, _ = request(stack, f"/static/admin/css/{name}")
            assert (status, headers["Cache-Control"], headers["Content-Type"]) == (
                200,
                cache,
                "text/css; charset=utf-8",
            )


class TestRecovery:
    def test_starts_again_whatever_is_killed(self, stack: RunningStack) -> None:
        before = stack.pids()

        for pid in before.values():
            os.kill(pid, signal.SIGKILL)

        wait_until(
            lambda: stack.pids().keys() == PROGRAMS and not set(before.values()) & set(stack.pids().values()),
            what="new processes",
        )
        wait_until(lambda: is_ready(stack), what="ready again")

    def test_replaces_what_hangs_and_nothing_else(self, stack: RunningStack) -> None:
        before = stack.pids()

        for name in HANGING:
            os.kill(before[name], signal.SIGSTOP)

        wait_until(
            lambda: (
                stack.pids().keys() == PROGRAMS and not {before[name] for name in HANGING} & {*stack.pids().values()}
            ),
            timeout_s=60,
            what="new processes",
        )
        wait_until(lambda: is_ready(stack), what="ready again")
        untouched = PROGRAMS - HANGING
        assert {name: stack.pids()[name] for name in untouched} == {name: before[name] for name in untouched}
        assert "live does nothing any more and is killed" in stack.output

    def test_says_so_while_the_web_process_is_away(self, stack: RunningStack) -> None:
        os.kill(stack.pids()["web"], signal.SIGKILL)

        # Its workers end with it, a moment later.
        wait_until(lambda: request(stack, "/v2/livestreams")[0] == 503, what="the end of its workers")
        status, headers, body = request(stack, "/v2/livestreams")
        assert (status, headers["Content-Type"], json.loads(body)["error"]["type"]) == (
            503,
            "application/json",
            "unavailable",
        )
        assert b"One moment" in request(stack, "/")[2]
        wait_until(lambda: is_ready(stack), what="ready again")


def test_a_second_start_loses_nothing_and_may_be_on_an_ipv6_address_alone(stack: RunningStack, folder: Path) -> None:
    assert stack.stop() == 0
    assert not whole.leftovers(stack.data_dir)
    elsewhere = {"LIVEHUB_BIND": ipv6.LOOPBACK} if ipv6.has_ipv6() else {"LIVEHUB_PUBLIC_URL": "http://127.0.0.1:8000"}

    with running_stack(folder, **elsewhere) as again:
        made_once = ("email", "password", "organization_id", "app_id", "api_key", "liveapi_key_secret")
        assert {name: again.credentials[name] for name in made_once} == {  # type: ignore[literal-required]
            name: stack.credentials[name]  # type: ignore[literal-required]  # The names are in the tuple above.
            for name in made_once
        }
        if not ipv6.has_ipv6():
            assert again.credentials["dyte_base_url"] == "http://127.0.0.1:8000/v2"
            pytest.skip("this machine has no IPv6: the second start was on IPv4")
        assert again.credentials["dyte_base_url"] == f"http://[::1]:{again.http_port}/v2"
        ipv6.assert_everything_is_reached(again)


@pytest.mark.parametrize(
    "stop_signal",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.chaos),
        pytest.param(signal.SIGHUP, marks=pytest.mark.chaos),
    ],
)
def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path, stop_signal: signal.Signals) -> None:
    environment = whole.stack_environment(tmp_path)
    process, _ = whole.start(tmp_path, environment)
    log = tmp_path / "var" / "logs" / "supervisor.log"
    wait_until(
        lambda: log.exists() and "spawned: 'postgres'" in log.read_text(), timeout_s=60, what="the first program"
    )

    process.send_signal(stop_signal)

    assert process.wait(timeout=HANG_S) == 0
    wait_until(lambda: not whole.leftovers(tmp_path / "var"), what="programs to end")


@pytest.mark.chaos
def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    environment = whole.stack_environment(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    process, output_path = whole.start(tmp_path, environment)

    assert process.wait(timeout=90) == 1
    assert "PostgreSQL does not answer" in output_path.read_text()
    assert "DATABASE_URL" in output_path.read_text()
    assert not whole.leftovers(tmp_path / "var")


@pytest.mark.chaos
def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        stack.process.kill()
        stack.process.wait()
        wait_until(lambda: not whole.leftovers(stack.data_dir), what="programs to end")

    with running_stack(tmp_path) as again:
        assert again.credentials["password"] == stack.credentials["password"]


def _playback_id(stack: RunningStack) -> str:
    """Return under which a new livestream is played; not by the API, which lets nobody guess keys from our address."""
    return stack.manage("shell", "-c", _NEW_LIVESTREAM).split()[-1]
