"""Cloudflare's official SDK over every operation that is here, strict: an answer not of its types raises."""

import inspect
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cloudflare import Cloudflare
from django.urls import resolve

from livehub.api.views import UnknownRouteView
from livehub.wsgi import application
from streams.livestreams import leases
from streams.models import Session
from streams.organizations.services import NewOrganization
from tests.access.each import for_each
from tests.meetings.home import whole_preset
from tests.runs import claimed

Values = dict[str, Any]
ANYTHING = "0b6f7a52c1de4d0f9f6f0c6f7d1e2a3b"
RANGE: Values = {"page_no": 1, "per_page": 10}
INSTANT = "2026-11-01T12:00:00Z"
WEBHOOK: Values = {"name": "Attendance", "url": "https://a.example/hook", "events": ["meeting.participantJoined"]}

# What each is called with, beside the ids in its path; those that a preset is made of are given by the test.
CALLS: dict[str, Values] = {
    "apps.get": {**RANGE, "search": "e", "sort_order": "DESC"},
    "apps.post": {"name": "Autumn conference"},
    "meetings.create": {"title": "From the SDK", "ai_config": {"summarization": {"word_limit": 500}}},
    "meetings.get": {**RANGE, "start_time": INSTANT, "end_time": "2099-01-01T00:00:00Z", "status": "ACTIVE"},
    "meetings.get_meeting_by_id": {},
    "meetings.update_meeting_by_id": {"title": "Changed", "status": "INACTIVE", "record_on_start": True},
    "meetings.replace_meeting_by_id": {"title": "Anew"},
    "meetings.add_participant": {"custom_participant_id": "ann", "preset_name": "group_call_host"},
    "meetings.get_meeting_participants": RANGE,
    "meetings.get_meeting_participant": {},
    "meetings.edit_participant": {"name": "Ann", "picture": "https://a.example/a.png"},
    "meetings.refresh_participant_token": {},
    "meetings.delete_meeting_participant": {},
    "presets.create": {},
    "presets.get": {**RANGE, "search": "group"},
    "presets.get_preset_by_id": {},
    "presets.update": {"config": {"max_screenshare_count": 2}},
    "presets.replace_preset_by_id": {},
    "presets.delete": {},
    "sessions.get_sessions": {**RANGE, "sort_by": "createdAt", "sort_order": "ASC", "status": "LIVE"},
    "sessions.get_session_details": {"include_breakout_rooms": True},
    "sessions.get_session_participants": {**RANGE, "sort_by": "joinedAt", "include_peer_events": True, "view": "raw"},
    "sessions.get_session_participant_details": {"include_peer_events": True},
    "sessions.get_participant_data_from_peer_id": {"filters": "events"},
    "active_session.get_active_session": {},
    "active_session.create_poll": {"question": "Lunch?", "options": ["Yes", "No"], "hide_votes": True},
    "active_session.kick_participants": {"participant_ids": [], "custom_participant_ids": ["mary"]},
    "active_session.kick_all_participants": {},
    "livestreams.get_all_livestreams": {**RANGE, "exclude_meetings": False, "sort_order": "DSC", "status": "LIVE"},
    "livestreams.get_livestream_session_for_livestream_id": RANGE,
    "livestreams.get_active_livestreams_for_livestream_id": {},
    "livestreams.get_livestream_session_details_for_session_id": {},
    "livestreams.start_livestreaming_a_meeting": {"name": "On air", "video_config": {"width": 640, "height": 360}},
    "livestreams.get_meeting_active_livestreams": {},
    "livestreams.stop_livestreaming_a_meeting": {},
    "recordings.get_active_recordings": {},
    "recordings.get_one_recording": {},
    "recordings.get_recordings": {**RANGE, "sort_by": "invokedTime", "sort_order": "DESC", "status": ["RECORDING"]},
    "recordings.pause_resume_stop_recording": {"action": "pause"},
    "recordings.start_recordings": {"allow_multiple_recordings": True, "file_name_prefix": "keynote"},
    "analytics.get_org_analytics": {"start_date": "2026-11-01", "end_date": "2026-11-30"},
    "livestreams.get_org_analytics": {},
    "livestreams.get_livestream_analytics_complete": {"start_time": 1_795_000_000, "end_time": 1_795_291_200},
    "livestreams.get_livestream_analytics_daywise": {"start_time": 1_795_000_000, "end_time": 1_795_291_200},
    "webhooks.create_webhook": WEBHOOK,
    "webhooks.get_webhooks": {},
    "webhooks.get_webhook_by_id": {},
    "webhooks.edit_webhook": {"enabled": False, "events": ["meeting.summary"]},
    "webhooks.replace_webhook": {**WEBHOOK, "enabled": False},
    "webhooks.delete_webhook": {},
}
# Where the SDK's word for an id is not that of our paths; "session_id" is one of two things.
ALIASES = {
    "sessions": {"session_id": "meeting_session_id"},
    "livestreams": {"livestream_session_id": "session_id"},
}


def methods(sdk: Cloudflare) -> Iterator[tuple[str, Any]]:
    """Yield every method that the SDK has for RealtimeKit, as `apps.get`."""
    kit = sdk.realtime_kit
    for noun in (name for name in dir(type(kit)) if not name.startswith(("_", "with_"))):
        resource = getattr(kit, noun)
        for name, method in inspect.getmembers(resource, inspect.ismethod):
            if not name.startswith("_"):
                yield f"{noun}.{name}", method


def needed(method: Any) -> list[str]:
    """Return what the method cannot be called without."""
    parameters = inspect.signature(method).parameters.values()
    return [each.name for each in parameters if each.default is inspect.Parameter.empty]


@pytest.fixture
def sdk(in_process: None, home: NewOrganization) -> Iterator[Cloudflare]:
    transport = httpx.WSGITransport(app=application)
    with Cloudflare(
        api_token=home.api_token,
        base_url="http://testserver/client/v4",
        http_client=httpx.Client(transport=transport),
        _strict_response_validation=True,
        max_retries=0,
    ) as client:
        yield client


@for_each("name", CALLS)
def test_takes_the_answer(name: str, sdk: Cloudflare, ids: dict[str, str], session: Session) -> None:
    leases.mark_live(claimed(session))
    noun, method = name.split(".")[0], dict(methods(sdk))[name]
    known = {**ids, **{alias: ids[ours] for alias, ours in ALIASES.get(noun, {}).items()}}
    whole = whole_preset("moderator") if name in {"presets.create", "presets.replace_preset_by_id"} else {}
    given: Values = {**CALLS[name], **whole}

    answer = method(**{word: known[word] for word in needed(method) if word not in given}, **given)

    assert answer.success
    assert answer.data is not None


def test_is_called_for_every_operation_that_is_here() -> None:
    """Each method is tried on a network that only notes what it asks for."""
    asked: list[tuple[str, str]] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(200, json={"success": True})

    noted = Cloudflare(
        api_token="t", base_url="http://noted/client/v4", http_client=httpx.Client(transport=httpx.MockTransport(note))
    )
    here = set()
    for name, method in methods(noted):
        method(**dict.fromkeys(needed(method), ANYTHING))
        if _is_here(*asked.pop()):
            here.add(name)

    assert here == CALLS.keys()


def _is_here(method: str, path: str) -> bool:
    view = resolve(path).func.view_class  # type: ignore[attr-defined]  # Set by View.as_view.
    return view is not UnknownRouteView and hasattr(view, method.lower())
