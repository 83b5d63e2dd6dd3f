"""A killed worker's sessions are run by its successor at once. The killed one is a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from streams.livestreams import leases, repeats, sweeps
from streams.livestreams.states import EventKind
from streams.livestreams.worker_locks import WorkerLocks
from streams.models import Lease, Livestream
from tests.runs import claimed, connected

_HOLDER = """
import sys, time
from pathlib import Path
from streams.livestreams.worker_locks import WorkerLocks
WorkerLocks(Path(sys.argv[1])).hold(sys.argv[2])
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def locks(tmp_path: Path) -> WorkerLocks:
    return WorkerLocks(tmp_path / "workers")


@pytest.fixture
def killed(tmp_path: Path, locks: WorkerLocks) -> str:
    """Name a worker that was killed while it held its lock."""
    argv = [sys.executable, "-c", _HOLDER, str(tmp_path / "workers"), "killed"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with locks.of_the_dead() as names:
            assert names == []
        process.kill()
    return "killed"


class TestLocks:
    def test_of_the_living_are_left_alone(self, locks: WorkerLocks) -> None:
        locks.hold("living")
        with locks.of_the_dead() as names:
            assert names == []

    def test_of_the_dead_are_found_once(self, locks: WorkerLocks, killed: str) -> None:
        with locks.of_the_dead() as names:
            assert names == [killed]
            # Who else looks for them meanwhile.
            with locks.of_the_dead() as others:
                assert others == []
        with locks.of_the_dead() as names:
            assert names == []

    def test_of_the_dead_are_found_again_if_nothing_came_of_it(self, locks: WorkerLocks, killed: str) -> None:
        with pytest.raises(ConnectionError), locks.of_the_dead():
            raise ConnectionError
        with locks.of_the_dead() as names:
            assert names == [killed]

    def test_need_no_folder(self, tmp_path: Path) -> None:
        with WorkerLocks(tmp_path / "none").of_the_dead() as names:
            assert names == []


@pytest.mark.django_db
class TestSuccession:
    def test_runs_what_the_killed_one_held(
        self, locks: WorkerLocks, killed: str, livestream: Livestream, enqueued: list[str], capture: Capture
    ) -> None:
        session = connected(livestream)
        claimed(session, worker=killed)
        enqueued.clear()
        with capture(execute=True):
            sweeps.call_for_sessions_of_the_dead(locks)
        assert enqueued == ["streams.run_session"]
        lease = leases.claim_session(session_id=session.pk, worker="next", node="main")
        assert lease is not None
        assert session.events.filter(kind=EventKind.RUN_LOST).count() == 1

    def test_leaves_what_the_killed_one_had_let_go(
        self, locks: WorkerLocks, killed: str, livestream: Livestream, enqueued: list[str], capture: Capture
    ) -> None:
        session = connected(livestream)
        repeats.postpone_session(claimed(session, worker=killed), message="No room.")
        enqueued.clear()
        with capture(execute=True):
            sweeps.call_for_sessions_of_the_dead(locks)
        assert enqueued == []
        assert Lease.objects.get().until is None

    def test_leaves_what_others_hold(
        self, locks: WorkerLocks, killed: str, livestream: Livestream, enqueued: list[str], capture: Capture
    ) -> None:
        session = connected(livestream)
        claimed(session, worker="another")
        enqueued.clear()
        with capture(execute=True):
            sweeps.call_for_sessions_of_the_dead(locks)
        assert enqueued == []
        assert leases.claim_session(session_id=session.pk, worker="next", node="main") is None
