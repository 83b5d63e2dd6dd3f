"""What two connections do to one livestream at the same instant: somebody wins, and the rows agree afterwards."""

import os
from itertools import combinations_with_replacement, cycle, groupby, islice, pairwise
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db.models import Count, F

from livehub.core.errors import DomainError, NotFoundError
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.services import create_livestream
from streams.livestreams.states import (
    LIVESTREAM_STATUS_OF_SESSION,
    EndReason,
    EventKind,
    LivestreamStatus,
    SessionStatus,
)
from streams.models import AuditEntry, Connection, Livestream, Session, SessionEvent, StreamKey
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.streams.races import Outcome, Round, prepare, run, scenarios, tally

pytestmark = pytest.mark.django_db(transaction=True)

# Of each pair, and at least one in each state that they can meet in: every kind of deed gets more than 100, and with
# make chaos more than 1000.
ROUNDS = int(os.environ.get("RACE_ROUNDS", "16"))
KINDS = ("publish", "claim", "disable", "enable", "delete", "reset", "close")
_BY_OPERATOR = (EndReason.ENDED_BY_OPERATOR, EndReason.DISABLED, EndReason.KEY_RESET, EndReason.DELETED)
_SWITCHES = {"livestream.disabled": True, "livestream.enabled": False}
_UNKNOWN_KEY = "No livestream has this stream key."
# What each deed may be refused with; a deed that is not named is never refused.
_REFUSALS: dict[str, type[DomainError]] = {
    "disable": NotFoundError,
    "enable": NotFoundError,
    "delete": NotFoundError,
    "reset": NotFoundError,
    "end": NotFoundError,
    "finish": LeaseLostError,
}
# Each successful one is written into the audit log.
_AUDITED = {
    "livestream.deleted": "delete",
    "livestream.stream_key_reset": "reset",
}


