"""A disk that fills up: live goes on, and files of broadcasts that are over make room, oldest end first."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import disk_guard, tasks
from streams.livestreams.selectors import get_livestream_screen, get_overview, list_disks
from streams.livestreams.services import create_livestream
from streams.livestreams.states import DiskLevel, EventKind
from streams.livestreams.storage import local_storage
from streams.models import Livestream, Member, NodeDisk, Role, Session, SessionEvent, User
from streams.organizations.selectors import find_membership
from streams.organizations.services import SYSTEM, NewOrganization, create_organization
from tests.conftest import Broker
from tests.queues import untaken
from tests.runs import claimed, connected, ended
from tests.services import wait_until

_DISK_MB = 40
_BROADCAST_MB = 10
_OVER_ALL = 10_000_000


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The disk of the test run, with thresholds that it does not reach."""
    settings.PLAYBACK_DIR = tmp_path
    settings.DISK_WARN_PERCENT = settings.DISK_STOP_PERCENT = 100
    settings.DISK_WARN_MB = settings.DISK_STOP_MB = 0
    return tmp_path


@pytest.fixture
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own, on which three broadcasts are too many."""
    options = f"size={_DISK_MB}m,mode=0700"
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounting.returncode:
        pytest.skip(f"A disk can only be mounted by root: {mounting.stderr.strip()}")
    yield
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def broadcast(home: NewOrganization) -> Callable[[str], Session]:
    """Begin one that has written ten megabytes."""

    def begin(name: str) -> Session:
        session = connected(create_livestream(app=home.app, name=name, actor=SYSTEM))
        claimed(session)
        folder = _folder_of(session)
        folder.mkdir(parents=True)
        (folder / "1-0.m4s").write_bytes(bytes(_BROADCAST_MB << 20))
        session.refresh_from_db()
        return session

    return begin


def _folder_of(session: Session) -> Path:
    return local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)


def _over(session: Session, *, seconds_ago: int) -> Session:
    ended(session)
    Session.objects.filter(pk=session.pk).update(stopped_at=clock.now() - timedelta(seconds=seconds_ago))
    return session


def _removals() -> list[SessionEvent]:
    return list(SessionEvent.objects.filter(kind=EventKind.FILES_REMOVED).order_by("id"))


class TestGuardDisk:
    def test_removes_what_ended_first_and_no_more_than_is_needed(
        self, small_disk: None, settings: Settings, broadcast: Callable[[str], Session]
    ) -> None:
        settings.DISK_STOP_PERCENT = 60
        newer = _over(broadcast("newer"), seconds_ago=100)
        oldest = _over(broadcast("oldest"), seconds_ago=300)
        on_air = broadcast("on air")

        assert disk_guard.guard_disk() == 1

        assert [_folder_of(session).exists() for session in (oldest, newer, on_air)] == [False, True, True]
        assert [event.session_id for event in _removals()] == [oldest.pk]
        assert "The disk of main was full (75 % in use)" in _removals()[0].reason
        oldest.refresh_from_db()
        assert (oldest.file_nodes, oldest.is_recorded) == ([], False)
        disk = NodeDisk.objects.get()
        assert (disk.level, disk.total_bytes, disk.free_bytes) == (DiskLevel.FINE, _DISK_MB << 20, 20 << 20)
        assert disk_guard.guard_disk() == 0

    def test_never_touches_what_is_on_air_nor_what_may_still_be_written(
        self, settings: Settings, broadcast: Callable[[str], Session]
    ) -> None:
        settings.DISK_STOP_MB = _OVER_ALL
        kept = [broadcast("on air"), _over(broadcast("just over"), seconds_ago=5)]

        assert disk_guard.guard_disk() == 0

        assert all(_folder_of(session).exists() for session in kept)
        assert _removals() == []
        assert NodeDisk.objects.get().level == DiskLevel.FULL

    def test_removes_nothing_where_it_only_warns(self, settings: Settings, broadcast: Callable[[str], Session]) -> None:
        settings.DISK_WARN_MB = _OVER_ALL
        session = _over(broadcast("over"), seconds_ago=300)

        assert disk_guard.guard_disk() == 0

        assert _folder_of(session).exists()
        assert NodeDisk.objects.get().level == DiskLevel.LOW

    def test_leaves_other_nodes_files_to_them(self, settings: Settings, broadcast: Callable[[str], Session]) -> None:
        settings.DISK_STOP_MB = _OVER_ALL
        _over(broadcast("over"), seconds_ago=300)
        Session.objects.update(file_nodes=["north"])

        assert disk_guard.guard_disk() == 0

    def test_goes_on_with_the_next_where_one_cannot_be_removed(
        self, settings: Settings, broadcast: Callable[[str], Session], caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.DISK_STOP_MB = _OVER_ALL
        first, second = (_over(broadcast(f"{age}"), seconds_ago=age) for age in (300, 200))
        folder = _folder_of(first)
        folder.rename(folder.with_suffix(".aside"))
        # Not a folder, as what a run writes always is: this may be anybody's.
        folder.write_text("a file")

        assert disk_guard.guard_disk() == 1

        assert [event.session_id for event in _removals()] == [second.pk]
        assert "files not removed" in caplog.text

    def test_goes_on_with_others_where_none_of_the_oldest_can_be_removed(
        self, settings: Settings, broadcast: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(disk_guard, "_MOST_REMOVED_AT_ONCE", 2)
        settings.DISK_STOP_MB = _OVER_ALL
        *stuck, newest = (_over(broadcast(f"{age}"), seconds_ago=age) for age in (400, 300, 200))
        for session in stuck:
            folder = _folder_of(session)
            folder.rename(folder.with_suffix(".aside"))
            folder.write_text("a file")

        # Two of three are tried in any order: each time the newest is left out by one in three.
        wait_until(lambda: disk_guard.guard_disk() == 1, what="the one that can be removed")

        assert [event.session_id for event in _removals()] == [newest.pk]

    def test_knows_since_when(self, db: None, settings: Settings) -> None:
        tasks.guard_disk()
        settings.DISK_STOP_MB = _OVER_ALL
        tasks.guard_disk()
        full = NodeDisk.objects.get()

        tasks.guard_disk()

        disk = NodeDisk.objects.get()
        assert (disk.since, disk.level) == (full.since, DiskLevel.FULL)
        assert disk.seen_at > full.seen_at

    def test_looks_where_the_folder_will_be(self, db: None, settings: Settings, folder: Path) -> None:
        settings.PLAYBACK_DIR = folder / "playback"

        tasks.guard_disk()

        assert NodeDisk.objects.get().total_bytes > 0


class TestCallForDisks:
    def test_calls_this_node_those_known_and_those_with_files(
        self, broker: Broker, broadcast: Callable[[str], Session], capture: Capture
    ) -> None:
        _over(broadcast("over"), seconds_ago=5)
        Session.objects.update(file_nodes=["north"])
        _know("east", seen_ago=timedelta(days=6))
        _know("gone", seen_ago=timedelta(days=8))
        broker.queues.clear()

        with capture(execute=True):
            tasks.call_for_disks()

        assert broker.queues == [("streams.guard_disk", f"files.{node}") for node in ("east", "main", "north")]
        assert [disk.node for disk in list_disks()] == ["east"]

    def test_calls_no_node_again_that_does_not_come(self, db: None, broker: Broker, capture: Capture) -> None:
        with untaken("files.main"), untaken("files.main"), capture(execute=True):
            tasks.call_for_disks()

        assert broker.names == []


class TestTold:
    def test_to_an_only_organizations_owners_and_staff_on_the_overview_and_to_nobody_else(
        self, home: NewOrganization, owner: User
    ) -> None:
        _know("main", level=DiskLevel.FULL)
        _know("north", level=DiskLevel.LOW)
        _know("east", level=DiskLevel.FINE)

        concerns = get_overview(_membership_of(owner)).concerns

        assert [(concern.name, concern.label) for concern in concerns] == [
            ("Disk of main", "Full"),
            ("Disk of north", "Nearly full"),
        ]
        assert get_overview(Member(organization=home.organization, user=User(), role=Role.ADMIN)).concerns == []
        staff = Member(organization=home.organization, user=User(is_staff=True), role=Role.VIEWER)
        assert len(get_overview(staff).concerns) == 2
        create_organization(name="Contoso", email="owner@contoso.example", password="another horse battery")
        assert get_overview(_membership_of(owner)).concerns == []
        assert len(get_overview(staff).concerns) == 2

    @pytest.mark.parametrize(("level", "is_told"), [(DiskLevel.FULL, True), (DiskLevel.LOW, False)])
    def test_on_the_page_of_a_livestream(
        self, home: NewOrganization, livestream: Livestream, level: DiskLevel, is_told: bool
    ) -> None:
        _know("main", level=level)

        screen = get_livestream_screen(organization=home.organization, livestream_id=livestream.pk)

        assert screen.is_disk_full is is_told


def _membership_of(user: User) -> Member:
    member = find_membership(user)
    assert member is not None
    return member


def _know(node: str, *, level: DiskLevel = DiskLevel.FINE, seen_ago: timedelta = timedelta()) -> None:
    NodeDisk.objects.create(
        node=node,
        level=level,
        total_bytes=1000,
        free_bytes=100,
        used_percent=90.0,
        since=clock.now(),
        seen_at=clock.now() - seen_ago,
    )
