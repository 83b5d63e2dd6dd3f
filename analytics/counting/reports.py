"""What players report of themselves: events of Common Media Client Data, version 2. Source: CTA-5004-A.

A report is lines, each a dictionary of Structured Fields (RFC 8941): one event. Every line has to be one from its
beginning to its end; of what it says, only what is counted is kept. Everything here is a claim.
"""

import re
from hashlib import blake2b

import msgspec

# What the edge lets in: longer ones it refuses.
LONGEST_REPORT = 16 * 1024
_EVENTS, _MEMBERS, _LINE = 64, 64, 4096
_PATH = re.compile(r"/playback/(?P<playback_id>pb_[A-Za-z0-9]{1,29})/(?:(?P<session>[0-9a-f]{16})/)?events")
# Each repeated a bounded number of times: whatever a line holds, reading it takes time by its length.
_KEY = r"[a-z*][a-z0-9_.*-]{0,63}+"
_NUMBER = r"-?[0-9]{1,15}+(?:\.[0-9]{1,3}+)?"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\]){0,1024}+"'
_TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]{0,127}+"  # noqa: S105  # A word without quotes.
_ITEM = rf"(?:{_NUMBER}|{_STRING}|{_TOKEN}|\?[01]|:[A-Za-z0-9+/=]{{0,127}}+:)"
_PARAMETERS = rf"(?:;\ ?{_KEY}(?:={_ITEM})?){{0,8}}+"
_LIST = rf"\(\ ?(?:{_ITEM}{_PARAMETERS}(?:\ {_ITEM}{_PARAMETERS}){{0,15}}+)?\ ?\)"
# Or all the rest: where one member is wrong the whole line is, and it is not looked at again from each place.
_MEMBER = re.compile(rf"({_KEY})(?:=({_ITEM}|{_LIST}))?{_PARAMETERS}[ \t]{{0,8}}+(,[ \t]{{0,8}}+|$)|.+")
_LISTED = re.compile(rf"({_ITEM}){_PARAMETERS}")
_INTEGER = re.compile(r"[0-9]{1,15}")
_ERROR_CODE = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}")
ERROR_CODE_LENGTH = 32
# Sixty-four characters at most. Source: CTA-5004.
_SID_LENGTH = 64


class ReportError(Exception):
    """A line that is no event."""


class PlayerEvent(msgspec.Struct, gc=False):
    """One event; what it does not say is None. Times in ms; those of totals are of the whole of `sid`."""

    sid: str
    # When, by the player's clock, since 1970.
    at_ms: int
    # One letter: p for playing, r for rebuffering...
    state: str | None = None
    sequence: int | None = None
    startup_ms: int | None = None
    played_ms: int | None = None
    stalled_ms: int | None = None
    stalls: int | None = None
    latency_ms: int | None = None
    dropped_frames: int | None = None
    error_code: str | None = None


def read_events_path(path: str) -> tuple[str, str] | None:
    """Return a playback id and the name of a session's folder, empty where the player did not say; None for others."""
    match = _PATH.fullmatch(path)
    return (match["playback_id"], match["session"] or "") if match else None


def read_events(body: str) -> tuple[list[PlayerEvent], int]:
    """Return a report's events, and how many of its lines are none."""
    events: list[PlayerEvent] = []
    lines = [line for line in body.split("\n") if line.strip("\r \t")]
    wrong = max(0, len(lines) - _EVENTS)
    for line in lines[:_EVENTS]:
        try:
            events.append(read_event(line.rstrip("\r")))
        except ReportError:
            wrong += 1
    return events, wrong


def read_event(line: str) -> PlayerEvent:
    """Return what one line says.

    :raises ReportError: when it is no dictionary, no event, or has a value that cannot be.
    """
    members = _read_dictionary(line)
    if "e" not in members:
        raise ReportError("e")
    sid = _text(members.get("sid"))
    at_ms = _number(members, "ts")
    if not sid or len(sid) > _SID_LENGTH or at_ms is None:
        raise ReportError("sid")
    return PlayerEvent(
        sid,
        at_ms,
        _word(members.get("sta")),
        _number(members, "sn"),
        _number(members, "msd"),
        _number(members, "com.livehub-wt"),
        _number(members, "bsda"),
        _number(members, "bsa"),
        _number(members, "ltc"),
        _number(members, "dfa"),
        _code(members.get("ec")),
    )


def short_name(sid: str) -> int:
    """Return what tells one session of a player from another of the same viewer, and nobody knows it by."""
    return int.from_bytes(blake2b(sid.encode(), digest_size=7).digest())


def _read_dictionary(line: str) -> dict[str, str]:
    """Return members by their keys, as they are written; empty for one without a value, which is true."""
    line = line.strip(" \t")
    if len(line) > _LINE:
        raise ReportError("long")
    found = _MEMBER.findall(line)
    members = {key: value for key, value, _ in found}
    # Nothing follows the last one, be it a comma. Of two with the same key the last one counts. Source: RFC 8941, 3.2.
    if "" in members or not found or found[-1][2] or len(found) > _MEMBERS:
        raise ReportError("dictionary")
    return members


def _number(members: dict[str, str], key: str) -> int | None:
    """Return a count or milliseconds; the most of a list, which has one for each kind of media."""
    value = members.get(key)
    if value is None:
        return None
    found = [match[1] for match in _LISTED.finditer(value[1:-1])] if value.startswith("(") else [value]
    if not all(_INTEGER.fullmatch(each) for each in found):
        raise ReportError(key)
    return max(map(int, found), default=None)


def _word(value: str | None) -> str | None:
    """Return a state's letter; empty for a state that nobody knows."""
    return value if value is None or len(value) == 1 else ""


def _text(value: str | None) -> str:
    """Return what a string says; empty for what is none."""
    if value is None or not value.startswith('"'):
        return ""
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _code(value: str | None) -> str | None:
    """Return the first error that is named, shortened; None where none is."""
    if value is not None and value.startswith("("):
        first = _LISTED.match(value, 1)
        value = first[1] if first else None
    text = _text(value)
    return text[:ERROR_CODE_LENGTH] if _ERROR_CODE.fullmatch(text) else None