@pytest.fixture(autouse=True)
def _nobody_listens(settings: LazySettings) -> None:
    """No page is open, and no ingest server answers."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.INGEST_CONTROL_SOCKET = settings.RUNTIME_DIR / "nobody.sock"


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(KINDS, 2)))
def test_leave_rows_that_agree(home: NewOrganization, broker: Broker, first: str, second: str) -> None:
    rounds = _rounds(home, first, second)
    earlier = set(Session.objects.values_list("pk", flat=True))
    broker.arguments.clear()

    outcomes = run(rounds)

    for (_, _, round_), pair in zip(rounds, outcomes, strict=True):
        where = (round_.state, pair)
        _check_refusals(pair, where)
        _check_rows(round_.livestream, where)
        _check_books(round_, pair, where)
        _check_switch(round_, pair, where)
        _check_winners(round_, pair, where)
    _check_messages(broker, earlier)


def _rounds(home: NewOrganization, first: str, second: str) -> list[tuple[str, str, Round]]:
    possible = scenarios(first, second)
    wanted = sorted(islice(cycle(possible), max(ROUNDS, len(possible))), key=lambda scenario: scenario[2])
    rounds = []
    for state, same in groupby(wanted, key=lambda scenario: scenario[2]):
        deeds = list(same)
        template = create_livestream(app=home.app, name=state, actor=SYSTEM)
        copies = prepare(template, state, number=len(deeds))
        template.delete()
        rounds += [(one, other, copy) for (one, other, _), copy in zip(deeds, copies, strict=True)]
    return rounds


def _check_refusals(pair: tuple[Outcome, Outcome], where: object) -> None:
    """Whoever is refused is told so; nobody meets a deadlock, a constraint or a status that has changed."""
    for outcome in pair:
        expected = _REFUSALS.get(outcome.deed)
        assert outcome.error is None or (expected and isinstance(outcome.error, expected)), where


def _check_rows(livestream: Livestream, where: object) -> None:
    now = Livestream.objects.get(pk=livestream.pk)
    sessions = list(Session.objects.filter(livestream=now).order_by("created_at"))
    open_ones = [session for session in sessions if session.is_open]
    assert len(open_ones) <= 1, where
    if now.deleted_at or now.disabled:
        assert open_ones == [], where
    newest = LIVESTREAM_STATUS_OF_SESSION[SessionStatus(sessions[-1].status)] if sessions else LivestreamStatus.IDLE
    assert now.status == newest, where
    assert StreamKey.objects.filter(livestream=now, revoked_at=None).count() == 1, where
    for session in sessions:
        _check_session(session, where)


def _check_session(session: Session, where: object) -> None:
    assert hasattr(session, "lease") is session.is_open, where
    stays = Connection.objects.filter(session=session, disconnected_at=None).select_related("stream_key")
    assert len(stays) <= int(session.is_open), where
    # Whom a key let in that is gone now is not there any more.
    assert all(stay.stream_key is not None and stay.stream_key.revoked_at is None for stay in stays), where
    old = ""
    for event in session.events.filter(kind=EventKind.STATUS).order_by("id"):
        assert event.data["old"] == old, where
        old = event.data["new"]
    assert old == session.status, where


def _check_books(round_: Round, pair: tuple[Outcome, Outcome], where: object) -> None:
    """Everything that happened is written down once, and nothing else is."""
    done = tally(pair)
    written = AuditEntry.objects.filter(target_id=round_.livestream.pk).values_list("action").annotate(Count("id"))
    entries = dict(written)
    for action, deed in _AUDITED.items():
        assert entries.get(action, 0) == done[deed], where
    ended = sum(outcome.deed == "end" and outcome.value is True for outcome in pair)
    assert entries.get("livestream.broadcast_ended", 0) == ended, where
    answers = [outcome.value for outcome in pair if outcome.deed == "publish"]
    counted = [text for status, text in answers if status == 403 and text != _UNKNOWN_KEY]
    assert Livestream.objects.get(pk=round_.livestream.pk).refused_publishes == len(counted), where
    epochs = [outcome.value.epoch for outcome in pair if outcome.deed == "claim" and outcome.value]
    runs = SessionEvent.objects.filter(session__livestream=round_.livestream, kind=EventKind.RUN_STARTED)
    assert [event.data["epoch"] for event in runs.filter(data__worker="another")] == epochs, where


def _check_switch(round_: Round, pair: tuple[Outcome, Outcome], where: object) -> None:
    """To disable what is disabled changes nothing, nor does to enable what is not; all else is written down."""
    written = AuditEntry.objects.filter(target_id=round_.livestream.pk, action__in=_SWITCHES).order_by("id")
    states = [round_.state == "disabled", *(_SWITCHES[action] for action in written.values_list("action", flat=True))]
    assert all(before != after for before, after in pairwise(states)), where
    assert Livestream.objects.get(pk=round_.livestream.pk).disabled is states[-1], where
    done = tally(pair)
    if bool(done["disable"]) != bool(done["enable"]):
        assert states[-1] is bool(done["disable"]), where
    if not done["disable"] and not done["enable"]:
        assert len(states) == 1, where


def _check_winners(round_: Round, pair: tuple[Outcome, Outcome], where: object) -> None:
    """Where only one may win, one does."""
    done, deeds = tally(pair), [outcome.deed for outcome in pair]
    if deeds == ["publish", "publish"]:
        taken = round_.state in {"disabled", "connecting", "run", "lapsed", "lost"}
        assert sorted(outcome.value[0] for outcome in pair) == ([403, 403] if taken else [302, 403]), where
    if deeds == ["claim", "claim"]:
        assert sum(outcome.value is not None for outcome in pair) == 1, where
    if deeds in (["delete", "delete"], ["finish", "finish"]):
        assert done[deeds[0]] == 1, where
    if deeds == ["end", "end"]:
        assert [outcome.value for outcome in pair].count(True) == int(round_.state not in {"idle", "disabled"}), where
    if deeds == ["claim", "finish"]:
        # By then another run has begun, or the session is over: never both.
        assert (pair[0].value is None) is (pair[1].error is None), where


def _check_messages(broker: Broker, earlier: set[UUID]) -> None:
    """Each new session has its worker called, and each encoder that has to go is cut, once."""
    called = {ids["session_id"] for name, ids in broker.arguments if name == "streams.run_session"}
    assert {str(session.pk) for session in Session.objects.exclude(pk__in=earlier)} <= called
    cut = sorted(str(ids["name"]) for name, ids in broker.arguments if name.startswith("streams.drop_"))
    # Those that were there until an operator closed the session: both carry the same time.
    stayed = Connection.objects.filter(disconnected_at=F("session__stopped_at"), session__end_reason__in=_BY_OPERATOR)
    assert cut == sorted(stay.pk.hex for stay in stayed)
