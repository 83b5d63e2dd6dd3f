"""What was delivered: a part or a segment of a broadcast."""

import re
from dataclasses import dataclass

# As nginx names what it serves: as it was asked for, as who waited was sent on, or (by try_files) as it lies on disk.
_PATH = re.compile(
    r"(?:/playback(?:-files)?)?/(?P<folder>[A-Za-z0-9_-]{1,64}/(?P<session>[0-9a-f]{16})/(?P<slot>[av][0-9]{1,2}))"
    r"/(?P<name>(?P<epoch>[0-9]{1,9})-(?P<msn>[0-9]{1,12})(?:\.(?P<part>[0-9]{1,2}))?\.m4s)"
)
WHOLE = -1
# A mask of parts has so many bits.
PARTS_AT_MOST = 64


@dataclass(frozen=True, slots=True)
class MediumAddress:
    """Where an object stands: `folder` is its rendition's, below that of all playback; `session` its session's name."""

    folder: str
    name: str
    session: str
    slot: str
    epoch: int
    msn: int
    # WHOLE for a segment.
    part: int


@dataclass(frozen=True, slots=True)
class Extent:
    """How long an object is, and how many bytes."""

    duration_us: int
    size: int


@dataclass(slots=True)
class Medium:
    """An object as it is counted. The interval is (msn, part): media sequence numbers go on over epochs.

    `bit` is the part's in a mask of its segment's, 0 for a segment.
    """

    session: str
    slot: str
    is_audio: bool
    msn: int
    bit: int
    duration_us: int
    size: int
    # For how long after it a viewer is still there: 1.25 times its length and a second.
    stay_ms: int


def read_path(path: str) -> MediumAddress | None:
    """Return what a path names, None where it names no media."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    part = WHOLE if match["part"] is None else int(match["part"])
    if part >= PARTS_AT_MOST:
        return None
    return MediumAddress(
        match["folder"], match["name"], match["session"], match["slot"], int(match["epoch"]), int(match["msn"]), part
    )


def medium_of(address: MediumAddress, extent: Extent) -> Medium:
    """Return it as it is counted."""
    return Medium(
        address.session,
        address.slot,
        address.slot[0] == "a",
        address.msn,
        0 if address.part == WHOLE else 1 << address.part,
        extent.duration_us,
        extent.size,
        extent.duration_us * 5 // 4000 + 1000,
    )
