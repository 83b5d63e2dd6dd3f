"""The run of a self-test: each step waits for what the one before has begun, and the first that fails is the last."""

import logging
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from threading import Thread
from typing import TypeVar
from uuid import UUID

from django import db
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from livehub.core import clock, jobs
from livehub.core.deadline import deadline
from livehub.core.errors import NotFoundError
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams.models import Connection, Lease, Livestream, Session
from streams.livestreams.states import SessionStatus
from streams.livestreams.watching import SessionViewers, viewers_of
from streams.media import test_picture
from streams.media.clock_code import DecodeFailedError
from streams.media.process import Child, running
from streams.self_tests import audience, latency, services
from streams.self_tests.cost import BroadcastCost
from streams.self_tests.models import SelfTest, Step
from streams.self_tests.states import STEP_RULES, TOTAL_S, StepName, StepState
from streams.self_tests.viewing import EdgeViewer, MediaListing, ViewingFailedError, opened_viewer

logger = logging.getLogger(__name__)

_Found = TypeVar("_Found")
_LOOK_S = 0.05
# Of the database, within a step.
_QUERY_S = 3.0
# Between the two looks at what the broadcast costs: shorter ones say little.
_MEASURED_S = 6.0
_CLEAN_UP_S = 4.0
# For a part to come.
_ANSWER_S = 2.0


class StepFailedError(Exception):
    """What was seen instead of what should be; `advice` where it is another than the step's own."""

    def __init__(self, detail: str, *, advice: str = "") -> None:
        super().__init__(detail)
        self.detail, self.advice = detail, advice


def start_run(self_test_id: UUID) -> Thread | None:
    """Run a self-test that nobody runs in a thread of its own, and return that.

    It keeps nobody's slot, and when the process dies, what it started does; the sweep ends it then.
    """
    self_test = services.claim(self_test_id)
    if self_test is None or self_test.livestream is None:
        return None
    chain = Chain(self_test, self_test.livestream)
    thread = Thread(target=chain.run, name=f"self-test {self_test.pk}", daemon=True)
    thread.start()
    return thread


