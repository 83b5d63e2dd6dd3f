"""Recordings in an SFTP server's folder, which makes no links: they are passed on to whoever has one of ours."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.http.response import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client
from pytest_django import Settings

from livehub.core import clock
from streams.models import Lease, Recording, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import ranges
from streams.recordings.advancing import advance_recording
from streams.recordings.links import download_link
from streams.recordings.storage_services import create_storage_target
from streams.recordings.stores.base import StoreSettings
from tests.access.each import for_each
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.stores.servers import sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def stored(session: Session, home: NewOrganization, server: StoreSettings, settings: Settings) -> Recording:
    """A recording that was sent there by the recorder itself."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    storage = create_storage_target(
        app=home.app,
        type="sftp",
        actor=SYSTEM,
        name="Attic",
        host=server.host,
        port=server.port,
        path=server.path,
        username=server.username,
        private_key=server.private_key,
    )
    lease: Lease = went_live(session)
    Recording.objects.update(storage=storage)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(4)
    broadcast.end()
    is_over(lease)
    advance_recording(recording_id=Recording.objects.get().pk)
    recording = Recording.objects.get()
    assert (recording.status, recording.problem) == ("uploaded", "")
    return recording


@pytest.fixture
def path(stored: Recording) -> str:
    link = download_link(stored)
    assert link is not None
    parts = urlsplit(link.url)
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def content(stored: Recording, server: StoreSettings) -> bytes:
    """As it lies on the server's disk."""
    return (Path(server.path) / stored.object_name).read_bytes()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have these few seconds take several."""
    monkeypatch.setattr(ranges, "_PIECE", 10_000)


def _body(answer: HttpResponseBase) -> bytes:
    if isinstance(answer, StreamingHttpResponse):
        return b"".join(answer)  # Whoever has read it has closed it.
    assert isinstance(answer, HttpResponse)
    return answer.content


def test_are_passed_on_as_they_are(path: str, content: bytes) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(content)))
    assert answer["Content-Disposition"].startswith("attachment")
    assert _body(answer) == content


@for_each("asked, start, end", [("bytes=100-199", 100, 200), ("bytes=1000-", 1000, None), ("bytes=-50", -50, None)])
def test_players_fetch_what_they_need(path: str, content: bytes, asked: str, start: int, end: int | None) -> None:
    answer = Client().get(path, headers={"Range": asked})

    wanted = content[start:end]
    first = start % len(content)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(content)}"
    assert _body(answer) == wanted


def test_there_is_nothing_behind_the_end(path: str, content: bytes) -> None:
    answer = Client().get(path, headers={"Range": f"bytes={len(content)}-"})

    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(content)}")


@for_each("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-2", "bytes=-"])
def test_what_is_no_range_is_the_whole(path: str, content: bytes, asked: str) -> None:
    answer = Client().get(path, headers={"Range": asked})

    assert (answer.status_code, len(_body(answer))) == (200, len(content))


def test_say_in_words_that_they_are_gone(path: str, stored: Recording, server: StoreSettings) -> None:
    (Path(server.path) / stored.object_name).unlink()

    answer = Client().get(path)

    assert answer.status_code == 404
    assert "it was removed there" in answer.content.decode()


def test_those_who_read_slowly_leave_room_for_others(path: str, content: bytes) -> None:
    readers = [Client().get(path) for _ in range(2)]

    late = Client().get(path)
    assert (late.status_code, late["Retry-After"], "Too many files" in late.content.decode()) == (503, "10", True)

    for reader in readers:
        assert _body(reader) == content
    assert _body(Client().get(path)) == content


def test_who_asks_for_its_head_alone_holds_nothing(path: str, content: bytes) -> None:
    for _ in range(6):
        answer = Client().head(path)
        assert (answer.status_code, answer["Content-Length"]) == (200, str(len(content)))
