"""Making endpoints and changing them."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import NamedTuple, TypedDict, Unpack
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from livehub.core import clock, crypto, networks
from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name
from streams.models import App
from streams.organizations.services import Actor, check_room, record
from webhooks import calls, live_updates, secrets
from webhooks.catalogue import EVENT_NAMES
from webhooks.locks import lock_endpoint
from webhooks.models import URL_MAX_LENGTH, Endpoint
from webhooks.states import ROTATION_OVERLAP, PayloadFormat

# Of an app: each one that listens makes a row of each event, within the change that it tells of.
ENDPOINTS_MAX = 100


class EndpointChanges(TypedDict, total=False):
    """What can be changed at once; whatever is left out stays."""

    name: str
    url: str
    events: Collection[str]
    format: str
    enabled: bool


class NewEndpoint(NamedTuple):
    """An endpoint with its secret, which no interface shows again."""

    row: Endpoint
    secret: str


@transaction.atomic
def create_endpoint(
    *,
    app: App,
    name: str,
    url: str,
    events: Collection[str],
    actor: Actor,
    format: str = PayloadFormat.DYTE,
    enabled: bool = True,
) -> NewEndpoint:
    """Have events of the app sent to a URL from now on.

    :raises ValidationFailedError: names all that cannot be used, or says that the app has enough endpoints.
    """
    check_room(Endpoint.objects.for_app(app), most=ENDPOINTS_MAX, noun="webhooks")
    secret = secrets.make_secret()
    endpoint = Endpoint(app=app, secret_encrypted=crypto.encrypt(secret))
    _assign(endpoint, {"name": name, "url": url, "events": events, "format": format, "enabled": enabled})
    endpoint.save()
    _write_down(endpoint, actor=actor, action="webhook.created", host=_host_of(endpoint))
    return NewEndpoint(endpoint, secret)


@transaction.atomic
def change_endpoint(*, endpoint: Endpoint, actor: Actor, **changes: Unpack[EndpointChanges]) -> Endpoint:
    """Change all of this or nothing, and return the endpoint.

    One that is enabled, or is somewhere else now, is tried anew at once.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: names all that cannot be used.
    """
    endpoint = lock_endpoint(endpoint.pk)
    before = {name: getattr(endpoint, name) for name in changes}
    _assign(endpoint, changes)
    changed = sorted(name for name, value in before.items() if value != getattr(endpoint, name))
    if not changed:
        return endpoint
    if "enabled" in changed:
        endpoint.disabled_reason = ""
    if endpoint.enabled and {"enabled", "url"}.intersection(changed):
        _try_anew(endpoint)
    endpoint.save()
    moved = {"host": _host_of(endpoint)} if "url" in changed else {}
    _write_down(endpoint, actor=actor, action="webhook.changed", changed=changed, **moved)
    return endpoint


@transaction.atomic
def delete_endpoint(*, endpoint: Endpoint, actor: Actor) -> Endpoint:
    """Send nothing more to it, and forget its secret; return it as it was.

    :raises NotFoundError: when it is deleted.
    """
    endpoint = lock_endpoint(endpoint.pk)
    endpoint.deleted_at = clock.now()
    endpoint.secret_encrypted = endpoint.previous_secret_encrypted = ""
    endpoint.save(update_fields=["deleted_at", "secret_encrypted", "previous_secret_encrypted"])
    _write_down(endpoint, actor=actor, action="webhook.deleted")
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoint: Endpoint, actor: Actor, overlap: timedelta = ROTATION_OVERLAP) -> NewEndpoint:
    """Give an endpoint another secret; the present one signs beside it until the overlap is over.

    :raises NotFoundError: when it is deleted.
    """
    endpoint = lock_endpoint(endpoint.pk)
    secret = secrets.make_secret()
    endpoint.previous_secret_encrypted = endpoint.secret_encrypted
    endpoint.previous_secret_until = clock.now() + overlap
    endpoint.secret_encrypted = crypto.encrypt(secret)
    endpoint.save()
    _write_down(endpoint, actor=actor, action="webhook.secret_rotated")
    return NewEndpoint(endpoint, secret)


def _assign(endpoint: Endpoint, changes: EndpointChanges) -> None:
    endpoint.enabled = changes.get("enabled", endpoint.enabled)
    fields: dict[str, list[str]] = {}
    for name, check in _CHECKS.items():
        if name not in changes:
            continue
        try:
            setattr(endpoint, name, check(changes[name]))  # type: ignore[literal-required]  # A name of both.
        except ValidationFailedError as error:
            fields.update(error.fields)
    if fields:
        raise ValidationFailedError("The webhook cannot be saved.", fields=fields)


def _try_anew(endpoint: Endpoint) -> None:
    endpoint.failures, endpoint.failing_since, endpoint.open_until, endpoint.last_error = 0, None, None, ""
    calls.call_couriers([endpoint.pk])


def _check_name(name: str) -> str:
    checked = check_name(name)
    if not checked:
        raise ValidationFailedError("The name cannot be used.", fields={"name": ["Enter a name."]})
    return checked


def _check_url(url: str) -> str:
    complaint = _complain_of(url)
    if complaint:
        raise ValidationFailedError("The URL cannot be used.", fields={"url": [complaint]})
    return url


def _complain_of(url: str) -> str:
    if len(url) > URL_MAX_LENGTH:
        return f"Use at most {URL_MAX_LENGTH} characters; this has {len(url)}."
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False  # An IPv6 address without its brackets, or no port.
    if not is_usable or not url.isascii() or not url.isprintable() or " " in url:
        return "Enter the whole address of your server, such as https://example.com/webhooks."
    if parts.username is not None or parts.password is not None:
        return "Leave out the user name and password: the signature proves that a delivery is from LiveHub."
    if parts.port in networks.REFUSED_PORTS:
        return f"Port {parts.port} is not for the web. Use 443, or another port that your server takes requests at."
    if _is_inside(parts.hostname or ""):
        return (
            "This address is inside LiveHub's own network, where nothing is sent. Give one that the Internet reaches, "
            "or have the operator allow its network (LIVEHUB_OUTGOING_ALLOWED_NETWORKS)."
        )
    return ""


def _is_inside(host: str) -> bool:
    """Tell whether it is an address that nothing is sent to; what a name stands for is looked at when something is."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return networks.is_refused(address, allowed=[ip_network(text) for text in settings.OUTGOING_ALLOWED_NETWORKS])


def _check_events(names: Collection[str]) -> Sequence[str]:
    unknown = [name for name in names if name not in EVENT_NAMES]
    if unknown:
        raise ValidationFailedError("Unknown events.", fields={"events": [f"There is no event {unknown[0][:64]}."]})
    if not names:
        raise ValidationFailedError("No events.", fields={"events": ["Choose at least one event."]})
    # As the catalogue has them, each once.
    return [name for name in EVENT_NAMES if name in names]


def _check_format(format: str) -> str:
    if format not in PayloadFormat.values:
        message = f"Choose from {', '.join(PayloadFormat.values)}."
        raise ValidationFailedError("Unknown format.", fields={"format": [message]})
    return format


_CHECKS = {"name": _check_name, "url": _check_url, "events": _check_events, "format": _check_format}


def _host_of(endpoint: Endpoint) -> str:
    # Its path and query may be a secret, which the audit log would keep and show to whoever may not see the webhook.
    return urlsplit(endpoint.url).netloc.rpartition("@")[2]


def _write_down(endpoint: Endpoint, *, actor: Actor, action: str, **detail: object) -> None:
    record(organization=endpoint.app.organization, actor=actor, action=action, target=endpoint, **detail)
    live_updates.tell_on_commit(endpoint.pk)