class Chain:
    """One run; what a step has found is there for the next ones."""

    def __init__(self, self_test: SelfTest, livestream: Livestream) -> None:
        self._self_test = self_test
        self._livestream = livestream
        self._ends_at = time.monotonic() + services.time_left_s(self_test)
        self._bound_at = self._ends_at
        self._children = ExitStack()
        self._encoder: Child
        self._viewer: EdgeViewer
        self._session: Session
        self._listing: MediaListing
        # From the first part on.
        self._cost: BroadcastCost | None = None

    def run(self) -> None:
        """Take all steps, remove what they have left, and say how it went."""
        try:
            with self._children, opened_viewer(self._self_test.pk.hex) as self._viewer:
                self._take_steps()
            self._clean_up()
            services.finish(self._self_test)
        except NotFoundError:
            logger.warning("self-test %s was broken off meanwhile", self._self_test.pk)
        except Exception:  # A thread's end that nobody sees: the sweep breaks it off and removes what is left.
            logger.exception("self-test %s broke off", self._self_test.pk)
        finally:
            db.connection.close()

    def _take_steps(self) -> None:
        steps: dict[StepName, Callable[[], str]] = {
            StepName.ENCODER: self._try_encoder,
            StepName.INGEST: self._connect,
            StepName.WORKER: self._await_worker,
            StepName.FIRST_PART: self._await_first_part,
            StepName.RENDITIONS: self._check_renditions,
            StepName.BLOCKING_RELOAD: self._await_reload,
            StepName.LATENCY: self._measure_latency,
            StepName.WEBHOOKS: self._check_webhooks,
            StepName.CAPACITY: self._measure_capacity,
            StepName.VIEWERS: self._await_count,
            StepName.END: self._end,
        }
        for name, take in steps.items():
            if not self._take(name, take):
                return

    def _take(self, name: StepName, take: Callable[[], str]) -> bool:
        """Take a step and write down how it went; tell whether to go on."""
        rule = STEP_RULES[name]
        self._note(Step(name, StepState.RUNNING))
        began_at = time.monotonic()
        self._bound_at = min(began_at + rule.bound_s, self._ends_at)
        try:
            detail = take()
        except (StepFailedError, ViewingFailedError, DecodeFailedError) as failure:
            advice = getattr(failure, "advice", "") or rule.advice
            return self._end_step(Step(name, StepState.FAILED, _ms_since(began_at), str(failure), advice))
        except ObjectDoesNotExist:
            said = "The session was over before that."
            return self._end_step(Step(name, StepState.FAILED, _ms_since(began_at), said, rule.advice))
        except DATABASE_OUTAGE as error:
            logger.warning("self-test %s: step %s: %s", self._self_test.pk, name, describe(error))
            advice = "Look at PostgreSQL on the System page, and at its disk."
            said = "The database did not answer in time."
            return self._end_step(Step(name, StepState.FAILED, _ms_since(began_at), said, advice))
        return self._end_step(Step(name, StepState.PASSED, _ms_since(began_at), detail))

    def _end_step(self, step: Step) -> bool:
        self._note(step)
        return step.state == StepState.PASSED

    def _try_encoder(self) -> str:
        """Make a few pictures for nobody: whether ffmpeg is there, draws the time, and encodes."""
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *test_picture.trial_argv()]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=self._left_s(), check=False, text=True)
        except subprocess.TimeoutExpired as error:
            raise StepFailedError("ffmpeg did not make a picture in time.") from error
        if done.returncode:
            raise StepFailedError(f"ffmpeg failed: {done.stderr.strip()[-200:] or done.returncode}")
        return "ffmpeg draws and encodes"

    def _connect(self) -> str:
        """Publish as any encoder does; until the hook has let it in."""
        key = services.give_key(self._livestream)
        argv = test_picture.publish_argv(
            base_url=settings.INGEST_PULL_URL, name=key, length_s=TOTAL_S, has_clock_code=True
        )
        # Its complaints may repeat the key.
        child = running(argv, label=f"self-test {self._self_test.pk}", listener=lambda _line: None)
        self._encoder = self._children.enter_context(child)
        found = self._await(self._find_session, "The encoder sends, and the ingest hook let nobody in.")
        self._session = found
        return "The hook let the encoder in"

    def _find_session(self) -> Session | None:
        session = Session.objects.filter(livestream=self._livestream.pk).first()
        if session is None and self._encoder.exit_code is not None:
            refusal = Livestream.objects.filter(pk=self._livestream.pk).values_list("last_refusal", flat=True).first()
            raise StepFailedError(refusal or "The ingest server did not take the encoder in.")
        return session

    def _await_worker(self) -> str:
        lease = self._await(
            lambda: Lease.objects.filter(session=self._session.pk, epoch__gt=0).first(),
            "No worker took the session.",
        )
        return f"Run by {lease.worker.partition(':')[0]}"

    def _await_first_part(self) -> str:
        began_at = Connection.objects.filter(session=self._session.pk).earliest("connected_at").connected_at
        self._await(self._is_live, "The session did not become live.")
        self._listing = self._await(self._find_listing, "No part could be fetched.")
        part = self._viewer.fetch(self._listing.parts[0].url)
        took_ms = round((clock.now() - began_at).total_seconds() * 1000)
        self._cost = BroadcastCost(self._session, encoder_pid=self._encoder.process.pid)
        return f"{took_ms} ms after the encoder came; {len(part)} bytes"

    def _is_live(self) -> bool:
        self._session = Session.objects.select_related("lease").get(pk=self._session.pk)
        if self._session.status == SessionStatus.ERRORED:
            raise StepFailedError(self._session.error_message or "The session failed.")
        return bool(self._session.status == SessionStatus.LIVE)

    def _find_listing(self) -> MediaListing | None:
        best = next(iter(self._viewer.renditions(self._livestream.playback_path).video), None)
        listing = self._viewer.listing(best) if best else None
        return listing if listing and listing.parts else None

    def _check_renditions(self) -> str:
        """Fetch a part of each rendition that the session says it makes."""
        promised = [each for each in self._session.renditions if each["name"] not in self._session.left_out]
        listed = self._viewer.renditions(self._livestream.playback_path)
        addresses = [*listed.video, *listed.audio]
        if len(addresses) != len(promised):
            names = ", ".join(str(each["name"]) for each in promised)
            raise StepFailedError(f"{len(addresses)} of {len(promised)} renditions are listed ({names}).")
        for address in addresses:
            listing = self._await(partial(self._with_parts, address), "A rendition has no part.")
            if not self._viewer.fetch(listing.parts[-1].url):
                raise StepFailedError("A rendition's part is empty.")
        return ", ".join(str(each["name"]) for each in promised)

    def _with_parts(self, address: str) -> MediaListing | None:
        listing = self._viewer.listing(address)
        return listing if listing.parts else None

    def _await_reload(self) -> str:
        """Ask for the part that is not there yet: the answer must be held until it is."""
        listing = self._viewer.listing(self._listing.url)
        began_at = time.monotonic()
        after = self._viewer.listing(listing.url, after=listing, timeout_s=self._left_s())
        if (after.next_msn, after.next_index) <= (listing.next_msn, listing.next_index):
            raise StepFailedError("The playlist was answered without the part that was asked for.")
        self._listing = after
        return f"Answered after {_ms_since(began_at)} ms, with the part"

    def _measure_latency(self) -> str:
        ages = latency.measure(self._viewer, self._listing, ends_at=self._bound_at)
        if ages is None:
            raise StepFailedError("No picture of what was fetched shows when it was drawn.")
        self._note(
            Step(StepName.LATENCY, StepState.RUNNING),
            encoder_to_fetchable_ms=ages.newest,
            glass_to_fetchable_ms=ages.oldest,
        )
        return (
            f"The newest picture of a part was {ages.newest} ms old when it could be fetched, "
            f"the oldest {ages.oldest} ms"
        )

    def _check_webhooks(self) -> str:
        """Have the program that delivers look for this broadcast's event in the outbox; nothing goes outside."""
        jobs.enqueue("webhooks.answer_self_test", self_test_id=self._self_test.pk)

        def answered() -> SelfTest | None:
            return SelfTest.objects.filter(pk=self._self_test.pk, is_in_outbox__isnull=False).first()

        if not self._await(answered, "The webhooks worker did not take the message.").is_in_outbox:
            raise StepFailedError("The outbox has no event of this broadcast.", advice="Look at the log of ASGI.")
        return "The event is in the outbox, and the webhooks worker took the message; nothing was sent outside"

    def _measure_capacity(self) -> str:
        cost = self._cost
        if cost is None:
            raise StepFailedError("What the broadcast costs was not looked at.")
        # Who watches meanwhile is counted soon after.
        while (left_s := min(cost.since_s + _MEASURED_S, self._bound_at) - time.monotonic()) > 0:
            # What cannot be watched is for the next steps to say.
            with suppress(ViewingFailedError):
                self._watch_on(at_most_s=left_s + _ANSWER_S)
            time.sleep(_LOOK_S)
        found = cost.capacity()
        if found is None:
            raise StepFailedError("The broadcast used no time of the CPU between two looks.")
        self._note(Step(StepName.CAPACITY, StepState.RUNNING), carries_more=found.more)
        return (
            f"A broadcast like this takes {found.broadcast_cores:.2f} cores; {found.free_cores:.2f} are free without "
            f"it, and {found.free_places} places, so this machine carries about {found.more} more"
        )

    def _watch_on(self, *, at_most_s: float) -> None:
        self._listing = self._viewer.watch_on(self._listing, timeout_s=at_most_s)

    def _await_count(self) -> str:
        """Go on watching until the collector says that one viewer does: this one."""
        seen = SessionViewers()

        def are_right() -> bool:
            nonlocal seen
            self._watch_on(at_most_s=_ANSWER_S)
            seen = viewers_of([self._session.pk])[self._session.pk]
            return audience.is_one(seen)

        self._await(are_right, lambda: audience.what_is_wrong(seen))
        return "The collector counts the one who watches"

    def _end(self) -> str:
        """Let the encoder go: the session must end by itself, and players must be told."""
        self._encoder.kill()
        self._await(self._is_ended, "The session did not end when its encoder left.")
        self._await(lambda: self._viewer.listing(self._listing.url).is_over, "The playlist got no end.")
        return "The session ended, and players were told"

    def _is_ended(self) -> bool:
        return Session.objects.filter(pk=self._session.pk, status=SessionStatus.ENDED).exists()

    def _clean_up(self) -> None:
        began_at = time.monotonic()
        self._note(Step(StepName.CLEAN_UP, StepState.RUNNING))
        with deadline(_CLEAN_UP_S):
            services.remove_livestream(self._self_test)
        self._note(Step(StepName.CLEAN_UP, StepState.PASSED, _ms_since(began_at), "The livestream is deleted"))

    def _note(self, step: Step, **found: int | None) -> None:
        with deadline(_QUERY_S):
            services.note_step(self._self_test, step, **found)

    def _left_s(self) -> float:
        return max(0.05, self._bound_at - time.monotonic())

    def _await(self, look: Callable[[], _Found | None], otherwise: str | Callable[[], str]) -> _Found:
        """Return what is looked for as soon as it is there; fail with these words when the step's time is over."""
        while True:
            # Such as 502 while a program starts again: until the time is over.
            refusal = ""
            try:
                with deadline(_QUERY_S):
                    if found := look():
                        return found
            except ViewingFailedError as failure:
                refusal = str(failure)
            if time.monotonic() >= self._bound_at:
                raise StepFailedError(refusal or (otherwise if isinstance(otherwise, str) else otherwise()))
            time.sleep(_LOOK_S)


def _ms_since(began_at: float) -> int:
    return round((time.monotonic() - began_at) * 1000)
