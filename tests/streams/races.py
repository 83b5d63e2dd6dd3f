"""Two deeds at the same instant, each on a connection of its own; each round has a livestream of its own."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection as database
from django.db import models
from django.db.models.functions import Now
from django.test import Client

from livehub.core import clock, crypto
from streams.livestreams import connections, leases, services, sweeps
from streams.livestreams.states import EndReason
from streams.models import Connection, Lease, Livestream, Session, SessionEvent, StreamKey
from streams.organizations.services import SYSTEM
from tests.runs import ENCODER, claimed, connected

# More than any lock is held; a round that hangs fails instead of hanging the run.
_HANG_S = 30
# The later of the two starts this much later, round after round: windows are of different widths.
_LAGS_S = (0.0, 0.0, 0.001, 0.002, 0.004)
_ROUND_NUMBERS = count()
_Row = TypeVar("_Row", bound=models.Model)


@dataclass(frozen=True)
class Round:
    """One livestream to fight about, and the lease that a worker thinks it holds."""

    state: str
    livestream: Livestream
    key: str
    lease: Lease | None


@dataclass(frozen=True)
class Outcome:
    """What became of a deed: what it returned, or what it raised."""

    deed: str
    value: Any = None
    error: Exception | None = None


def publish(key: str) -> tuple[int, str]:
    """Connect as another encoder; return the hook's answer."""
    response = Client().post(
        f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main",
        {"name": key, "clientid": str(1000 + next(_ROUND_NUMBERS)), "addr": "203.0.113.7", "call": "publish"},
    )
    return response.status_code, response.content.decode()


def _publish(round_: Round) -> tuple[int, str]:
    return publish(round_.key)


def _claim(round_: Round) -> Lease | None:
    session = Session.objects.filter(livestream=round_.livestream).order_by("created_at").first()
    assert session is not None
    return leases.claim_session(session_id=session.pk, worker="another", node="main")


def _disable(round_: Round) -> None:
    services.disable_livestream(livestream=round_.livestream, actor=SYSTEM)


def _enable(round_: Round) -> None:
    services.enable_livestream(livestream=round_.livestream, actor=SYSTEM)


def _delete(round_: Round) -> None:
    services.delete_livestream(livestream=round_.livestream, actor=SYSTEM)


def _reset(round_: Round) -> None:
    services.reset_stream_key(livestream=round_.livestream, actor=SYSTEM)


def _end(round_: Round) -> bool:
    return services.end_broadcast(livestream=round_.livestream, actor=SYSTEM)


def _finish(round_: Round) -> None:
    assert round_.lease is not None
    leases.finish_session(round_.lease, reason=EndReason.ENCODER_STOPPED)


def _sweep(_: Round) -> None:
    sweeps.sweep_sessions()


def _leave(round_: Round) -> None:
    connections.encoder_left(key=round_.key, node=ENCODER.node, client_id=ENCODER.client_id)


_STATES = ("idle", "disabled", "connecting", "run", "lapsed", "left", "abandoned", "lost")
# Each deed, and the states of a livestream in which it has something to do.
DEEDS: dict[str, tuple[Callable[[Round], object], tuple[str, ...]]] = {
    "publish": (_publish, _STATES),
    "claim": (_claim, ("connecting", "lapsed", "abandoned", "lost")),
    "disable": (_disable, _STATES),
    "enable": (_enable, _STATES),
    "delete": (_delete, _STATES),
    "reset": (_reset, _STATES),
    "end": (_end, _STATES),
    "finish": (_finish, ("run", "lapsed", "left", "abandoned")),
    "sweep": (_sweep, ("left", "abandoned", "lost")),
    "leave": (_leave, ("connecting", "run", "lapsed", "lost")),
}


def scenarios(first: str, second: str) -> list[tuple[str, str, str]]:
    """Return in which states the two can meet; "close" stands for each way to close a session."""
    closes = ("end", "finish", "sweep", "leave")
    return [
        (one, other, state)
        for one in (closes if first == "close" else (first,))
        for other in (closes if second == "close" else (second,))
        for state in DEEDS[one][1]
        if state in DEEDS[other][1]
    ]


