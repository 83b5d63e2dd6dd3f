"""Whoever reads the feed misses nothing that was committed, and gets it once, whoever commits when."""

import random
import re
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from livehub.core import clock, crypto
from streams.models import App
from streams.organizations.services import NewOrganization
from tests.services import wait_until
from tests.webhooks.apart import apart
from webhooks import feed
from webhooks.feed import CursorUnknownError
from webhooks.models import Event
from webhooks.outbox import Happening, record

pytestmark = pytest.mark.django_db(transaction=True)

# Tests of other processes run in the same cluster, each in a transaction that the feed waits for.
_OTHERS_S = 120
_FOREIGN = 10**9


class _ChangedMindError(Exception):
    pass


@pytest.fixture
def app(home: NewOrganization) -> App:
    return home.app


def happen(app: App, *, subject_id: UUID | None = None) -> UUID:
    """Write something down, and return its event's uid."""
    subject_id = subject_id or uuid4()
    names = ["livestream.live"]
    with transaction.atomic():
        record(
            Happening(
                app_id=app.pk,
                type="livestream.live",
                names=names,
                subject_type="livestream",
                subject_id=subject_id,
                at=clock.now(),
                facts={},
            )
        )
    return Event.objects.filter(subject_id=subject_id).order_by("-sequence")[0].uid


class Reader:
    """A program that polls."""

    def __init__(self, app: App, *, limit: int = feed.EVENTS_MAX) -> None:
        self.app, self.limit = app, limit
        self.cursor = ""
        self.seen: list[UUID] = []
        self.events: list[Event] = []

    def poll(self) -> list[UUID]:
        """Read all that there is, a page at a time, and return what was new."""
        before = len(self.seen)
        has_more = True
        while has_more:
            page = feed.list_events(self.app, after=self.cursor, limit=self.limit)
            self.events += page.events
            self.seen += [event.uid for event in page.events]
            self.cursor, has_more = page.cursor, page.has_more
        return self.seen[before:]

    def poll_until(self, count: int) -> None:
        wait_until(lambda: self.poll() is not None and len(self.seen) >= count, timeout_s=_OTHERS_S, what="the feed")


