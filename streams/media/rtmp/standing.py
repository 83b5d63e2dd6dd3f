"""How far a target is: what the publisher tells of it, and whoever started it understands."""

from dataclasses import dataclass
from enum import StrEnum


class PushState(StrEnum):
    """How far a target is."""

    IDLE = "idle"
    STARTING = "starting"
    BROADCASTING = "broadcasting"
    RETRYING = "retrying"
    # It has failed for long, and is tried now and then.
    ERRORED = "errored"
    DISABLED = "disabled"


@dataclass
class TargetStanding:
    """What is known of a target; `bytes` have really been taken by it, `rate` per second lately."""

    state: PushState = PushState.STARTING
    reason: str = ""
    message: str = ""
    bytes: int = 0
    rate: int = 0
    tries: int = 0
