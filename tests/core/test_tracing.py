"""Steps of a broadcast's trace, as a receiver of OTLP/HTTP gets them from processes of ours."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.core.otlp import TraceReceiver, open_receiver
from tests.services import HANG_S, wait_until

# Tells the steps that it is given, with what came before told by another process, and ends as a program of ours does.
_TELL = """
import sys
import django
django.setup()
from uuid import UUID
from livehub.core import tracing
program, session_id, *steps = sys.argv[1:]
tracing.start(program)
for step in steps:
    tracing.note_step(
        UUID(session_id), step, began_ns=tracing.now_ns(), is_first=step == "first", attributes={"livehub.run.epoch": 1}
    )
tracing.stop()
print(any(name.startswith("opentelemetry.") for name in sys.modules), tracing.is_wanted())
"""
_TELL_EACH_LINE = """
import sys
import django
django.setup()
from uuid import UUID
from livehub.core import tracing
tracing.start(sys.argv[1])
for line in sys.stdin:
    tracing.note_step(UUID(sys.argv[2]), line.strip(), began_ns=tracing.now_ns(), attributes={})
tracing.stop()
"""
# Ends by itself, and tells what it has left only then.
_TELL_AND_END = _TELL.partition("tracing.stop()")[0]


def _environment(folder: Path, endpoint: str, **more: str) -> dict[str, str]:
    ours = {"DJANGO_SETTINGS_MODULE": "livehub.settings", "LIVEHUB_DATA_DIR": str(folder)}
    others = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LIVEHUB_"))}
    return {**others, **ours, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, since it takes a while to make keys."""
    return tmp_path_factory.mktemp("tracing")


@pytest.fixture
def receiver() -> Iterator[TraceReceiver]:
    with open_receiver() as found:
        yield found


def _tell(
    folder: Path, endpoint: str, program: str, session_id: UUID, *steps: str, code: str = _TELL, **more: str
) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-c", code, program, str(session_id), *steps]
    environment = _environment(folder, endpoint, **more)
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=120)


def test_of_all_processes_are_one_trace(folder: Path, receiver: TraceReceiver) -> None:
    session_id, another = uuid4(), uuid4()

    # In whatever order they are told.
    _tell(folder, receiver.url, "live", session_id, "second", "third")
    _tell(folder, receiver.url, "asgi", session_id, "first", code=_TELL_AND_END)
    _tell(folder, receiver.url, "live", another, "first")

    spans = {(span.attributes["livehub.session.id"], span.name): span for span in receiver.spans}
    first, second, third = (spans[str(session_id), name] for name in ("first", "second", "third"))
    assert first.trace_id == second.trace_id == third.trace_id != spans[str(another), "first"].trace_id
    assert first.parent_id == b""
    assert second.parent_id == third.parent_id == first.span_id
    assert len({span.span_id for span in receiver.spans}) == 4
    assert (first.program, second.program) == ("asgi", "live")
    assert first.attributes == {"livehub.session.id": str(session_id), "livehub.run.epoch": 1}
    assert all(span.began_ns <= span.ended_ns for span in receiver.spans)


def test_are_taken_whole_or_not_at_all_where_few_are_wanted(folder: Path, receiver: TraceReceiver) -> None:
    few = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    telling = """
import sys
import django
django.setup()
from uuid import UUID
from livehub.core import tracing
tracing.start(sys.argv[1])
for number in range(200):
    session_id = UUID(int=number << 80 | 0x4000_8000_0000_0000_0000)
    is_first = sys.argv[3] == "first"
    tracing.note_step(session_id, sys.argv[3], began_ns=1, is_first=is_first, attributes={})
tracing.stop()
"""
    for name in ("first", "second"):
        _tell(folder, receiver.url, "live", uuid4(), name, code=telling, **few)

    told = {name: {span.trace_id for span in receiver.spans if span.name == name} for name in ("first", "second")}
    assert told["first"] == told["second"]
    # By chance fewer than 60 of 200, or more than 140, come once in a hundred million.
    assert 60 <= len(told["first"]) <= 140


def test_cost_nothing_where_nobody_wants_them(folder: Path) -> None:
    told = _tell(folder, "", "live", uuid4(), "first", "second").stdout

    assert told.splitlines()[-1] == "False False"


def test_keep_nobody_waiting_for_who_never_answers(folder: Path) -> None:
    # More than wait for their turn at most: they are sent in six requests.
    steps = ["step"] * 3000

    with open_receiver(hangs=True) as receiver:
        ended = _tell(folder, receiver.url, "live", uuid4(), *steps)

        # The first of them had no answer when the process ended.
        assert len(receiver.bodies) == 1
    assert "Traceback" not in ended.stderr


def test_keep_nobody_waiting_for_who_is_not_there(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ended = _tell(folder, f"http://127.0.0.1:{closed.getsockname()[1]}", "live", uuid4(), *["step"] * 3000)

    assert ended.stdout.splitlines()[-1] == "True False"
    assert "Traceback" not in ended.stderr


def test_that_are_not_taken_are_told_of_once_and_without_the_address(folder: Path) -> None:
    with open_receiver(statuses=[401, 401, 200]) as receiver:
        endpoint = receiver.url.replace("127", "user:secret@127")
        environment = _environment(folder, endpoint, OTEL_BSP_SCHEDULE_DELAY="20")
        argv = [sys.executable, "-c", _TELL_EACH_LINE, "live", str(uuid4())]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=environment, text=True, stdin=pipe, stderr=pipe) as process:
            assert process.stdin is not None
            for count in (1, 2, 3):
                process.stdin.write("step\n")
                process.stdin.flush()
                wait_until(lambda wanted=count: len(receiver.bodies) == wanted, what="a request")  # type: ignore[misc]
            said = process.communicate(timeout=HANG_S)[1]

    assert said.count("traces are not taken") == 1
    assert said.count("traces are taken again lost=2") == 1
    assert "secret" not in said
    assert receiver.url.rpartition(":")[2] not in said


def test_have_to_be_sent_over_http(folder: Path) -> None:
    argv = [sys.executable, "-c", "import django; django.setup()"]
    environment = _environment(folder, "grpc://127.0.0.1:4317")

    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode != 0
    assert "OTEL_EXPORTER_OTLP_ENDPOINT must look like http://127.0.0.1:4318, for OTLP/HTTP." in ended.stderr
