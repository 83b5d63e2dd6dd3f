"""Clips, and recordings of what has been broadcast, over REST."""

from datetime import UTC, datetime

import pytest

from livehub.core import clock
from streams.models import Clip, Livestream, Recording, Session
from streams.organizations.services import NewOrganization
from streams.recordings.clips import making
from tests.api.clients import ApiClient, dyte_client, read
from tests.recordings.broadcast import MadeBroadcast, went_live
from tests.recordings.rows import clip_of


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/livestreams/{livestream.pk}/clips"


@pytest.fixture
def began_ms(session: Session) -> int:
    """When a broadcast began that is live, and has been for six seconds."""
    went_live(session)
    began_ms = clock.epoch_ms(clock.now()) - 60_000
    MadeBroadcast(session, began_ms=began_ms).add(6)
    return began_ms


def _at(ms: int) -> str:
    return clock.isoformat(datetime.fromtimestamp(ms / 1000, UTC))


def test_is_cut_played_at_once_listed_and_deleted(
    dyte: ApiClient, there: str, began_ms: int, livestream: Livestream, session: Session
) -> None:
    body = {"starts_at": _at(began_ms + 1500), "ends_at": _at(began_ms + 4500), "title": "The opening"}

    made = dyte.post(there, body)

    shown = read(made)["data"]
    assert (made.status_code, shown["status"], shown["title"]) == (201, "MAKING", "The opening")
    assert (shown["starts_at"], shown["duration_s"], shown["gaps"]) == (body["starts_at"], 3.0, [])
    assert (shown["livestream_id"], shown["session_id"]) == (str(livestream.pk), str(session.pk))
    assert shown["playback_url"].endswith(f"/clips/{shown['id']}/index.m3u8")
    assert shown["download_url"] is None
    making.make_clip(clip_id=Clip.objects.get().pk)
    one = f"/clips/{shown['id']}"
    ready = read(dyte.get(one))["data"]
    assert (ready["status"], ready["size"]) == ("READY", shown["size"])
    assert ready["download_url"].endswith(f"{one}/clip.mp4?download")
    for listed in (there, "/clips"):
        assert [each["id"] for each in read(dyte.get(listed))["data"]] == [shown["id"]]
    assert dyte.delete(one).status_code == 200
    assert (dyte.get(one).status_code, read(dyte.get(there))["data"]) == (404, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "starts_at"),
        ({"last_s": 0}, "last_s"),
        ({"last_s": -5}, "last_s"),
        ({"last_s": 601}, "last_s"),
        ({"last_s": "long"}, "last_s"),
        ({"last_s": 1e306}, "last_s"),
        ({"last_s": 5, "starts_at": "2026-01-01T00:00:00Z"}, "last_s"),
        ({"starts_at": "2026-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "2026-01-01T00:00:10Z", "ends_at": "2026-01-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:10Z"}, "starts_at"),
        ({"last_s": 5, "title": "a\u202eb"}, "title"),
    ],
)
def test_of_what_makes_no_sense_is_refused_by_field(
    dyte: ApiClient, there: str, began_ms: int, body: dict[str, object], field: str
) -> None:
    refused = dyte.post(there, body)

    assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, [field])
    assert not Clip.objects.exists()


def test_needs_a_broadcast(dyte: ApiClient, there: str) -> None:
    refused = dyte.post(there, {"last_s": 30})

    assert (refused.status_code, read(refused)["error"]["type"]) == (400, "nothing_to_clip")


def test_of_a_recording_needs_its_file(dyte: ApiClient, began_ms: int) -> None:
    recording = Recording.objects.get()

    refused = dyte.post(f"/recordings/{recording.pk}/clips", {"start_s": 0, "end_s": 5})

    assert (refused.status_code, read(refused)["error"]["type"]) == (400, "recording_not_stored")


def test_of_a_recording_are_its_own(dyte: ApiClient, began_ms: int, livestream: Livestream) -> None:
    recording = Recording.objects.get()
    clip, _ = clip_of(livestream, recording=recording), clip_of(livestream)

    listed = read(dyte.get(f"/recordings/{recording.pk}/clips"))["data"]

    assert [each["id"] for each in listed] == [str(clip.pk)]


def test_are_paged(dyte: ApiClient, there: str, livestream: Livestream) -> None:
    oldest, *_ = [clip_of(livestream) for _ in range(3)]

    page = read(dyte.get(f"{there}?page_no=2&per_page=2"))

    assert [each["id"] for each in page["data"]] == [str(oldest.pk)]


def test_are_their_apps_alone(there: str, livestream: Livestream, abroad: NewOrganization) -> None:
    clip, stranger = clip_of(livestream), dyte_client(abroad)

    assert stranger.get(there).status_code == 404
    assert stranger.get(f"/clips/{clip.pk}").status_code == 404
    assert stranger.delete(f"/clips/{clip.pk}").status_code == 404
    assert read(stranger.get("/clips"))["data"] == []


def test_the_window_becomes_a_recording(dyte: ApiClient, livestream: Livestream, began_ms: int) -> None:
    there = f"/livestreams/{livestream.pk}/recordings/from-window"

    made = dyte.post(there, {"last_s": 4})

    shown = read(made)["data"]
    assert (made.status_code, shown["origin"], shown["status"]) == (201, "window", "UPLOADING")
    assert dyte.post(there, {}).status_code == 422