def prepare(template: Livestream, state: str, *, number: int) -> list[Round]:
    """Bring the idle template into a state, and return so many livestreams that are like it, each with its own rows."""
    _bring(template, state)
    found = [_like(template, state) for _ in range(number)]
    models_in_order: tuple[type[models.Model], ...] = (Livestream, StreamKey, Session, Lease, Connection, SessionEvent)
    for model in models_in_order:
        model._default_manager.bulk_create(row for _, rows in found for row in rows if isinstance(row, model))
    return [round_ for round_, _ in found]


def run(rounds: list[tuple[str, str, Round]]) -> list[tuple[Outcome, Outcome]]:
    """Do both deeds of each round at once, and return what became of each."""
    barrier = threading.Barrier(2, timeout=_HANG_S)
    outcomes: tuple[list[Outcome], list[Outcome]] = ([], [])
    sides = [
        threading.Thread(target=_do_all, args=(side, rounds, barrier, outcomes[side]), daemon=True) for side in (0, 1)
    ]
    for thread in sides:
        thread.start()
    for thread in sides:
        thread.join(_HANG_S * 10)
        assert not thread.is_alive()
    return list(zip(*outcomes, strict=True))


def _do_all(side: int, rounds: list[tuple[str, str, Round]], barrier: threading.Barrier, told: list[Outcome]) -> None:
    try:
        for number, (*deeds, round_) in enumerate(rounds):
            if side == 0:
                _age(round_)
            barrier.wait()
            time.sleep(_LAGS_S[number // 2 % len(_LAGS_S)] if number % 2 == side else 0)
            told.append(_outcome(deeds[side], round_))
            barrier.wait()
    finally:
        database.close()


def _outcome(deed: str, round_: Round) -> Outcome:
    try:
        return Outcome(deed, value=DEEDS[deed][0](round_))
    except Exception as error:
        # Told apart by the test: a refusal belongs to the game, a deadlock does not.
        return Outcome(deed, error=error)


def _bring(template: Livestream, state: str) -> None:
    if state == "disabled":
        services.disable_livestream(livestream=template, actor=SYSTEM)
    if state in {"idle", "disabled"}:
        return
    session = connected(template)
    if state in {"run", "lapsed", "left", "abandoned"}:
        claimed(session)
    if state in {"lapsed", "abandoned"}:
        Lease.objects.filter(pk=session.pk).update(until=Now() - timedelta(seconds=1))
    # In the future, so that a sweep of another round leaves it alone: `_age` moves it when its turn comes.
    if state in {"left", "abandoned"}:
        Connection.objects.filter(session=session).update(disconnected_at=clock.now() + timedelta(hours=1))


def _like(template: Livestream, state: str) -> tuple[Round, list[models.Model]]:
    number, rows = next(_ROUND_NUMBERS), list[models.Model]()
    livestream = _copy(Livestream.objects.get(pk=template.pk), pk=uuid.uuid4(), playback_id=f"pb_{number}")
    secret, key_id = f"sk_{number}", uuid.uuid4()
    own: dict[str, object] = {"livestream_id": livestream.pk}
    key = template.stream_keys.get()
    rows += [livestream, _copy(key, pk=key_id, digest=crypto.lookup_digest(secret), **own)]
    session, lease = template.sessions.first(), None
    if session is not None:
        mine = _copy(session, pk=uuid.uuid4(), **own)
        lease = _copy(session.lease, pk=mine.pk)
        stay = _copy(session.connections.get(), pk=uuid.uuid4(), session_id=mine.pk, stream_key_id=key_id)
        rows += [mine, lease, stay]
        rows += [_copy(event, pk=None, session_id=mine.pk) for event in session.events.order_by("id")]
    return Round(state, livestream, secret, lease), rows


def _copy(row: _Row, *, pk: object, **changes: object) -> _Row:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**{**values, row._meta.pk.attname: pk, **changes})


def _age(round_: Round) -> None:
    """Let the encoder of this round have left, or been heard of last, long ago."""
    stays = Connection.objects.filter(session__livestream=round_.livestream)
    long_ago = clock.now() - timedelta(minutes=10)
    if round_.state in {"left", "abandoned"}:
        stays.update(disconnected_at=long_ago)
    if round_.state == "lost":
        stays.update(last_seen_at=long_ago)


def tally(outcomes: tuple[Outcome, Outcome]) -> Counter[str]:
    """Return how often each deed succeeded in a round."""
    return Counter(outcome.deed for outcome in outcomes if outcome.error is None)
