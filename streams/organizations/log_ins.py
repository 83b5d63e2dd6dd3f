"""What the audit log says of people who come and go, and of tries to get in.

What anybody can make us write is limited: wrong tries on an account that exists by the account's own budget, and all
else together by one.
"""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from streams.organizations.attempts import Budget, TooManyAttemptsError, spend
from streams.organizations.models import AuditEntry, Organization, User
from streams.organizations.selectors import find_membership
from streams.organizations.services import Actor, record

_ANYBODYS = Budget("audit.anybodys", at_once=60, refill_s=2)
# A refusal says little more by being said again.
_REFUSALS = Budget("audit.refusals", at_once=1, refill_s=60)


def record_deed(*, user: User, action: str, address: str | None) -> None:
    """Write that somebody came or went (`user.logged_in`, `user.logged_out`)."""
    actor = Actor(user=user, address=address)
    record(organization=_organization(user), actor=actor, action=action, target=user)


def record_failure(*, account: str, action: str, address: str | None) -> None:
    """Write that somebody tried to get in as `account`, an e-mail address of ours or not, and was wrong."""
    user = User.objects.filter(email=account).first()
    if user is not None or _has_room(_ANYBODYS, ""):
        _write(user, account=account, action=action, address=address)


def record_refusal(*, account: str, action: str, address: str | None, spent: str) -> None:
    """Write that somebody was told to wait; once in a minute for each budget that is `spent`."""
    if _has_room(_REFUSALS, spent) and _has_room(_ANYBODYS, ""):
        user = User.objects.filter(email=account).first()
        _write(user, account=account, action=action, address=address)


def record_rejected_key(*, address: str | None) -> None:
    """Write that a program showed a key that opens nothing; whose it may be, only the key would tell."""
    if _has_room(_ANYBODYS, ""):
        AuditEntry.objects.create(address=address, action="api_key.rejected", target_type="apikey")


def _write(user: User | None, *, account: str, action: str, address: str | None) -> None:
    if user is not None:
        record(organization=_organization(user), actor=Actor(address=address), action=action, target=user)
    else:
        # Anything else that stands in the field may be a password.
        detail = {"account": account} if _is_email(account) else {}
        AuditEntry.objects.create(address=address, action=action, target_type="user", detail=detail)


def _has_room(budget: Budget, subject: str) -> bool:
    try:
        spend(budget, subject)
    except TooManyAttemptsError:
        return False
    return True


def _organization(user: User) -> Organization | None:
    member = find_membership(user)
    return member.organization if member else None


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
