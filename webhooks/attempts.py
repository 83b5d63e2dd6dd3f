"""One request with a delivery, and what its answer means."""

import logging
import time
from collections.abc import Mapping

from django.conf import settings

from livehub.core import clock, tracing
from livehub.core.counters import ATTEMPT_DURATION
from livehub.core.outgoing import NoAnswerError, OutgoingClient, Received
from webhooks import signing
from webhooks.completion import ERROR_MAX_LENGTH, AttemptOutcome
from webhooks.routes import Claimed, Due
from webhooks.schedule import delay_s, read_retry_after

logger = logging.getLogger(__name__)

# For all of it, from looking up the name on.
TIMEOUT_S = 15.0
_GONE = 410
# Where a receiver may say for how long to leave it alone.
_BUSY = {429, 503}


async def attempt(client: OutgoingClient, endpoint: Claimed, due: Due) -> AttemptOutcome:
    """Send a delivery once; never raises but when it is broken off."""
    at, began_s, began_ns = clock.now(), time.monotonic(), tracing.now_ns()
    headers: dict[str, str] = {}
    answer, error = None, ""
    try:
        headers = _headers(endpoint, due)
        answer = await client.post(endpoint.url, body=due.body, headers=headers, timeout_s=TIMEOUT_S)
    except NoAnswerError as problem:
        error = str(problem)
    except Exception:
        # A mistake of ours, in one delivery: the others go on.
        logger.exception("not sent delivery=%s endpoint=%s", due.uid, endpoint.id)
        error = "LiveHub could not send it: its log says why"
    duration_s = time.monotonic() - began_s
    # Where an endpoint would be instead, its receiver says: as long as it likes.
    error = (error or _complain_of(answer))[:ERROR_MAX_LENGTH]
    outcome = "delivered" if not error else "refused" if answer else "no_answer"
    ATTEMPT_DURATION.labels(outcome).observe(duration_s)
    if due.session_id is not None:
        told: dict[str, tracing.Attribute] = {
            "livehub.webhook.type": due.event_type,
            "livehub.webhook.attempt": due.attempts + 1,
            "livehub.webhook.outcome": outcome,
        }
        tracing.note_step(due.session_id, "webhook.deliver", began_ns=began_ns, attributes=told)
    return AttemptOutcome(
        due=due,
        at=at,
        duration_ms=round(duration_s * 1000),
        status=answer.status if answer else None,
        error=error,
        headers=headers,
        answer=answer.text if answer else "",
        answer_headers=answer.headers if answer else {},
        retry_in_s=_retry_in_s(due, answer) if error else None,
        gone_url=endpoint.url if answer is not None and answer.status == _GONE else "",
    )


def _headers(endpoint: Claimed, due: Due) -> dict[str, str]:
    if not due.body:
        raise NoAnswerError("LiveHub cannot make its body: its log says why")
    if not endpoint.secrets:
        raise NoAnswerError("its secret is under no key in LIVEHUB_ENCRYPTION_KEYS: rotate it, or add the old key")
    return signing.headers_of(
        body=due.body,
        delivery_id=due.uid,
        endpoint_id=endpoint.id,
        timestamp_s=int(clock.now().timestamp()),
        secrets_=endpoint.secrets,
        key=settings.WEBHOOK_SIGNING_KEY,
    )


def _complain_of(answer: Received | None) -> str:
    """Return why an answer is none that a delivery ends with; empty when it is."""
    if answer is None or 200 <= answer.status < 300:
        return ""
    if 300 <= answer.status < 400:
        to = _header(answer.headers, "location")
        return f"answers {answer.status}: redirects are not followed{f', enter {to}' if to else ''}"
    return f"answers {answer.status}"


def _retry_in_s(due: Due, answer: Received | None) -> float | None:
    asked = None
    if answer is not None and answer.status in _BUSY:
        asked = read_retry_after(_header(answer.headers, "retry-after"), now=clock.now())
    return delay_s(due.tries + 1, retry_after_s=asked)


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")
