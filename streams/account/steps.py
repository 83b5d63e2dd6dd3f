"""The steps of logging in: password, code if there is a second factor, and only then the log-in."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from livehub.core import clock
from livehub.core.clients import client_address
from streams.account.guard import remember_device
from streams.identity.log_ins import describe_log_in
from streams.organizations.log_ins import record_deed
from streams.organizations.models import User

# What the browser's session knows between the two steps.
_AWAITING = "awaiting_code"
# Enough to find the phone.
_CODE_STEP_S = 600


@dataclass(frozen=True)
class Entrant:
    """Somebody who knows the password, and has yet to show a code."""

    user: User
    going_to: str


def enter(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """Log the person in, in this browser, which the response tells to show that from now on."""
    request.session.pop(_AWAITING, None)
    request.session.set_expiry(None)
    login(request, user)
    address = client_address(request)
    describe_log_in(request.session, browser=request.headers.get("User-Agent", ""), address=address)
    record_deed(user=user, action="user.logged_in", address=address)
    remember_device(response, user=user)
    return response


def await_code(request: HttpRequest, user: User, *, going_to: str) -> None:
    """Remember for ten minutes that the password was right, which opens nothing yet."""
    request.session.flush()
    request.session[_AWAITING] = {
        "user": user.pk.hex,
        # Void with another password.
        "password": user.get_session_auth_hash(),
        "until": clock.now().timestamp() + _CODE_STEP_S,
        "going_to": going_to,
    }
    request.session.set_expiry(_CODE_STEP_S)


def find_entrant(request: HttpRequest) -> Entrant | None:
    """Return who is between the steps in this browser."""
    awaiting = request.session.get(_AWAITING)
    if not awaiting or awaiting["until"] < clock.now().timestamp():
        return None
    user = User.objects.filter(pk=UUID(awaiting["user"]), is_active=True).first()
    if user is None or not constant_time_compare(awaiting["password"], user.get_session_auth_hash()):
        return None
    return Entrant(user, awaiting["going_to"])
