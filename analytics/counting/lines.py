"""A line of an edge's log: one complete GET of a part or a segment, or what a player reports of itself."""

import msgspec

from analytics.counting.reports import LONGEST_REPORT

# Longer than anything a player sends.
LONGEST_LINE = 8192
MEDIA, REPORT = "media", "report"
# As nginx begins them: nothing that is sent stands there. Each of a report's characters may be written as two.
_LONGEST_WITH_REPORT = LONGEST_LINE + 2 * LONGEST_REPORT


class LineError(Exception):
    """A line that cannot be counted; `reason` is one word of a few."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LogLine(msgspec.Struct, rename={
    "id": "i", "event": "e", "at_s": "t", "path": "u", "status": "s", "size": "b", "address": "a",
    "agent": "g", "cmcd": "k", "cmcd_query": "q", "playback_session": "p", "viewer": "v", "report": "r",
}, gc=False):  # fmt: skip
    """As `livehub.stack.edge_log` has nginx write it; what a request did not have is empty."""

    # No other line's: that of a file's first line names the file.
    id: str
    # When the last byte was handed to the system, in seconds since 1970.
    at_s: float
    # Without its token: /playback/<playback id>/<session>/<slot>/<file>, or the same below /playback-files/ or /.
    path: str
    status: int
    # Bytes of the body.
    size: int
    address: str
    agent: str = ""
    # Common Media Client Data: the header CMCD-Session, and the query's `CMCD` as it was sent.
    cmcd: str = ""
    cmcd_query: str = ""
    # X-Playback-Session-Id
    playback_session: str = ""
    # What the origin has said of whose token this is.
    viewer: str = ""
    event: str = MEDIA
    # Lines of CMCD; empty where they are nothing that can be read.
    report: str = ""


decode = msgspec.json.Decoder(LogLine).decode


def parse(raw: bytes) -> LogLine:
    """Return what a line says.

    :raises LineError: when it is torn, forged or too long.
    """
    if len(raw) > _LONGEST_WITH_REPORT:
        raise LineError("long")
    try:
        line = decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        line = _parse_foreign(raw)
    check_known(raw, line)
    return line


def check_known(raw: bytes, line: LogLine) -> None:
    """:raises LineError: when it is of no kind that the edge writes, or longer than any of its kind."""
    if line.event == MEDIA:
        check_length(raw)
    elif line.event != REPORT:
        raise LineError("event")
    elif len(raw) > _LONGEST_WITH_REPORT:
        raise LineError("long")


def check_length(raw: bytes) -> None:
    """:raises LineError: when it is longer than any that a player causes."""
    if len(raw) > LONGEST_LINE:
        raise LineError("long")


def _parse_foreign(raw: bytes) -> LogLine:
    """Read it once more where a client has sent what is no UTF-8."""
    try:
        return decode(raw.decode("utf-8", "replace").encode())
    except msgspec.DecodeError as error:
        raise LineError("torn") from error


def file_id(first: bytes) -> str:
    """Return the name of the file that begins with this line.

    A torn one has a name as well: what it begins with.
    """
    try:
        return parse(first).id[:32]
    except LineError:
        return first[:32].hex()[:32]
