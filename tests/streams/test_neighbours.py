"""What is written for one livestream leaves every row of another alone, however alike the two are."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.db import models
from django.db.models.functions import Now

from livehub.core.states import swap_status
from streams.ingest.services import admit_encoder
from streams.livestreams import connections, leases, repeats, services
from streams.livestreams.lifecycle import LivestreamDisabledError
from streams.livestreams.states import SESSION_MACHINE, EndReason
from streams.models import Connection, Lease, Livestream, Session, SessionEvent, StreamKey
from streams.organizations.services import SYSTEM
from tests.runs import ENCODER, claimed, connected, taken_in


def _swap(session: Session) -> None:
    assert swap_status(session, machine=SESSION_MACHINE, new="live") == "connecting"


def _refuse(session: Session) -> None:
    services.disable_livestream(livestream=session.livestream, actor=SYSTEM)
    with suppress(LivestreamDisabledError):
        admit_encoder(name=session.livestream.stream_key, args={}, encoder=ENCODER)
    session.livestream.refresh_from_db()
    assert session.livestream.refused_publishes == 1


def _report(session: Session) -> None:
    key = session.livestream.stream_key
    assert connections.note_encoder(key=key, node=ENCODER.node, client_id=ENCODER.client_id)


def _leave(session: Session) -> None:
    connections.encoder_left(key=session.livestream.stream_key, node=ENCODER.node, client_id=ENCODER.client_id)


DEEDS: dict[str, Callable[[Session], object]] = {
    "swap_status": _swap,
    "refuse": _refuse,
    "note_encoder": _report,
    "encoder_left": _leave,
    "note_media": partial(taken_in, media_ms=5_000),
    "claim": claimed,
    "renew": lambda session: leases.renew_lease(claimed(session)),
    "release": lambda session: leases.release_lease(claimed(session)),
    "mark_live": lambda session: leases.mark_live(claimed(session)),
    "record_source": lambda session: leases.record_source(claimed(session), source={"fps": 30}, renditions=[]),
    "finish": lambda session: leases.finish_session(claimed(session), reason=EndReason.ENCODER_STOPPED),
    "fail": lambda session: leases.fail_session(claimed(session), reason=EndReason.SOURCE_REFUSED, message="No."),
    "retry": lambda session: repeats.retry_session(claimed(session), message="Killed."),
    "postpone": lambda session: repeats.postpone_session(claimed(session), message="Full."),
    "rename": lambda session: services.rename_livestream(livestream=session.livestream, name="Other", actor=SYSTEM),
    "disable": lambda session: services.disable_livestream(livestream=session.livestream, actor=SYSTEM),
    "reset_key": lambda session: services.reset_stream_key(livestream=session.livestream, actor=SYSTEM),
    "end": lambda session: services.end_broadcast(livestream=session.livestream, actor=SYSTEM),
    "delete": lambda session: services.delete_livestream(livestream=session.livestream, actor=SYSTEM),
}


@pytest.mark.parametrize("is_neighbour_held", [True, False], ids=["held", "free"])
@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_leaves_the_neighbour_alone(
    livestream: Livestream,
    foreign_livestream: Livestream,
    deed: Callable[[Session], object],
    is_neighbour_held: bool,
) -> None:
    session, neighbour = connected(livestream), connected(foreign_livestream)
    if is_neighbour_held:
        claimed(neighbour, worker="neighbour")
        # Not what a renewal in this transaction would make of it.
        Lease.objects.filter(pk=neighbour.pk).update(until=Now() + timedelta(seconds=3))
    Connection.objects.update(last_seen_at=Now() - timedelta(minutes=1))
    before = _rows(foreign_livestream)

    deed(session)

    assert _rows(foreign_livestream) == before


def _rows(livestream: Livestream) -> list[list[dict[str, object]]]:
    """Return every row of a livestream."""
    session = {"session__livestream": livestream}
    rows: list[models.QuerySet[models.Model]] = [
        Livestream.objects.filter(pk=livestream.pk),
        StreamKey.objects.filter(livestream=livestream),
        Session.objects.filter(livestream=livestream),
        *(model._default_manager.filter(**session).order_by("pk") for model in (Connection, Lease, SessionEvent)),
    ]
    return [list(found.values()) for found in rows]
