"""The table of what people are shown."""

import pytest

from streams.livestreams.states import (
    DISABLED,
    EVENT_STATES,
    LIVESTREAM_STATES,
    LIVESTREAM_STATUS_OF_SESSION,
    SESSION_STATES,
    EventKind,
    LivestreamStatus,
    SessionStatus,
    show_livestream,
)


def test_has_a_row_for_every_state() -> None:
    assert LIVESTREAM_STATES.keys() == set(LivestreamStatus)
    assert SESSION_STATES.keys() == set(SessionStatus)
    assert EVENT_STATES.keys() == set(EventKind) - {EventKind.STATUS}


def test_calls_every_state_by_its_value() -> None:
    for states in (LIVESTREAM_STATES, SESSION_STATES, EVENT_STATES):
        assert [shown.value for shown in states.values()] == list(states)


def test_shows_a_session_and_its_livestream_alike_unless_it_has_ended() -> None:
    for of_session, of_livestream in LIVESTREAM_STATUS_OF_SESSION.items():
        is_same = SESSION_STATES[of_session] == LIVESTREAM_STATES[of_livestream]
        assert is_same == (of_session != SessionStatus.ENDED)


@pytest.mark.parametrize("status", list(LivestreamStatus))
def test_shows_a_disabled_livestream_as_such_once_nothing_is_on_air(status: LivestreamStatus) -> None:
    shown = show_livestream(status=status, is_disabled=True)

    assert (shown == DISABLED) == (status in {LivestreamStatus.IDLE, LivestreamStatus.ERRORED})
    assert show_livestream(status=status, is_disabled=False) == LIVESTREAM_STATES[status]
