"""Who may try a secret of an account now: a password, a second factor's code, what comes in a mail.

A client gets ten tries a minute, whatever the account, and an account ten from all clients together, at each door;
at the second factor's, about a hundred a day, since its codes are short. Whoever has been in the account before, with
this browser and this password, has a signed cookie that says so and counts by itself, so that nobody locks an owner
out by guessing, be it from the same address. Only wrong tries count in the end; right ones count apart, so that nobody
keeps everybody else from the places at which passwords are checked by logging in again and again.
"""

import hashlib
import math
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from livehub.core.clients import client_address, network_of
from livehub.core.errors import DomainError
from streams.organizations.attempts import Budget, TooManyAttemptsError, check, give_back, spend, ten_a_minute
from streams.organizations.log_ins import record_failure, record_refusal
from streams.organizations.models import User

_COOKIE = "livehub_device"
_SALT = "streams.account.guard"
_COOKIE_MAX_AGE_S = 365 * 86400
_BUSY_RETRY_S = 2
# What opens the second factor's door, recovery codes included. Somebody who knows the password gets about a hundred
# tries a day at a code, of which three in a million are right.
_CODE_DOOR = "code"
_CODES_AT_ONCE = 8
_CODE_REFILL_S = 900
# Of an account, from everywhere: more than people and their programs need.
_RIGHT_AT_ONCE = 60
_RIGHT_REFILL_S = 10
# Of a process's four threads. Hashing a password takes a third of a second of a core, and pages are to go on.
_STRANGERS_AT_ONCE = 2
_KNOWN_AT_ONCE = 1
_strangers = threading.BoundedSemaphore(_STRANGERS_AT_ONCE)
_known = threading.BoundedSemaphore(_KNOWN_AT_ONCE)


class TooBusyError(DomainError):
    """As many secrets are being checked as may be at once."""

    code = "busy"
    http_status = 503
    retryable = True
    retry_after_s = _BUSY_RETRY_S


@dataclass
class Try:
    """One try; it counts unless it is said to have been right."""

    is_right: bool = False

    def succeeded(self) -> None:
        self.is_right = True


@contextmanager
def guarded(request: HttpRequest, *, account: str, door: str) -> Iterator[Try]:
    """Let the block check one secret of an account; `door` names what it opens ("log_in"), for budgets and audit.

    `account` is the e-mail address as it was typed. Not inside a transaction: what is rolled back was not counted.
    Side effects: what is spent of the budgets, audit entries `user.<door>_failed` and `user.<door>_refused`.

    :raises TooManyAttemptsError: when it is not this client's or this account's turn; the block is not run.
    :raises TooBusyError: when too many others are at it in this moment; the block is not run.
    """
    account, attempt = _normal(account), Try()
    # Once: what is done with the right password may be to change it, and the browser is no known one then.
    counted = _counted(request, account=account, door=door)
    right = Budget(f"{door}.right", at_once=_RIGHT_AT_ONCE, refill_s=_RIGHT_REFILL_S)
    with _place(is_known=counted.is_known):
        with _telling(request, account=account, door=door, spent=f"{right.name} {account}"):
            check(right, account)
        _spend(counted, request, account=account, door=door)
        try:
            yield attempt
        finally:
            if attempt.is_right:
                counted.give_back()
                with suppress(TooManyAttemptsError):
                    spend(right, account)
            else:
                record_failure(account=account, action=f"user.{door}_failed", address=client_address(request))


def count_attempt(request: HttpRequest, *, account: str, door: str) -> None:
    """Count something that nobody may do often, right or wrong, such as asking for a mail.

    :raises TooManyAttemptsError: when it has been done too often; that is in the audit log, too.
    """
    account = _normal(account)
    _spend(_counted(request, account=account, door=door), request, account=account, door=door)


def remember_device(response: HttpResponseBase, *, user: User) -> None:
    """Have the browser show from now on that somebody has got into the account with it, and all the way.

    With another password it shows nothing any more: whoever has stolen it begins anew as well.
    """
    response.set_cookie(
        _COOKIE,
        signing.dumps([_digest(user), secrets.token_urlsafe(16)], salt=_SALT),
        max_age=_COOKIE_MAX_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@dataclass(frozen=True)
class _Counted:
    """The budgets that a try is taken from, with whose they are."""

    is_known: bool
    budgets: list[tuple[Budget, str]]

    def give_back(self) -> None:
        for budget, subject in self.budgets:
            give_back(budget, subject)


def _counted(request: HttpRequest, *, account: str, door: str) -> _Counted:
    device = _device(request, account)
    if device is not None:
        return _Counted(True, [(_budget_of_account(f"{door}.device", door=door), device)])
    of_client = (ten_a_minute(f"{door}.client"), network_of(client_address(request)))
    return _Counted(False, [of_client, (_budget_of_account(f"{door}.account", door=door), account)])


def _budget_of_account(name: str, *, door: str) -> Budget:
    if door == _CODE_DOOR:
        return Budget(name, at_once=_CODES_AT_ONCE, refill_s=_CODE_REFILL_S)
    return ten_a_minute(name)


def _spend(counted: _Counted, request: HttpRequest, *, account: str, door: str) -> None:
    for budget, subject in counted.budgets:
        with _telling(request, account=account, door=door, spent=f"{budget.name} {subject}"):
            spend(budget, subject)


@contextmanager
def _telling(request: HttpRequest, *, account: str, door: str, spent: str) -> Iterator[None]:
    """Let a refusal say how long to wait, and be written down once for what is `spent`."""
    try:
        yield
    except TooManyAttemptsError as error:
        address = client_address(request)
        record_refusal(account=account, action=f"user.{door}_refused", address=address, spent=spent)
        wait = f"Too many tries. Wait {_in_words(error.retry_after_s)}, then try again."
        raise TooManyAttemptsError(wait, retry_after_s=error.retry_after_s) from error


def _device(request: HttpRequest, account: str) -> str | None:
    """Return the browser's own name if it has been in this account before."""
    try:
        shown, device = signing.loads(request.COOKIES.get(_COOKIE, ""), salt=_SALT, max_age=_COOKIE_MAX_AGE_S)
    except signing.BadSignature:
        return None
    user = User.objects.filter(email=account).first()
    return str(device) if user is not None and shown == _digest(user) else None


@contextmanager
def _place(*, is_known: bool) -> Iterator[None]:
    """Take one of the places, or none at all: those who wait would hold the threads that pages need."""
    places = _known if is_known else _strangers
    if not places.acquire(blocking=False):
        raise TooBusyError("Many people are logging in at this moment. Try again in a few seconds.")
    try:
        yield
    finally:
        places.release()


def _normal(account: str) -> str:
    return account.strip().lower()


def _digest(user: User) -> str:
    return hashlib.sha256(f"{user.pk.hex} {user.get_session_auth_hash()}".encode()).hexdigest()


def _in_words(wait_s: int) -> str:
    return f"{math.ceil(wait_s / 60)} minutes" if wait_s > 90 else f"{wait_s} seconds"
