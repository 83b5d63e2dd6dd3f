"""How many queries each read of livestreams takes, and making one; and that what is kept of a list is the truth."""

import pytest

from livehub.core import clock
from streams.livestreams.models.output import Output
from streams.livestreams.services import create_livestream, delete_livestream
from streams.livestreams.states import LivestreamStatus
from streams.meetings.broadcasts import start_meeting_livestream
from streams.meetings.services.meetings import create_meeting
from streams.models import App, Livestream, LivestreamCount, Meeting, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.services import NewRecording, start_recording
from tests.access.expected import OPERATIONS
from tests.api.clients import ApiClient, read
from tests.meetings.queries import asked_for
from tests.runs import connected, finished

_ONE = "/livestreams/{livestream_id}"
COSTS = {
    # The livestreams with their keys, and what they took in.
    "/livestreams": 2,
    # A page that is full: and how many there are.
    "/livestreams?per_page=1": 3,
    # None: nothing to count.
    "/livestreams?per_page=1&status=LIVE": 1,
    # And of how many others of an app these are the rest.
    "/livestreams?per_page=1&status={idle}": 4,
    "/livestreams?per_page=1&exclude_meetings=true": 4,
    # The livestream, its sessions with what they took in.
    _ONE: 2,
    f"{_ONE}?per_page=1": 4,
    f"{_ONE}/sessions": 2,
    f"{_ONE}/active-livestream-session": 3,
    # The livestream, its broadcast with its encoder, and who watches.
    f"{_ONE}/viewers": 4,
    # The livestream, its newest session, the connections and findings of that.
    f"{_ONE}/health": 4,
    f"{_ONE}/slate": 2,
    f"{_ONE}/outputs": 2,
    f"{_ONE}/outputs/{{output_id}}": 2,
    f"{_ONE}/outputs/{{output_id}}/events": 3,
    # With the files that are made of them.
    f"{_ONE}/recordings": 3,
    f"{_ONE}/recordings/{{recording_id}}": 3,
    f"{_ONE}/clips": 2,
    # Also what somebody has said, and whether its archive is on.
    f"{_ONE}/recording-settings": 4,
    "/livestreams/sessions/{session_id}": 1,
    "/livestreams/sessions/{session_id}/events": 2,
    # And who watches it now.
    "/livestreams/sessions/{session_id}/report": 10,
}


_BEYOND_VENDORS = (
    *("/outputs", "/viewers", "/health", "/recording", "/clips", "/slate", f"{_ONE}/sessions", "/events", "/report"),
)
_VENDORS_READS = [path for path in COSTS if not any(beyond in path for beyond in _BEYOND_VENDORS)]


@pytest.fixture
def ids(livestream: Livestream, home: NewOrganization) -> dict[str, str]:
    """One with a session that is over and one that goes on, beside others."""
    for number in range(2):
        create_livestream(app=home.app, name=f"Other {number}", actor=SYSTEM)
    finished(connected(livestream))
    session = connected(livestream)
    output = Output.objects.filter(livestream=livestream)[0]
    recording = start_recording(livestream=livestream, new=NewRecording(), actor=SYSTEM)
    return {
        "livestream_id": str(livestream.pk),
        "session_id": str(session.pk),
        "output_id": str(output.pk),
        "recording_id": str(recording.pk),
    }


@pytest.mark.parametrize("path", COSTS)
def test_read_takes_so_many_queries(dyte: ApiClient, ids: dict[str, str], path: str) -> None:
    assert asked_for(lambda: dyte.get(path.format(**ids, idle="OFFLINE"))) == COSTS[path]


@pytest.mark.parametrize("path", _VENDORS_READS)
def test_the_other_vendors_take_as_many(realtimekit: ApiClient, ids: dict[str, str], path: str) -> None:
    assert asked_for(lambda: realtimekit.get(path.format(**ids, idle="IDLE"))) == COSTS[path]


def test_no_read_is_forgotten() -> None:
    reads = {each.removeprefix("GET /v2") for each in OPERATIONS if each.startswith("GET /v2/livestreams")}

    assert reads == {each.partition("?")[0] for each in COSTS}


