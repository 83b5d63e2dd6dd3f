"""The table of what people are shown."""

from dataclasses import replace

import pytest

from streams.livestreams.states import (
    DISABLED,
    EVENT_STATES,
    LIVESTREAM_STATES,
    LIVESTREAM_STATUS_OF_SESSION,
    REFUSED,
    SESSION_MACHINE,
    SESSION_STATES,
    EndReason,
    EventKind,
    LivestreamStatus,
    SessionStatus,
    Shown,
    show_livestream,
    show_session,
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


def test_words_are_those_that_rows_keep_and_people_read() -> None:
    assert dict(EndReason.choices) == {
        "encoder_stopped": "Encoder stopped",
        "encoder_lost": "Encoder lost",
        "no_encoder": "No encoder came",
        "ended_by_operator": "Ended by an operator",
        "disabled": "Livestream disabled",
        "key_reset": "Stream key reset",
        "deleted": "Livestream deleted",
        "source_refused": "Source not usable",
        "transcoder_failed": "Transcoder failed",
        "test_picture_replaced": "An encoder took over",
        "over_quota": "Above its organization's quota",
        "runtime_over": "Longest time on air reached",
        "stopped": "Meeting's livestream stopped",
    }
    assert dict(EventKind.choices) == {
        "status": "Status",
        "run_started": "Run started",
        "run_failed": "Interrupted",
        "run_lost": "Interrupted",
        "run_postponed": "Waiting",
        "source_changed": "Source changed",
        "overloaded": "Quality lowered",
        "restored": "Quality restored",
        "resumed": "Resumed",
        "slate_shown": "Slate on air",
        "files_removed": "Files removed",
        "connected": "Encoder connected",
        "replaced": "Encoder replaced",
        "queued": "Waiting for a place",
        "refused": "Encoder refused",
        "silent": "Encoder silent",
        "sends_again": "Encoder sends again",
        "not_held": "Slate shown",
        "fault_found": "Encoder fault",
        "fault_mended": "Mended",
    }
    assert SessionStatus.values == ["connecting", "standby", "live", "reconnecting", "ended", "errored"]
    assert LivestreamStatus.values == ["idle", "connecting", "standby", "live", "reconnecting", "errored"]


def test_colours_and_calls_a_state_alike_everywhere() -> None:
    live = Shown("live", "Live", "live", is_on_air=True, is_playable=True)
    reconnecting = Shown("reconnecting", "Reconnecting", "warn", is_on_air=True, is_playable=True)
    standby = Shown("standby", "Standby", "warn", is_on_air=True)
    connecting = Shown("connecting", "Connecting", "warn", is_on_air=True)
    offline = Shown("idle", "Offline", "")
    failed = Shown("errored", "Failed", "bad")

    assert list(LIVESTREAM_STATES.values()) == [live, reconnecting, standby, connecting, offline, failed]
    ended = Shown("ended", "Ended", "")
    assert list(SESSION_STATES.values()) == [connecting, standby, live, reconnecting, ended, failed]
    assert [shown.is_playable for shown in LIVESTREAM_STATES.values()] == [True, True, False, False, False, False]
    assert Shown("refused", "Refused", "warn") == REFUSED
    assert Shown("disabled", "Disabled", "off") == DISABLED
    assert [shown.tone for shown in EVENT_STATES.values()] == [
        "",
        "bad",
        "bad",
        "warn",
        "warn",
        "warn",
        "",
        "live",
        "",
        "warn",
        "",
        "warn",
        "warn",
        "bad",
        "warn",
        "live",
        "warn",
        "warn",
        "",
    ]


@pytest.mark.parametrize(
    ("event", "label"),
    [
        ("run_failed", "Interrupted"),
        ("run_lost", "Interrupted"),
        ("run_postponed", "Waiting"),
        ("source_changed", "Source changed"),
        ("overloaded", "Quality lowered"),
        ("restored", "Quality restored"),
        ("silent", "Encoder silent"),
    ],
)
def test_an_interrupted_broadcast_is_live_by_another_word(event: str, label: str) -> None:
    live = LIVESTREAM_STATES["live"]

    for shown in (
        show_session(status="live", newest_event=event),
        show_livestream(status="live", is_disabled=True, newest_event=event),
    ):
        assert shown == replace(live, label=label, tone="warn")
    assert show_session(status="live", newest_event="resumed") == live
    assert show_session(status="reconnecting", newest_event=event) == SESSION_STATES["reconnecting"]
    assert show_session(status="ended", newest_event=event) == SESSION_STATES["ended"]


@pytest.mark.parametrize("step", [(old, new) for old in SessionStatus for new in SessionStatus])
def test_a_session_goes_forward_unless_its_encoder_is_back(step: tuple[SessionStatus, SessionStatus]) -> None:
    old, new = step
    order = [
        {SessionStatus.CONNECTING, SessionStatus.STANDBY},
        {SessionStatus.LIVE},
        {SessionStatus.RECONNECTING},
        {SessionStatus.ENDED, SessionStatus.ERRORED},
    ]
    at = {status: number for number, statuses in enumerate(order) for status in statuses}
    is_back = step == (SessionStatus.RECONNECTING, SessionStatus.LIVE)
    # Who was never live is not waited for.
    never = old in order[0] and new == SessionStatus.RECONNECTING

    assert (new in SESSION_MACHINE.allowed.get(old, frozenset())) == (is_back or (at[old] < at[new] and not never))


@pytest.mark.parametrize("is_disabled", [False, True])
@pytest.mark.parametrize("status", list(LivestreamStatus))
def test_a_stopped_livestream_is_found_as_ever_by_another_word(status: LivestreamStatus, is_disabled: bool) -> None:
    as_ever = show_livestream(status=status, is_disabled=is_disabled)

    shown = show_livestream(status=status, is_disabled=is_disabled, is_stopped=True)

    assert shown == (as_ever if as_ever.is_on_air else replace(as_ever, label="Stopped", tone="off"))


@pytest.mark.parametrize("status", list(LivestreamStatus))
def test_shows_a_disabled_livestream_as_such_once_nothing_is_on_air(status: LivestreamStatus) -> None:
    shown = show_livestream(status=status, is_disabled=True)

    assert (shown == DISABLED) == (status in {LivestreamStatus.IDLE, LivestreamStatus.ERRORED})
    assert show_livestream(status=status, is_disabled=False) == LIVESTREAM_STATES[status]
