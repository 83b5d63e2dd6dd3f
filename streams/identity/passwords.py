"""New passwords: by who knows the old one, or with a link that somebody hands over or that was mailed."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from livehub.core import clock, jobs, mail
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.links import LinkUnusableError
from streams.identity.log_ins import end_other_log_ins
from streams.identity.models import PasswordReset, SecondFactor
from streams.identity.records import record_about
from streams.organizations.members import NotPermittedError
from streams.organizations.models import Member, Role, User
from streams.organizations.services import SYSTEM, Actor

LINK_PURPOSE = "password-reset"
MAILED_LIFETIME = timedelta(hours=1)
# Handed over by a person, who may not reach the other one at once.
HANDED_LIFETIME = timedelta(hours=24)
# One address is written to no more often.
_MAIL_PAUSE = timedelta(minutes=2)


class WrongPasswordError(DomainError):
    """The present password, asked for again before something that matters."""

    code = "wrong_password"
    http_status = 422


def check_present_password(user: User, password: str) -> None:
    """Accept the person's password.

    :raises WrongPasswordError: when it is another.
    """
    if not user.check_password(password):
        raise WrongPasswordError("That is not your present password.")


@transaction.atomic
def change_password(*, user: User, present: str, new: str, keep: str | None, address: str | None = None) -> User:
    """Give a person who knows the present password a new one, and return the person as stored.

    Side effects: all log-ins but the session `keep` end, and reset links that are open open nothing any more.

    :raises WrongPasswordError: when the present one is another.
    :raises ValidationFailedError: when the new one cannot be used.
    """
    user = _locked(user.pk)
    check_present_password(user, present)
    _set_password(user, new, actor=Actor(user=user, address=address), action="password.changed", keep=keep)
    return user


@transaction.atomic
def make_reset(*, user: User, actor: Actor, drops_second_factor: bool = False) -> PasswordReset:
    """Return a link's row with which the person sets a new password; an owner's earlier one opens nothing any more.

    For support (the system), and for owners: of people who are theirs alone, since whoever holds the link can
    become that person.

    :raises NotPermittedError: when the actor is neither, or the person is support staff or somewhere else, too.
    """
    user = _locked(user.pk)
    if actor != SYSTEM:
        _check_owner_of(user, actor=actor)
    return _new_reset(user, actor=actor, lifetime=HANDED_LIFETIME, drops_second_factor=drops_second_factor)


def ask_for_reset(*, email: str, address: str | None) -> None:
    """Have `request_reset` called, soon: nobody is to tell by the time of an answer who has an account."""
    if mail.is_set_up():
        jobs.enqueue("streams.mail_who_forgot", email=email, address=address or "")


@transaction.atomic
def request_reset(*, email: str, address: str | None = None) -> None:
    """Have a reset link mailed to whoever has this address; nobody hears whether somebody has.

    Side effects: the link's row and a mail, unless one was asked for within two minutes.
    """
    user = User.objects.select_for_update(no_key=True).filter(email=email.lower(), is_active=True).first()
    if user is None or not mail.is_set_up():
        return
    recent = PasswordReset.objects.filter(user=user, made_by=None, created_at__gt=clock.now() - _MAIL_PAUSE)
    if not recent.exists():
        reset = _new_reset(user, actor=Actor(address=address), lifetime=MAILED_LIFETIME, drops_second_factor=False)
        jobs.enqueue("streams.mail_password_reset", reset_id=reset.pk)


def get_open_reset(reset_id: UUID) -> PasswordReset:
    """Return a link's row with its person.

    :raises LinkUnusableError: when it opens nothing (any more).
    """
    reset = PasswordReset.objects.select_related("user", "made_by").filter(pk=reset_id).first()
    if reset is None or not reset.is_usable(at=clock.now()) or not _is_backed(reset):
        raise LinkUnusableError("This link has been used, or its time is over.")
    return reset


def find_handed_reset(*, user: User, owner: User) -> PasswordReset | None:
    """Return the link that this owner has made for the person, if it still opens something."""
    return PasswordReset.objects.filter(user=user, made_by=owner, used_at=None, expires_at__gt=clock.now()).first()


@transaction.atomic
def reset_password(*, reset_id: UUID, new: str, address: str | None = None) -> User:
    """Give the person of the link a new password, once; side effect: all log-ins end.

    :raises LinkUnusableError: when the link opens nothing (any more).
    :raises ValidationFailedError: when the password cannot be used.
    """
    user = _locked(get_open_reset(reset_id).user_id)
    # Again, now that nobody else can use it.
    reset = get_open_reset(reset_id)
    if reset.drops_second_factor:
        SecondFactor.objects.filter(user=user).delete()
    _set_password(
        user,
        new,
        actor=Actor(user=user, address=address),
        action="password.reset",
        keep=None,
        second_factor="turned off" if reset.drops_second_factor else "kept",
    )
    return user


def _locked(user_id: UUID) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


def _set_password(user: User, new: str, *, actor: Actor, action: str, keep: str | None, **detail: object) -> None:
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise ValidationFailedError(
            "The password cannot be used.", fields={"password": list(error.messages)}
        ) from error
    user.set_password(new)
    user.save(update_fields=["password"])
    PasswordReset.objects.filter(user=user, used_at=None).update(used_at=clock.now())
    record_about(user, actor=actor, action=action, **detail)
    end_other_log_ins(user=user, keep=keep, actor=actor)


def _new_reset(user: User, *, actor: Actor, lifetime: timedelta, drops_second_factor: bool) -> PasswordReset:
    if actor.user is not None:
        PasswordReset.objects.filter(user=user, made_by=actor.user, used_at=None).update(used_at=clock.now())
    reset = PasswordReset.objects.create(
        user=user,
        made_by=actor.user,
        drops_second_factor=drops_second_factor,
        expires_at=clock.now() + lifetime,
    )
    record_about(user, actor=actor, action="password_reset.made")
    return reset


def _is_backed(reset: PasswordReset) -> bool:
    """Tell whether the person may still log in, and whoever made the link could still make it."""
    is_owners = reset.made_by is None or _is_owner_of(reset.user, owner=reset.made_by)
    return reset.user.is_active and is_owners and not (reset.made_by and _is_shared(reset.user))


def _check_owner_of(user: User, *, actor: Actor) -> None:
    if actor.user is None or not _is_owner_of(user, owner=actor.user):
        raise NotPermittedError("Only owners can make reset links, and only for members of their organization.")
    if user == actor.user:
        # A browser left open would be enough to get a password without knowing the present one.
        raise NotPermittedError("You change your own password on your own page.")
    if _is_shared(user):
        raise NotPermittedError(
            f"{user} belongs to another organization as well, or to support staff. "
            "Your administrator can make a reset link."
        )


def _is_owner_of(user: User, *, owner: User) -> bool:
    owned = Member.objects.filter(user=owner, role=Role.OWNER).values("organization")
    return Member.objects.filter(user=user, organization__in=owned).exists()


def _is_shared(user: User) -> bool:
    """Tell whether the person's account opens more than one owner's organization."""
    return user.is_staff or Member.objects.filter(user=user).count() > 1
