"""How endpoints and deliveries fare, as people are told it."""

from collections.abc import Mapping

from django.db.models import Q

from livehub.core.unanswered import CLOSED, UNANSWERED, UNKNOWN
from streams.livestreams.states import Shown
from webhooks.models import Delivery, Endpoint
from webhooks.states import DeliveryState, DisabledReason

_STOPPED = Shown("disabled", "Disabled", "bad")
_PAUSED = Shown("paused", "Paused", "off")
_FAILING = Shown("failing", "Failing", "bad")
_HEALTHY = Shown("healthy", "Healthy", "good")
_NEW = Shown("new", "New")

_IS_STOPPED = Q(enabled=False) & ~Q(disabled_reason="")
_IS_FAILING = Q(enabled=True, failing_since__isnull=False)

# The lists that people choose from, by what their address calls them: heading, and which endpoints are in it.
LISTS: Mapping[str, tuple[str, Q]] = {
    "": ("All", Q()),
    "trouble": ("Needs a hand", _IS_STOPPED | _IS_FAILING),
    "paused": ("Paused", Q(enabled=False, disabled_reason="")),
}

DELIVERY_STATES: Mapping[str, Shown] = {
    DeliveryState.PENDING: Shown("pending", "Waiting"),
    DeliveryState.DELIVERED: Shown("delivered", "Delivered", "good"),
    DeliveryState.FAILED: Shown("failed", "Failed", "bad"),
}
# One that is still tried, and whose last try failed.
RETRYING = Shown("pending", "Retrying", "warn")

_WHY_STOPPED = {
    DisabledReason.GONE: "It answered 410 Gone, which says that it wants nothing more.",
    DisabledReason.FAILING: "No delivery arrived for 5 days, so LiveHub stopped sending.",
}
_RESUME = "Mend your server, enable the webhook, then replay what it missed."
_IS_REFUSED = "Does your server check the signature with the present secret?"
# By how the words begin that say what went wrong; those of an answer are of `webhooks.attempts`.
_ADVICE = {
    "answers 401": _IS_REFUSED,
    "answers 403": _IS_REFUSED,
    "answers 404": "Is the path of the URL right?",
    "answers 405": "Is the path of the URL right? It has to take POST requests.",
    "answers 5": "Your server's own log says why.",
    CLOSED: "Is your server running, and is the port of the URL right?",
    UNANSWERED: "Have your server answer first, and do the work afterwards.",
    UNKNOWN: "Is the host of the URL right?",
}


def health_of(endpoint: Endpoint) -> Shown:
    """Return how an endpoint fares now."""
    if not endpoint.enabled:
        return _STOPPED if endpoint.disabled_reason else _PAUSED
    if endpoint.failing_since:
        return _FAILING
    return _HEALTHY if endpoint.last_success_at else _NEW


def why(endpoint: Endpoint) -> str:
    """Return why an endpoint needs a hand, as a sentence; empty when it does not."""
    if not endpoint.enabled:
        return _WHY_STOPPED.get(DisabledReason(endpoint.disabled_reason), "") if endpoint.disabled_reason else ""
    if not endpoint.failing_since:
        return ""
    return sentence(endpoint.last_error) or "Deliveries do not arrive."


def advice(endpoint: Endpoint) -> str:
    """Return what can be done for an endpoint that needs a hand; empty when nobody knows."""
    if not endpoint.enabled:
        return _RESUME if endpoint.disabled_reason else ""
    words = endpoint.last_error
    return next((tip for beginning, tip in _ADVICE.items() if words.startswith(beginning)), "")


def answer_words(delivery: Delivery) -> str:
    """Return what came of the last attempt at a delivery: a status, or why there was none; empty before the first."""
    return str(delivery.last_status) if delivery.last_status else delivery.last_error


def sentence(words: str) -> str:
    """Return what went wrong as a sentence."""
    return words and words[0].upper() + words[1:].rstrip(".") + "."
