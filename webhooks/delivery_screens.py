"""What the dashboard shows of a delivery."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from streams.livestreams.states import Shown
from streams.models import Organization
from webhooks.health import DELIVERY_STATES, RETRYING, answer_words, sentence
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.requests_shown import body_shown, curl_line, header_lines, is_masked, pretty
from webhooks.selectors import get_delivery, get_own_endpoint
from webhooks.states import DeliveryState
from webhooks.subjects_shown import subject_name, subject_url


def next_try(endpoint: Endpoint, *, due_at: datetime | None) -> datetime | None:
    """Return when what is due then is sent: later, if the endpoint is left alone longer; None while it is disabled."""
    if due_at is None or not endpoint.enabled:
        return None
    return max(due_at, endpoint.open_until or due_at)


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery as lists and its own page show it."""

    delivery: Delivery

    @property
    def shown(self) -> Shown:
        is_retried = self.waits and self.delivery.tries and self.delivery.endpoint.enabled
        return RETRYING if is_retried else DELIVERY_STATES[self.delivery.state]

    @property
    def answer(self) -> str:
        """Return what came of the last attempt; empty before the first."""
        return answer_words(self.delivery)

    @property
    def waits(self) -> bool:
        return self.delivery.state == DeliveryState.PENDING

    @property
    def is_held(self) -> bool:
        """Tell whether it goes only after an earlier one of the same livestream or meeting."""
        return self.waits and self.delivery.is_held and self.delivery.endpoint.enabled

    @property
    def subject(self) -> str:
        """Return what people call what it is about; of a test, which is about nothing, empty."""
        return "" if self.delivery.event.is_test else subject_name(self.delivery.event)

    @property
    def next_try_at(self) -> datetime | None:
        """Return when it is sent, again or for the first time; None when it is not to be for now, or nobody knows."""
        is_known = self.waits and not self.delivery.is_held
        return next_try(self.delivery.endpoint, due_at=self.delivery.due_at if is_known else None)


@dataclass(frozen=True)
class AttemptRow:
    """An attempt as its delivery's page shows it."""

    attempt: Attempt

    @property
    def complaint(self) -> str:
        """Return what went wrong, as a sentence; empty where the status says it all."""
        error = self.attempt.error
        return "" if error == f"answers {self.attempt.status}" else sentence(error)

    @property
    def answer_head(self) -> str:
        return header_lines(self.attempt.answer_headers)

    @property
    def took(self) -> str:
        ms = self.attempt.duration_ms
        return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


@dataclass(frozen=True)
class DeliveryScreen:
    """The page of a delivery."""

    row: DeliveryRow

    @property
    def delivery(self) -> Delivery:
        return self.row.delivery

    @property
    def endpoint(self) -> Endpoint:
        return self.delivery.endpoint

    @cached_property
    def subject_url(self) -> str:
        return subject_url(self.delivery.event)

    @cached_property
    def attempts(self) -> list[Attempt]:
        """Return every request that was made, the first one first."""
        return list(self.delivery.attempt_rows.all())

    @property
    def has_more_attempts(self) -> bool:
        """Tell whether there were earlier ones than are shown."""
        return len(self.attempts) < self.delivery.attempts

    @property
    def head(self) -> str:
        """Return the headers of the last attempt; empty before the first."""
        return header_lines(_in_order(self.attempts[-1].headers)) if self.attempts else ""

    @property
    def latest_first(self) -> list[AttemptRow]:
        return [AttemptRow(attempt) for attempt in reversed(self.attempts)]

    @cached_property
    def _body(self) -> str:
        return body_shown(self.delivery)

    @property
    def body(self) -> str:
        return pretty(self._body)

    @property
    def is_masked(self) -> bool:
        return is_masked(self.delivery)

    @property
    def curl_line(self) -> str:
        return curl_line(self.delivery, body=self._body, attempts=self.attempts)


def _in_order(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return a request's headers with those first that receivers check; the database keeps no order."""
    return dict(sorted(headers.items(), key=lambda header: (not header[0].startswith("webhook-"), header[0].lower())))


def get_delivery_screen(*, organization: Organization, endpoint_id: UUID, uid: UUID) -> DeliveryScreen:
    """Return the page of a delivery.

    :raises NotFoundError: when the organization has no such delivery.
    """
    endpoint = get_own_endpoint(organization=organization, endpoint_id=endpoint_id)
    return DeliveryScreen(DeliveryRow(get_delivery(endpoint=endpoint, uid=uid)))