def test_sessions_cost_the_same_however_many(dyte: ApiClient, ids: dict[str, str], livestream: Livestream) -> None:
    few = asked_for(lambda: dyte.get(f"/livestreams/{livestream.pk}/sessions"))
    now = livestream.created_at
    Session.objects.bulk_create(Session(livestream=livestream, status="ended", stopped_at=now) for _ in range(10))

    assert asked_for(lambda: dyte.get(f"/livestreams/{livestream.pk}/sessions")) == few


def test_making_one_takes_so_many_queries(dyte: ApiClient) -> None:
    def make() -> None:
        assert dyte.post("/livestreams", {"name": "Keynote"}).status_code == 201

    # A transaction (two) of: the quota, how many there are, livestream, key, outputs, audit, event.
    assert asked_for(make) == 9


class TestTotals:
    @pytest.fixture(autouse=True)
    def various(self, home: NewOrganization, abroad: NewOrganization) -> None:
        """Four of an app: one of a meeting, one live, one errored; one is deleted, and one is somebody else's."""
        made = [create_livestream(app=home.app, name=f"Keynote {number}", actor=SYSTEM) for number in range(4)]
        for livestream, status in zip(made, (LivestreamStatus.LIVE, LivestreamStatus.ERRORED), strict=False):
            Livestream.objects.filter(pk=livestream.pk).update(status=status)
        delete_livestream(livestream=made[-1], actor=SYSTEM)
        for of in (home, abroad):
            meeting = create_meeting(app=of.app, values={}, actor=SYSTEM)
            start_meeting_livestream(meeting=meeting, name="Keynote", actor=SYSTEM)

    @pytest.mark.parametrize(
        ("query", "total"),
        [
            ("", 4),
            ("status=OFFLINE", 2),
            ("status=LIVE", 1),
            ("status=LIVE&status=ERRORED", 2),
            ("status=OFFLINE&status=LIVE", 3),
            ("exclude_meetings=true", 3),
            ("exclude_meetings=true&status=OFFLINE", 1),
            ("search=keynote", 4),
            ("search=keynote&status=OFFLINE", 2),
        ],
    )
    def test_are_true_on_every_page(self, dyte: ApiClient, query: str, total: int) -> None:
        for page in ("per_page=1", "per_page=1&page_no=2", "page_no=9"):
            assert read(dyte.get(f"/livestreams?{query}&{page}"))["paging"]["total_count"] == total

    def test_of_meetings_are_kept_through_every_change(self, home: NewOrganization) -> None:
        assert _kept(home.app) == (4, 1)

        livestream = Livestream.objects.exclude(meeting=None).get(app=home.app)
        delete_livestream(livestream=livestream, actor=SYSTEM)
        assert _kept(home.app) == (3, 0)

        Livestream.objects.filter(pk=livestream.pk).update(deleted_at=None)
        assert _kept(home.app) == (4, 1)

        # What is deleted already counts for nothing, wherever it comes from and when it is gone for good.
        Livestream.objects.create(app=home.app, playback_id="pb_gone", deleted_at=clock.now())
        assert _kept(home.app) == (4, 1)
        Livestream.objects.filter(app=home.app).exclude(deleted_at=None).delete()
        assert _kept(home.app) == (4, 1)

        Livestream.objects.filter(pk=livestream.pk).delete()
        assert _kept(home.app) == (3, 0)


def test_a_deep_page_is_what_follows_the_page_before(dyte: ApiClient, home: NewOrganization) -> None:
    Meeting.objects.bulk_create((Meeting(app=home.app) for _ in range(1103)), batch_size=500)
    newest_first = Meeting.objects.order_by("-created_at", "-id").values_list("pk", flat=True)
    expected = [str(each) for each in newest_first]

    for page, start in ((11, 1000), (12, 1100)):
        answer = read(dyte.get(f"/meetings?per_page=100&page_no={page}"))
        assert [each["id"] for each in answer["data"]] == expected[start : start + 100]
        assert answer["paging"] == {
            "total_count": 1103,
            "start_offset": start + 1,
            "end_offset": min(start + 100, 1103),
        }


def _kept(app: App) -> tuple[int, int]:
    kept = LivestreamCount.objects.get(app=app)
    existing = Livestream.objects.for_app(app)
    assert (kept.total, kept.of_meetings) == (existing.count(), existing.exclude(meeting=None).count())
    return kept.total, kept.of_meetings
