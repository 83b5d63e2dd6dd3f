"""The steps of logging in: password, code if there is a second factor, and only then the log-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from uuid import UUID

from django.contrib.auth import login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from livehub.core import clock
from streams.identity.log_ins import describe_log_in
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


@dataclass
class Attempt:
    """One try at a secret; it counts unless it is said to have been right."""

    is_right: bool = False

    def succeeded(self) -> None:
        self.is_right = True


@contextmanager
def guarded(request: HttpRequest, *, account: str, door: str) -> Iterator[Attempt]:
    """Let the block check one secret of an account (its address); `door` names what it opens.

    :raises DomainError: when it is not this client's or this account's turn; the block is not run.
    """
    yield Attempt()


def count_attempt(request: HttpRequest, *, account: str, door: str) -> None:
    """Count something that nobody may do often, right or wrong, such as asking for a mail.

    :raises DomainError: when it has been done too often.
    """


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the browser: over its socket our edge says it, in a header that it sets itself."""
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR") or request.META.get("HTTP_X_FORWARDED_FOR", "")))
    except ValueError:
        return None


def enter(request: HttpRequest, user: User) -> None:
    """Log the person in, in this browser."""
    request.session.pop(_AWAITING, None)
    request.session.set_expiry(None)
    login(request, user)
    agent = request.headers.get("User-Agent", "")
    describe_log_in(request.session, browser=agent, address=client_address(request))


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
