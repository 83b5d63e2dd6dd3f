"""One of everything of a tenant's that is about meetings, for tests over all operations."""

from streams.meetings.broadcasts import start_meeting_livestream
from streams.meetings.lifecycle import join_meeting
from streams.meetings.services.meetings import create_meeting
from streams.models import App, Preset
from streams.organizations.services import SYSTEM
from tests.meetings.people import added

# What operations need in their bodies, below any prefix; of the others any will do, or none.
_PARTICIPANT = {"custom_participant_id": "ann", "preset_name": "group_call_host"}
_CHOSEN = {"custom_participant_ids": ["mary"]}


def furnish(app: App) -> dict[str, str]:
    """Make a meeting with a session that is going on and a livestream; return what arguments of addresses mean."""
    meeting = create_meeting(app=app, values={"title": "Backend standup"}, actor=SYSTEM)
    mary = added(meeting, "mary", name="Mary Sue")
    peer = join_meeting(participant=mary)
    start_meeting_livestream(meeting=meeting, name="On air", actor=SYSTEM)
    return {
        "meeting_id": str(meeting.pk),
        "participant_id": str(mary.pk),
        "preset_id": str(Preset.objects.for_app(app).get(name="webinar_viewer").pk),
        "meeting_session_id": str(peer.session_participant.session_id),
        "peer_id": str(peer.pk),
    }


def body_of(operation: str) -> dict[str, object] | None:
    """Return what an operation (`POST /v2/presets`) needs in its body, or None."""
    method, _, path = operation.partition(" ")
    if path.endswith("/presets") or (method == "PUT" and path.endswith("/{preset_id}")):
        return whole_preset("moderator")
    if method != "POST":
        return None
    last = path.rpartition("/")[2]
    bodies: dict[str, dict[str, object]] = {
        "participants": {**_PARTICIPANT},
        "kick": {**_CHOSEN},
        "mute": {**_CHOSEN},
        "poll": {"question": "Lunch?", "options": ["Yes", "No"]},
    }
    return bodies.get(last)


def whole_preset(name: str) -> dict[str, object]:
    """Return a preset as a client would send it."""
    known = Preset.objects.filter(name="group_call_host")[0]
    return {"name": name, "config": known.config, "permissions": known.permissions, "ui": known.ui}
