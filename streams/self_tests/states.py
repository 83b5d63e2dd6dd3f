"""What a self-test does, and how it ends: its steps in their order, with the words that people read."""

from dataclasses import dataclass

from django.db.models import TextChoices

from streams.livestreams.states import Shown


class SelfTestState(TextChoices):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    BROKEN_OFF = "broken_off"


class StepState(TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepName(TextChoices):
    ENCODER = "encoder", "Encoder starts"
    INGEST = "ingest", "Ingest takes it in"
    WORKER = "worker", "A worker takes the session"
    FIRST_PART = "first_part", "The first part can be fetched"
    RENDITIONS = "renditions", "Every rendition is there"
    BLOCKING_RELOAD = "blocking_reload", "A playlist waits for its next part"
    LATENCY = "latency", "Pictures arrive in time"
    WEBHOOKS = "webhooks", "Webhooks are written down and taken up"
    CAPACITY = "capacity", "Room for more"
    VIEWERS = "viewers", "One viewer is counted"
    END = "end", "The broadcast ends"
    CLEAN_UP = "clean_up", "Nothing is left behind"


@dataclass(frozen=True)
class StepRule:
    """How long a step may take at most, in seconds, and what mends it when it fails."""

    bound_s: float
    advice: str


# The whole run has a bound of its own beside these.
TOTAL_S = 26.0
STEP_RULES: dict[str, StepRule] = {
    StepName.ENCODER: StepRule(
        5, "Check that ffmpeg with libx264 is installed on this machine (System page, ffmpeg), and that it is not busy."
    ),
    StepName.INGEST: StepRule(
        5,
        "Look at Ingest, Gate and ASGI on the System page; one that is down is started again by itself. "
        "Their logs say why.",
    ),
    StepName.WORKER: StepRule(
        6, "Look at the live worker on the System page: it must run, and have a free place. Restart it if it hangs."
    ),
    StepName.FIRST_PART: StepRule(
        12,
        "Look at Edge and Origin on the System page, and at the live worker's log: it says what ffmpeg complains of. "
        "A machine that is too busy needs longer than this.",
    ),
    StepName.RENDITIONS: StepRule(
        5, "Look at the live worker's log: it says which rendition ffmpeg could not make, and why."
    ),
    StepName.BLOCKING_RELOAD: StepRule(
        4, "Look at Origin on the System page. A proxy in front of LiveHub must not buffer or cut answers that wait."
    ),
    StepName.LATENCY: StepRule(
        8, "The machine is too busy to keep up, or its clock jumps. Lower the load, and check its time service."
    ),
    StepName.WEBHOOKS: StepRule(
        5, "Look at the webhooks worker on the System page: it must run, and its queue must not grow."
    ),
    StepName.CAPACITY: StepRule(8, "Run the self-test again: what the broadcast used could not be measured."),
    StepName.VIEWERS: StepRule(
        8,
        "Look at Collector on the System page: it counts viewers by the edge's log, and must run on every machine that "
        "has an edge. Its log says why it does not.",
    ),
    StepName.END: StepRule(
        6, "Look at ASGI and the live worker on the System page: they end a broadcast when its encoder leaves."
    ),
    StepName.CLEAN_UP: StepRule(4, "The database did not answer in time. What is left is removed within a minute."),
}
BROKEN_OFF_ADVICE = (
    "Whoever ran it ended, or never began. Look at the urgent worker on the System page, "
    "then start the self-test again."
)

SELF_TEST_STATES: dict[str, Shown] = {
    SelfTestState.RUNNING: Shown("running", "Running", "warn"),
    SelfTestState.PASSED: Shown("passed", "Passed", "live"),
    SelfTestState.FAILED: Shown("failed", "Failed", "bad"),
    SelfTestState.BROKEN_OFF: Shown("broken_off", "Broken off", "bad"),
}
STEP_STATES: dict[str, Shown] = {
    StepState.WAITING: Shown("waiting", "To come"),
    StepState.RUNNING: Shown("running", "Running", "warn"),
    StepState.PASSED: Shown("passed", "Passed", "live"),
    StepState.FAILED: Shown("failed", "Failed", "bad"),
    StepState.SKIPPED: Shown("skipped", "Not tried"),
}
