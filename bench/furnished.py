"""One tenant with 30 of everything, made within a running stack (`manage.py shell`); prints what addresses need."""

import json
from datetime import timedelta

from livehub.core import clock
from streams.livestreams.outputs import NewOutput, create_output
from streams.livestreams.services import create_livestream
from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.meetings.services.meetings import create_meeting
from streams.models import ApiKey, App, Connection, Lease, Livestream, Meeting, Peer, Preset, Session
from streams.organizations.apps import create_app
from streams.organizations.services import SYSTEM, create_api_key
from tests.meetings.people import added, joined
from tests.runs import connected

NUMBER = 30
_LONG = timedelta(hours=1)


def main() -> None:
    app = App.objects.get(is_default=True)
    for number in range(NUMBER):
        create_app(organization=app.organization, name=f"App {number}", actor=SYSTEM)
        create_api_key(
            organization=app.organization, name=f"Key {number}", kind=ApiKey.Kind.BASIC, app=app, actor=SYSTEM
        )
    print(json.dumps({**_livestreams(app), **_meetings(app), **_presets(app), "app": str(app.pk)}))


def _livestreams(app: App) -> dict[str, str]:
    """Make livestreams with a simulcast each: the last with many sessions and outputs, another one on the air."""
    made = [create_livestream(app=app, name=f"Keynote {number}", actor=SYSTEM) for number in range(NUMBER)]
    for livestream in made:
        create_output(livestream=livestream, new=_simulcast(0), actor=SYSTEM)
    much, live = made[-1], made[-2]
    for number in range(1, NUMBER):
        create_output(livestream=much, new=_simulcast(number), actor=SYSTEM)
        _broadcast_over(much)
    on_air = connected(live)
    # No sweep is to end it, nor any worker to run it.
    Connection.objects.filter(session=on_air).update(last_seen_at=clock.now() + _LONG)
    Lease.objects.filter(session=on_air).update(worker="bench", epoch=1, until=clock.now() + _LONG)
    output = much.outputs.in_order()[0]
    session = Session.objects.filter(livestream=much)[0]
    ids = {"livestream": made[0].pk, "much": much.pk, "live": live.pk, "output": output.pk, "session": session.pk}
    return {name: str(value) for name, value in ids.items()}


def _meetings(app: App) -> dict[str, str]:
    """Make meetings with a session each, the last with many people and livestreams."""
    made = [create_meeting(app=app, values={"title": f"Standup {number}"}, actor=SYSTEM) for number in range(NUMBER)]
    for meeting in made:
        joined(added(meeting, "ann", name="Ann"))
    last = made[-1]
    peers = [_came_in(last, number) for number in range(NUMBER)]
    for number in range(NUMBER):
        livestream, _ = start_meeting_livestream(meeting=last, name=f"Town hall {number}", actor=SYSTEM)
        _broadcast_over(livestream)
        if number < NUMBER - 1:
            stop_meeting_livestream(meeting=last, actor=SYSTEM)
    stay = peers[0].session_participant
    ids = {"meeting": last.pk, "held": stay.session_id, "participant": stay.participant_id, "peer": peers[0].pk}
    return {name: str(value) for name, value in ids.items()}


def _presets(app: App) -> dict[str, str]:
    first = Preset.objects.for_app(app)[0]
    whole = {"config": first.config, "permissions": first.permissions, "ui": first.ui}
    Preset.objects.bulk_create(Preset(app=app, name=f"Preset {number}", **whole) for number in range(NUMBER))
    return {"preset": str(first.pk)}


def _came_in(meeting: Meeting, number: int) -> Peer:
    return joined(added(meeting, f"employee-{number}", name=f"Mary {number}"), ago=timedelta(minutes=number))


def _broadcast_over(livestream: Livestream) -> None:
    now = clock.now()
    session = Session.objects.create(livestream=livestream, status="ended", started_at=now, stopped_at=now)
    Connection.objects.create(session=session, node="main", client_id=1, media_ms=60_000, disconnected_at=now)


def _simulcast(number: int) -> NewOutput:
    return NewOutput(type="simulcast", uri=f"rtmp://a.example.org/live{number}", stream_key="abcd-efgh")
