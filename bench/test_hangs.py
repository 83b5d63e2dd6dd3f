"""Figures of what hangs: how soon a broadcast goes on, how soon an encoder is cut or told, whatever else is going on.

`make bench`, or `python -m pytest -m bench -s bench/test_hangs.py`.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from streams.media.journal import segment_name
from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.e2e.processes import ffmpegs, hung
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_RUNS = 3
_NEW_MEDIA_BUDGET_S = 10
_CLOSED_BUDGET_S = 20
_CUT_BUDGET_S = 2
_HOOK_BUDGET_S = 2
_HOT_BUDGET = 0.95
_HOT_WINDOW_S = 30
_FILES = 10_000
_REMOVALS = 30
# A broadcast that is over for longer than its files are kept.
_EXPIRED_SESSION = """
from datetime import timedelta
from django.utils import timezone
from streams.models import Livestream, Session
then = timezone.now() - timedelta(days=1)
row = Session.objects.create(livestream=Livestream.objects.latest("created_at"), status="ended", stopped_at=then,
    file_nodes=["main"])
print(row.pk.hex[:16])
"""
_REMOVE = "from celery import current_app as c; c.send_task('streams.keep_up_playback', queue='files.main')"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@contextmanager
def _live(stream: Stream) -> Iterator[object]:
    with publishing(stream.publish_url, size="320x180", kbps=300) as encoder:
        stream.await_status("LIVE", timeout_s=30)
        yield encoder


def _seconds(figure: str, taken: list[float], *, budget_s: float) -> None:
    listed = " ".join(f"{each:.2f}" for each in sorted(taken))
    print(f"\n{figure}, s: {listed}; median {statistics.median(taken):.2f} (<= {budget_s})")
    assert max(taken) <= budget_s


@pytest.mark.parametrize("pulls", [False, True], ids=["transcoder", "pull"])
def test_new_media_after_a_hung_ffmpeg(stack: RunningStack, pulls: bool) -> None:
    taken = [_new_media_after_s(stack, pulls=pulls) for _ in range(_RUNS)]
    _seconds(f"new media after a hung {'pull' if pulls else 'transcoder'}", taken, budget_s=_NEW_MEDIA_BUDGET_S)


def _new_media_after_s(stack: RunningStack, *, pulls: bool) -> float:
    stream = Integrator.of(stack).create()
    with _live(stream):
        before, started = run_of(stream), time.monotonic()
        with hung(ffmpegs(stack, pulls=pulls)):
            wait_until(lambda: run_of(stream) not in {before, None}, timeout_s=60, what="new media")
            return time.monotonic() - started


def test_closed_after_its_encoder_left(stack: RunningStack) -> None:
    """With both ffmpegs hung, so that nobody reads to the end of the stream."""
    taken = []
    for _ in range(_RUNS):
        stream = Integrator.of(stack).create()
        with publishing(stream.publish_url, size="320x180", kbps=300) as encoder:
            stream.await_status("LIVE", timeout_s=30)
            with hung(ffmpegs(stack, pulls=True) + ffmpegs(stack, pulls=False)):
                encoder.stop()
                started = time.monotonic()
                stream.await_status("OFFLINE", timeout_s=60)
                taken.append(time.monotonic() - started)
    _seconds("closed after its encoder left, ffmpegs hung", taken, budget_s=_CLOSED_BUDGET_S)


def test_cut_while_files_are_removed(stack: RunningStack) -> None:
    taken = [_cut_after_s(stack) for _ in range(_RUNS)]
    _seconds(f"cut of a disabled key while {_REMOVALS} x {_FILES} files are removed", taken, budget_s=_CUT_BUDGET_S)


def _cut_after_s(stack: RunningStack) -> float:
    folders = [_expired_files(stack) for _ in range(_REMOVALS)]
    stream = Integrator.of(stack).create()
    with publishing(stream.publish_url, size="320x180", kbps=300) as encoder:
        stream.await_status("LIVE", timeout_s=30)
        stack.manage("shell", "-c", _REMOVE)
        wait_until(lambda: _present(folders) < len(folders), timeout_s=30, what="the removal")
        started = time.monotonic()
        stream.integrator.call("PUT", f"{stream.path}/disable")
        wait_until(lambda: not encoder.is_connected, timeout_s=30, what="the cut")
        took = time.monotonic() - started
        assert _present(folders) > 0, "The files were gone before the encoder was."
    wait_until(lambda: _present(folders) == 0, timeout_s=120, what="the files' end")
    return took


def _present(folders: list[Path]) -> int:
    return sum(folder.exists() for folder in folders)


def _expired_files(stack: RunningStack) -> Path:
    """Make a session whose files wait for their removal, and return their folder."""
    stream = Integrator.of(stack).create()
    session = stack.manage("shell", "-c", _EXPIRED_SESSION).split()[-1]
    playback_id = httpx.URL(stream.created["playback_url"]).path.split("/")[2]
    folder = stack.data_dir / "playback" / playback_id / session
    (folder / "v0").mkdir(parents=True)
    for number in range(_FILES):
        (folder / "v0" / segment_name(epoch=1, msn=number)).touch()
    return folder


def test_hook_while_redis_hangs(stack: RunningStack) -> None:
    streams = [Integrator.of(stack).create() for _ in range(_RUNS)]
    with hung([stack.pids()["redis"]]):
        answers = [_publish(stack, stream) for stream in streams]
    assert {status for status, _ in answers} == {302}
    _seconds("publish hook, admitted while Redis hangs", [took for _, took in answers], budget_s=_HOOK_BUDGET_S)


def test_hook_while_the_row_is_locked(stack: RunningStack) -> None:
    answers = []
    for _ in range(_RUNS):
        stream = Integrator.of(stack).create()
        with _locked(stack, stream):
            answers.append(_publish(stack, stream))
    assert {status for status, _ in answers} == {503}
    _seconds("publish hook, refused while its row is locked", [took for _, took in answers], budget_s=_HOOK_BUDGET_S)


def _publish(stack: RunningStack, stream: Stream) -> tuple[int, float]:
    token = (stack.data_dir / "secrets" / "ingest_hook_token").read_text()
    fields = {"call": "publish", "name": stream.created["stream_key"], "clientid": "1", "addr": "127.0.0.1"}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(stack.data_dir / "run" / "asgi.sock"))) as nginx:
        started = time.monotonic()
        answer = nginx.post(
            f"http://localhost/internal/ingest/publish?token={token}&node=main", data=fields, timeout=30
        )
        return answer.status_code, time.monotonic() - started


@contextmanager
def _locked(stack: RunningStack, stream: Stream) -> Iterator[None]:
    with _database(stack) as connection, connection.transaction():
        connection.execute("SELECT 1 FROM streams_livestream WHERE id = %s FOR UPDATE", (stream.created["id"],))
        yield


def _database(stack: RunningStack) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(host=str(stack.data_dir / "run" / "postgres"), user="livehub", dbname="livehub")


def test_share_of_heap_only_renewals(stack: RunningStack) -> None:
    stream = Integrator.of(stack).create()
    with _live(stream):
        before = _updates(stack)
        time.sleep(_HOT_WINDOW_S)
        after = _updates(stack)
    for table in ("streams_lease", "streams_connection"):
        updates, hot = (after[table][each] - before[table][each] for each in range(2))
        print(f"\n{table}: {hot} of {updates} updates in {_HOT_WINDOW_S} s were heap-only (>= {_HOT_BUDGET:.0%})")
        assert updates >= _HOT_WINDOW_S / 2
        assert hot >= _HOT_BUDGET * updates


def _updates(stack: RunningStack) -> dict[str, tuple[int, int]]:
    counted = "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
    with _database(stack) as connection:
        rows = connection.execute(counted).fetchall()
    return {str(name): (int(str(updates)), int(str(hot))) for name, updates, hot in rows}