class TestOrderOfCommits:
    def test_what_began_earlier_and_commits_later_is_not_missed(self, app: App) -> None:
        reader = Reader(app)
        with apart() as slow:
            first = slow.do(lambda: happen(app))
            second = happen(app)

            assert reader.poll() == []
            slow.commit()
            reader.poll_until(2)

        assert reader.seen == [first, second]

    def test_nor_where_the_later_ones_id_is_the_smaller_one(self, app: App) -> None:
        reader = Reader(app)
        with apart() as slow:
            # It has written something, and so a number, but no event yet.
            slow.do(lambda: app.save())
            quick = happen(app)
            late = slow.do(lambda: happen(app))
            ids = dict(Event.objects.values_list("uid", "pk")) | slow.do(
                lambda: dict(Event.objects.filter(uid=late).values_list("uid", "pk"))
            )
            assert ids[quick] < ids[late]

            assert reader.poll() == []
            slow.commit()
            reader.poll_until(2)

        assert reader.seen == [late, quick]

    def test_a_rollback_leaves_nothing_and_holds_nobody_up(self, app: App) -> None:
        reader = Reader(app)
        with apart() as slow:
            slow.do(lambda: happen(app))
            kept = happen(app)
            assert reader.poll() == []
            slow.roll_back()
            reader.poll_until(1)

        assert reader.seen == [kept]

    def test_a_transaction_within_has_the_number_of_the_one_around_it(self, app: App) -> None:
        reader = Reader(app)
        with apart() as slow, apart() as other:
            slow.do(lambda: app.save())
            theirs = other.do(lambda: happen(app))
            other.commit()
            inner = slow.do(lambda: happen(app))

            assert reader.poll() == []
            slow.commit()
            reader.poll_until(2)

        assert reader.seen == [inner, theirs]

    def test_who_only_reads_holds_nobody_up(self, app: App) -> None:
        reader = Reader(app)
        with apart() as slow:
            slow.do(Event.objects.count)
            happened = happen(app)

            reader.poll_until(1)

        assert reader.seen == [happened]

    def test_one_subjects_events_stand_in_the_order_of_their_sequence(self, app: App) -> None:
        """Also where the later one's transaction had begun to write before the earlier one's."""
        reader, subject_id = Reader(app), uuid4()
        with apart() as slow:
            slow.do(lambda: app.save())
            first = happen(app, subject_id=subject_id)
            second = slow.do(lambda: happen(app, subject_id=subject_id))
            slow.commit()
            reader.poll_until(2)

        assert reader.seen == [first, second]

    def test_many_writers_at_once_with_a_reader_among_them(self, app: App) -> None:
        reader = Reader(app, limit=3)
        subjects = [uuid4() for _ in range(3)]
        writers = [threading.Thread(target=_write, args=(app, subjects, seed), daemon=True) for seed in range(5)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            reader.poll()
        committed = set(Event.objects.values_list("uid", flat=True))
        reader.poll_until(len(committed))

        assert set(reader.seen) == committed
        assert len(reader.seen) == len(committed) > 100
        for subject_id in subjects:
            sequences = [event.sequence for event in reader.events if event.subject_id == subject_id]
            assert sequences == list(range(1, 1 + len(sequences)))


class TestPages:
    def test_lead_on_from_each_other(self, app: App) -> None:
        happened = [happen(app) for _ in range(5)]
        Reader(app).poll_until(5)

        first = feed.list_events(app, limit=2)
        second = feed.list_events(app, after=first.cursor, limit=2)
        third = feed.list_events(app, after=second.cursor, limit=2)
        nothing = feed.list_events(app, after=third.cursor, limit=2)

        pages = (first, second, third, nothing)
        assert [[event.uid for event in page.events] for page in pages] == [
            happened[:2],
            happened[2:4],
            happened[4:],
            [],
        ]
        assert [page.has_more for page in pages] == [True, True, False, False]
        assert nothing.cursor == third.cursor
        # One that has room for just what there is.
        assert not feed.list_events(app, limit=5).has_more

    def test_a_cursor_of_nothing_leads_to_what_comes(self, app: App) -> None:
        cursor = feed.list_events(app).cursor
        happened = happen(app)
        Reader(app).poll_until(1)

        (event,) = feed.list_events(app, after=cursor).events

        assert (event.uid, event.type) == (happened, "livestream.live")

    def test_have_nothing_of_another_app_and_no_tests(self, app: App, abroad: NewOrganization) -> None:
        test = happen(app)
        Event.objects.filter(uid=test).update(names=[])
        happen(abroad.app)
        ours = happen(app)

        reader = Reader(app)
        reader.poll_until(1)

        assert reader.seen == [ours]


class TestCursors:
    @pytest.mark.parametrize(
        "cursor", ["x", "?", "\x00", "é", "AAAA", "A" * 33, urlsafe_b64encode(b"\xff" * 24).decode()]
    )
    def test_that_are_none_are_refused(self, app: App, cursor: str) -> None:
        with pytest.raises(CursorUnknownError):
            feed.list_events(app, after=cursor)

    def test_of_another_cluster_are_refused(self, app: App) -> None:
        ours = _opened(feed.list_events(app).cursor)
        theirs = bytes([ours[0] ^ 1]) + ours[1:]

        with pytest.raises(CursorUnknownError):
            feed.list_events(app, after=_sealed(theirs))

    def test_of_transactions_that_have_not_been_are_refused(self, app: App) -> None:
        """A cluster that was brought back to an earlier moment."""
        ours = _opened(feed.list_events(app).cursor)
        later = ours[:8] + _FOREIGN.to_bytes(8, "big") + ours[16:]

        with pytest.raises(CursorUnknownError):
            feed.list_events(app, after=_sealed(later))

    def test_tell_nothing_and_stay_the_same(self, app: App) -> None:
        happen(app)
        reader = Reader(app)
        reader.poll_until(1)

        cursor = reader.cursor

        assert re.fullmatch(r"[\w-]{40,199}", cursor, re.ASCII)
        plain = _opened(cursor)
        told = urlsafe_b64decode(cursor + "==")
        assert not any(plain[start : start + 8] in told for start in (0, 8, 16))
        assert feed.list_events(app, after=cursor).cursor == cursor

    def test_cannot_be_made_by_anybody_else(self, app: App) -> None:
        cursor = feed.list_events(app).cursor
        sealed = urlsafe_b64decode(cursor + "==")

        for position in range(len(sealed)):
            changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
            with pytest.raises(CursorUnknownError):
                feed.list_events(app, after=urlsafe_b64encode(changed).decode())


class TestRestored:
    """Rows with the numbers of a cluster that was further than this one."""

    def test_come_before_what_happens_from_then_on_in_their_order(self, app: App, abroad: NewOrganization) -> None:
        restored = [happen(app) for _ in range(4)]
        foreign = happen(abroad.app)
        for number, uid in enumerate([restored[1], restored[0], restored[2], restored[3], foreign]):
            _number(uid, _FOREIGN + number)
        assert Reader(app).poll() == []

        feed.adopt_restored()
        happened = happen(app)

        reader = Reader(app)
        reader.poll_until(5)
        # Those of one step stand in the order of their ids.
        assert reader.seen == [*restored, happened]
        theirs = Reader(abroad.app)
        theirs.poll_until(1)
        assert theirs.seen == [foreign]

    def test_keep_their_order_over_many_steps(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feed, "_BATCH", 2)
        restored = [happen(app) for _ in range(5)]
        for number, uid in enumerate(restored):
            _number(uid, _FOREIGN - number)

        feed.adopt_restored()

        reader = Reader(app)
        reader.poll_until(5)
        (fifth, fourth), (third, second), (first,) = sorted(restored[3:]), sorted(restored[1:3]), restored[:1]
        assert reader.seen == [fifth, fourth, third, second, first]

    def test_are_told_again_rather_than_missed(self, app: App) -> None:
        """Something happens before anybody has looked after what was restored."""
        restored = happen(app)
        _number(restored, _FOREIGN)
        happened = happen(app)
        reader = Reader(app)
        reader.poll_until(1)
        assert reader.seen == [happened]

        feed.adopt_restored()
        reader.poll_until(2)

        assert reader.seen == [happened, restored]

    def test_and_so_is_what_happened_to_the_same_subject_meanwhile(self, app: App) -> None:
        subject_id = uuid4()
        first = happen(app, subject_id=subject_id)
        _number(first, _FOREIGN)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE webhooks_subject SET transaction = %s::text::xid8", [str(_FOREIGN)])
        second = happen(app, subject_id=subject_id)

        feed.adopt_restored()
        third = happen(app, subject_id=subject_id)

        reader = Reader(app)
        reader.poll_until(3)
        assert reader.seen == [first, second, third]

    def test_are_left_alone_where_there_are_none(self, app: App) -> None:
        happened = happen(app)
        before = _numbers()

        feed.adopt_restored()

        assert _numbers() == before
        assert list(before) == [happened]


def _write(app: App, subjects: list[UUID], seed: int) -> None:
    """Write thirty times one or two events, some of them slowly, and change one's mind now and then."""
    chance = random.Random(seed)  # noqa: S311  # Not a secret.
    try:
        for _ in range(30):
            with suppress(_ChangedMindError), transaction.atomic():
                # In one order, as livestreams are locked.
                for subject_id in sorted(chance.sample(subjects, k=chance.choice([1, 2]))):
                    happen(app, subject_id=subject_id)
                    time.sleep(chance.choice([0, 0, 0.002, 0.02]))
                if chance.random() < 0.2:
                    raise _ChangedMindError
    finally:
        connection.close()


def _opened(cursor: str) -> bytes:
    return crypto.unseal(cursor, purpose="feed cursor")


def _sealed(content: bytes) -> str:
    return crypto.seal(content, purpose="feed cursor")


def _number(uid: UUID, transaction_number: int) -> None:
    with connection.cursor() as cursor:
        values = [str(transaction_number), str(uid)]
        cursor.execute("UPDATE webhooks_event SET transaction = %s::text::xid8 WHERE uid = %s", values)


def _numbers() -> dict[UUID, str]:
    return {event.uid: str(event.transaction) for event in Event.objects.all()}
