"""The page of the instance itself."""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import psutil
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.livestreams import repeats
from streams.livestreams.services import create_livestream
from streams.livestreams.states import DiskLevel
from streams.models import Lease, Member, NodeDisk, Role, Session, User
from streams.organizations.services import SYSTEM, NewOrganization
from streams.system.screen import count_trouble, get_system_screen
from tests.dashboard.conftest import get_html, squeezed
from tests.dashboard.websocket import opened
from tests.hangs.servers import hung_redis
from tests.runs import claimed, connected

# The parts are asked in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def _disk(level: DiskLevel = DiskLevel.FINE) -> NodeDisk:
    return NodeDisk.objects.create(
        node="main",
        level=level,
        total_bytes=200_000_000_000,
        free_bytes=3_000_000_000,
        used_percent=97.6,
        since=clock.now(),
        seen_at=clock.now(),
    )


class TestSystemPage:
    def test_names_every_part_with_version_and_state(self, browser: Client) -> None:
        html = squeezed(get_html(browser, "/system"))

        parts = {part.name: part for part in get_system_screen().components}
        # Those of who watches: tests/analytics/test_upkeep.py, test_heard.py.
        names = (
            *("PostgreSQL", "Redis", "Ingest", "Gate", "Egress", "Edge", "Web", "ASGI", "Origin", "Collector"),
            *("Beat", "Figures", "ffmpeg", "Viewers"),
        )
        assert tuple(parts) == names
        assert all(f'<th scope="row">{name}' in html for name in names)
        for name in ("PostgreSQL", "Redis"):
            part = parts[name]
            assert (part.label, part.tone) == ("Runs", "live")
            assert part.version[0].isdigit()
            assert part.since is not None
            assert part.since < clock.now()
        assert parts["ffmpeg"].label == "Ready"
        assert parts["Edge"].version.startswith("nginx ")
        # None of these are there without a stack.
        assert (parts["Ingest"].label, parts["Ingest"].trouble) == ("Down", "Does not answer (ConnectError)")
        assert "Does not answer (ConnectError)" in html
        assert "Not there:" in html

    def test_knows_this_nodes_workers_that_do_not_answer(self, browser: Client) -> None:
        html = squeezed(get_html(browser, "/system"))

        rows = get_system_screen().workers
        assert [row.name for row in rows] == [
            "live@main",
            "urgent@main",
            "webhooks@main",
            "files@main",
            "recordings@main",
        ]
        assert {row.label for row in rows} == {"No answer"}
        assert "live@main" in html

    def test_shows_each_nodes_disk(self, browser: Client) -> None:
        _disk(DiskLevel.FULL)

        html = squeezed(get_html(browser, "/system"))

        assert '<tr id="disk-main"' in html
        assert ">Full</span>" in html
        assert "98 %" in html

    def test_shows_each_edge_with_its_collector(self, browser: Client) -> None:
        assert "Edges</h2>" not in get_html(browser, "/system")
        now = clock.now()
        for edge, ago_s in (("main", 1), ("north", 300)):
            heard_at = now - timedelta(seconds=ago_s)
            LogCursor.objects.create(
                edge=edge, file_id="f", offset=1, lines=1_234_567, rejected={"bot": 40, "torn": 2}, heard_at=heard_at
            )
        for edge in ("main", "north"):
            SessionNow.objects.create(session_id=uuid4(), edge=edge, counted=1_500, estimated=20, at=now)

        html = squeezed(get_html(browser, "/system"))

        main, north = (re.search(rf'<tr id="edge-{edge}".*?</tr>', html, re.DOTALL) for edge in ("main", "north"))
        assert main is not None
        assert north is not None
        assert ">Heard</span>" in main[0]
        assert "1,500 and about 20</td>" in main[0]
        # Those that were not counted are none of those that were.
        assert '1,234,567 counted, 42 not<span class="sub">40 of crawlers, 2 torn</span>' in main[0]
        # Whether somebody watches there nobody knows.
        assert ">Silent</span>" in north[0]
        assert "not known</td>" in north[0]
        # What stands among the parts says the same.
        viewers = re.search(r'<tr id="part-viewers".*?</tr>', html, re.DOTALL)
        assert viewers is not None
        assert ">Silent</span>" in viewers[0]
        assert "Who watches at north is not counted at the moment" in viewers[0]

    def test_says_how_busy_the_machine_is(self, browser: Client) -> None:
        machine = get_system_screen().machine

        assert machine.cores == len(os.sched_getaffinity(0))
        assert machine.memory_bytes == psutil.virtual_memory().total
        assert 0 < machine.memory_used_bytes < machine.memory_bytes
        assert re.search(r"Load \d+\.\d on \d+ cores?, ", get_html(browser, "/system"))

    def test_counts_what_runs_what_waits_and_what_went_wrong(self, home: NewOrganization) -> None:
        for name in ("runs", "waits", "waits longer"):
            connected(create_livestream(app=home.app, name=name, actor=SYSTEM))
        running, _, longest = Session.objects.order_by("created_at")
        long_ago = clock.now() - timedelta(minutes=3)
        Session.objects.filter(pk=longest.pk).update(created_at=long_ago)
        lease = claimed(running)
        repeats.retry_session(lease, message="It broke.")
        Lease.objects.update(not_before=None)
        claimed(running)

        screen = get_system_screen()

        assert (screen.running, screen.waiting, screen.waiting_since) == (1, 2, long_ago)
        assert (screen.failed_runs, screen.takeovers) == (1, 0)

    def test_names_what_waits_and_what_a_busy_machine_leaves_out(
        self, browser: Client, home: NewOrganization, abroad: NewOrganization, owner: User
    ) -> None:
        User.objects.filter(pk=owner.pk).update(is_staff=True)
        assert "Broadcasts that lack something" not in get_html(browser, "/system")
        ours, theirs, fine = (
            connected(create_livestream(app=made.app, name=name, actor=SYSTEM))
            for made, name in ((home, "Ours"), (abroad, "Theirs"), (home, "Fine"))
        )
        for session in (theirs, fine):
            claimed(session)
        Session.objects.filter(pk=theirs.pk).update(left_out=["1080p", "720p"], left_out_since=clock.now())

        html = squeezed(get_html(browser, "/system"))

        waiting, reduced = html.partition('data-testid="waiting"')[2], html.partition('data-testid="reduced"')[2]
        assert f'<a href="/livestreams/{ours.livestream_id}" dir="auto">Ours</a>' in waiting
        assert "Waits for a place" in waiting
        assert 'dir="auto">Theirs</span>' in reduced
        assert "Contoso" in reduced
        assert "1080p and 720p left out: its machine is too busy" in reduced
        assert "Fine</" not in waiting.partition("</section>")[0]

    def test_counts_what_went_wrong_without_reading_what_else_happened(self, home: NewOrganization) -> None:
        session = connected(create_livestream(app=home.app, name="runs", actor=SYSTEM))
        repeats.retry_session(claimed(session), message="It broke.")
        with CaptureQueriesContext(connection) as captured:
            assert count_trouble()["run_failed"] == 1
        (asked,) = captured.captured_queries

        with transaction.atomic(), connection.cursor() as cursor:
            # As where the table is long.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {asked['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "Index Only Scan using session_event_trouble" in plan

    def test_tells_whether_the_clock_of_the_sweeps_goes(self, db: None) -> None:
        def beat() -> str:
            return next(part.label for part in get_system_screen().components if part.name == "Beat")

        assert beat() == "Not heard yet"
        _disk()
        assert beat() == "Runs"
        NodeDisk.objects.update(seen_at=clock.now() - timedelta(minutes=2))
        assert beat() == "Silent"

    def test_is_there_while_redis_hangs(self, browser: Client) -> None:
        with hung_redis():
            html = squeezed(get_html(browser, "/system"))

        assert "PostgreSQL" in html

    def test_is_for_owners_and_support_staff(
        self, home: NewOrganization, operator: User, log_in: Callable[[User], Client]
    ) -> None:
        assert log_in(operator).get("/system").status_code == 403
        assert "/system" not in get_html(log_in(operator), "/")
        operator.is_staff = True
        operator.save()

        assert 'href="/system"' in get_html(log_in(operator), "/system")

    def test_is_not_for_an_owner_where_others_are_concerned(
        self, browser: Client, owner: User, abroad: NewOrganization, log_in: Callable[[User], Client]
    ) -> None:
        async def watch() -> int:
            async with opened("/ws/system", owner) as socket:
                return await socket.closing_code()

        assert browser.get("/system").status_code == 403
        assert 'href="/system"' not in get_html(browser, "/")
        assert asyncio.run(watch()) == 4404
        owner.is_staff = True
        owner.save()
        assert 'href="/system"' in get_html(log_in(owner), "/system")

    def test_moves_by_itself(self, owner: User) -> None:
        async def watch() -> tuple[str, str]:
            async with opened("/ws/system", owner) as socket:
                return await socket.fragments(), await socket.fragments()

        first, second = asyncio.run(watch())

        assert 'id="system"' in first
        assert 'id="system"' in second
        assert 'hx-swap-oob="outerMorph"' in second

    def test_hears_nothing_as_somebody_else(self, home: NewOrganization, operator: User) -> None:
        assert Member.objects.get(user=operator).role == Role.OPERATOR

        async def watch() -> int:
            async with opened("/ws/system", operator) as socket:
                return await socket.closing_code()

        assert asyncio.run(watch()) == 4404
