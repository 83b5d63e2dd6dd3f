"""The hooks that nginx-rtmp calls: form fields in, a status code out.

They answer on a private socket, and only to a caller that knows the hook token. nginx-rtmp lets an encoder go on when
the answer is 2xx, renames its stream when it is 302, and cuts it otherwise.
Source: nginx-rtmp-module wiki, Directives, Notify.
"""

import hmac
import ipaddress
import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from livehub.core.counters import HOOK_DURATION
from livehub.core.deadline import deadline
from livehub.core.errors import DomainError
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.ingest import services
from streams.livestreams.arrivals import Encoder

logger = logging.getLogger(__name__)
_Hook = Callable[[HttpRequest], HttpResponse]


# An encoder gets its answer within 2 s: one that is refused tries again, one that is kept waiting looks broken.
_HOOK_TIMEOUT_S = 1.2


def _hook(*, during_outage: int) -> Callable[[_Hook], _Hook]:
    """Admit nginx only, and turn what goes wrong into a status: 403 cuts the encoder, `during_outage` is the hook's."""

    def decorate(view: _Hook) -> _Hook:
        @csrf_exempt
        @require_POST
        @wraps(view)
        def wrapper(request: HttpRequest) -> HttpResponse:
            # In the query, because Django's own log lines name the path.
            token = request.GET.get("token", "")
            if not hmac.compare_digest(token.encode(), settings.INGEST_HOOK_TOKEN.encode()):
                return HttpResponse(status=404)
            try:
                with HOOK_DURATION.labels(view.__name__).time(), deadline(_HOOK_TIMEOUT_S):
                    return view(request)
            except DomainError as error:
                logger.info("encoder refused hook=%s code=%s client=%s", view.__name__, error.code, _client_id(request))
                return HttpResponse(error.message, status=403, content_type="text/plain")
            except DATABASE_OUTAGE as error:
                logger.warning("hook=%s client=%s %s", view.__name__, _client_id(request), describe(error))
                return HttpResponse(status=during_outage)

        return wrapper

    return decorate


@_hook(during_outage=503)
def publish(request: HttpRequest) -> HttpResponse:
    """Admit an encoder under its session's id, or refuse it."""
    name = services.admit_encoder(name=_field(request, "name"), args=_args(request), encoder=_encoder(request))
    return HttpResponse(status=302, headers={"Location": name})


# Nobody acts on this one's answer; the sweep finds a session whose encoder has left.
@_hook(during_outage=503)
def publish_done(request: HttpRequest) -> HttpResponse:
    """Take note that an encoder went away."""
    services.encoder_left(name=_field(request, "name"), node=_node(request), client_id=_client_id(request))
    return HttpResponse(status=204)


# Any other answer than 2xx cuts the encoder, and a broadcast outlives its database.
@_hook(during_outage=204)
def update(request: HttpRequest) -> HttpResponse:
    """Keep an encoder's session going, or cut an encoder that has none; our own players are let be."""
    if _field(request, "call") == "update_publish":
        services.note_encoder(name=_field(request, "name"), node=_node(request), client_id=_client_id(request))
    return HttpResponse(status=204)


def _encoder(request: HttpRequest) -> Encoder:
    return Encoder(
        node=_node(request),
        client_id=_client_id(request),
        address=_address(_field(request, "addr")),
        software=_printable(_field(request, "flashver")),
    )


def _node(request: HttpRequest) -> str:
    # In the query, as the token is: nginx's configuration says it, and no encoder can.
    return request.GET.get("node", "")


def _client_id(request: HttpRequest) -> int:
    text = _field(request, "clientid")
    return int(text) if text.isascii() and text.isdigit() else 0


def _field(request: HttpRequest, name: str) -> str:
    """Return nginx's own value: what an encoder appends to its stream name (`key?addr=...`) comes after it."""
    values = request.POST.getlist(name)
    return values[0] if values else ""


def _args(request: HttpRequest) -> dict[str, str]:
    """Return what stands behind the stream name (`key?password=...`), among nginx's own fields, which come first."""
    return {name: _field(request, name) for name in request.POST}


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
