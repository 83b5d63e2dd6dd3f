"""What a worker does for simulcasts: rows become connections to a real nginx-rtmp, and what becomes of them is told."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings

from streams.livestreams import leases, outputs
from streams.livestreams.outputs import NewOutput
from streams.livestreams.simulcast_program import SimulcastProgram
from streams.livestreams.simulcasting import Simulcasts
from streams.livestreams.storage import local_storage
from streams.models import Lease, Livestream, Output, Session
from streams.organizations.services import SYSTEM
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.media.shelved_clips import ShelvedClip, ShelvedSession
from tests.runs import claimed, connected, ended
from tests.services import wait_until

# A thread of its own looks at the rows.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def clip() -> ShelvedClip:
    return ShelvedClip(flv(size="320x180", gop=30, seconds=3))


@pytest.fixture
def session(livestream: Livestream) -> Session:
    session = connected(livestream)
    leases.mark_live(claimed(session))
    return Session.objects.select_related("livestream").get(pk=session.pk)


@pytest.fixture
def simulcasts(session: Session, clip: ShelvedClip, settings: Settings, tmp_path: Path) -> Iterator[Simulcasts]:
    settings.PLAYBACK_DIR = tmp_path
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    folder = local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)
    found = Simulcasts("first")
    with ShelvedSession(folder, clip).going_on():
        found.begin(session)
        yield found
        found.end(session.pk)
        wait_until(lambda: _program(session) is None, what="the program's end")


def _program(session: Session) -> psutil.Process | None:
    folder = str(local_storage().session_folder(session.livestream.playback_id, session_id=session.pk))
    return next((child for child in psutil.Process().children() if folder in _argv(child)), None)


def _argv(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):  # It has just ended.
        return process.cmdline()
    return []


def _simulcast(livestream: Livestream, ingest: Ingest, key: str) -> Output:
    new = NewOutput(type="simulcast", uri=ingest.server.pull_base_url.rstrip("/"), stream_key=key)
    return outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)


def _await_state(output: Output, state: str) -> None:
    wait_until(lambda: Output.objects.get(pk=output.pk).push_state == state, what=f"{state}")


def test_one_that_is_added_while_live_is_sent_there_and_counted(
    simulcasts: Simulcasts, livestream: Livestream, ingest: Ingest
) -> None:
    output = _simulcast(livestream, ingest, "added")

    wait_until(lambda: ingest.server.find_publisher("added"), what="the publisher")
    _await_state(output, "broadcasting")
    wait_until(lambda: Output.objects.get(pk=output.pk).push_bytes > 50_000, what="its bytes")


def test_switches_while_live(simulcasts: Simulcasts, livestream: Livestream, ingest: Ingest) -> None:
    output = _simulcast(livestream, ingest, "switched")
    wait_until(lambda: ingest.server.find_publisher("switched"), what="the publisher")

    outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=False)

    wait_until(lambda: not ingest.server.find_publisher("switched"), what="its end")
    outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=True)
    wait_until(lambda: ingest.server.find_publisher("switched"), what="its return")
    _await_state(output, "broadcasting")


def test_off_and_on_within_a_moment_is_seen(simulcasts: Simulcasts, livestream: Livestream, ingest: Ingest) -> None:
    output = _simulcast(livestream, ingest, "flickers")
    _await_state(output, "broadcasting")

    for enabled in (False, True):
        outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=enabled)
    output.refresh_from_db()
    assert output.push_state == "idle"

    _await_state(output, "broadcasting")


def test_one_that_is_deleted_while_live_is_sent_there_no_more(
    simulcasts: Simulcasts, livestream: Livestream, ingest: Ingest
) -> None:
    output = _simulcast(livestream, ingest, "deleted")
    wait_until(lambda: ingest.server.find_publisher("deleted"), what="the publisher")

    outputs.delete_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)

    wait_until(lambda: not ingest.server.find_publisher("deleted"), what="its end")


def test_is_tried_again_at_once_when_somebody_asks(
    simulcasts: Simulcasts, livestream: Livestream, ingest: Ingest
) -> None:
    """By itself it would only be after 15 s and more: it was taken, and dropped at once."""
    output = _simulcast(livestream, ingest, "again")
    _await_state(output, "broadcasting")
    ingest.server.drop_publisher("again")
    _await_state(output, "retrying")

    outputs.retry_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)

    _await_state(output, "broadcasting")
    first, second = (event for event in output.push_events.all() if event.state == "broadcasting")
    assert (first.at - second.at).total_seconds() < 15


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_program_that_does_nothing_any_more_is_started_again(
    simulcasts: Simulcasts, session: Session, livestream: Livestream, ingest: Ingest, number: int
) -> None:
    output = _simulcast(livestream, ingest, f"lost-{number}")
    _await_state(output, "broadcasting")
    program = _program(session)
    assert program is not None

    os.kill(program.pid, number)

    wait_until(lambda: (new := _program(session)) is not None and new.pid != program.pid, what="another program")
    wait_until(lambda: ingest.server.find_publisher(f"lost-{number}"), what="its return")


def test_no_key_is_in_an_argument_or_the_environment(
    simulcasts: Simulcasts, session: Session, livestream: Livestream, ingest: Ingest
) -> None:
    output = _simulcast(livestream, ingest, "very-secret")
    _await_state(output, "broadcasting")

    program = _program(session)

    assert program is not None
    assert "very-secret" not in " ".join([*program.cmdline(), *program.environ().values()])


def test_what_another_worker_sends_by_now_is_left_to_it(
    simulcasts: Simulcasts, session: Session, livestream: Livestream, ingest: Ingest
) -> None:
    output = _simulcast(livestream, ingest, "taken-over")
    _await_state(output, "broadcasting")

    Lease.objects.filter(pk=session.pk).update(worker="second")

    wait_until(lambda: not ingest.server.find_publisher("taken-over"), what="its end")
    wait_until(lambda: _program(session) is None, what="the program's end")


def test_the_end_of_the_session_ends_them(
    simulcasts: Simulcasts, session: Session, livestream: Livestream, ingest: Ingest
) -> None:
    output = _simulcast(livestream, ingest, "ends")
    _await_state(output, "broadcasting")

    ended(session)
    simulcasts.end(session.pk)

    wait_until(lambda: not ingest.server.find_publisher("ends"), what="its end")
    assert Output.objects.get(pk=output.pk).push_state == "idle"


def test_one_that_the_machine_has_no_room_for_is_tried_again_later(livestream: Livestream, ingest: Ingest) -> None:
    program = SimulcastProgram(Path("/nowhere"), label="one that is not started")
    program.put(_simulcast(livestream, ingest, "late"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        program.keep_up()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert program.has_ended

    # Not at once, and not as often as it is looked after.
    program.keep_up()
    assert program.has_ended
    wait_until(lambda: _is_tried(program), what="another try")
    program.close()


def _is_tried(program: SimulcastProgram) -> bool:
    program.keep_up()
    return not program.has_ended
