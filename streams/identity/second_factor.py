"""Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

import secrets

import pyotp
from django.db import transaction

from livehub.core import clock, crypto
from livehub.core.errors import DomainError
from streams.identity.log_ins import end_other_log_ins
from streams.identity.models import RecoveryCode, SecondFactor
from streams.identity.passwords import check_present_password
from streams.identity.records import record_about
from streams.organizations.models import User
from streams.organizations.services import Actor

RECOVERY_CODES = 10
# 50 bits: nobody guesses one in the tries that are left to them. Without what looks alike on paper.
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH = 10
_CODE_DIGITS = 6
# How many steps of 30 s a phone's clock may be off.
_DRIFT_STEPS = 1


class WrongCodeError(DomainError):
    """Neither the app's code of now, nor a recovery code that is left."""

    code = "wrong_code"
    http_status = 422


class SecondFactorStateError(DomainError):
    """There is one already, or none."""

    code = "second_factor_state"
    http_status = 409


def find_second_factor(user: User) -> SecondFactor | None:
    """Return the person's second factor, if log-ins ask for it."""
    return SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()


def find_unconfirmed(user: User) -> SecondFactor | None:
    """Return the second factor that the person is setting up."""
    return SecondFactor.objects.filter(user=user, confirmed_at=None).first()


def count_recovery_codes(second_factor: SecondFactor) -> int:
    """Return how many are left."""
    return second_factor.recovery_codes.filter(used_at=None).count()


def secret_of(second_factor: SecondFactor) -> str:
    """Return what the app has to know, in base 32."""
    return crypto.decrypt(second_factor.encrypted)


def app_uri(second_factor: SecondFactor) -> str:
    """Return what an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret_of(second_factor)).provisioning_uri(name=second_factor.user.email, issuer_name="LiveHub")


@transaction.atomic
def start_second_factor(*, user: User, password: str) -> SecondFactor:
    """Make a secret for the person's app; log-ins do not ask for it before `confirm_second_factor`.

    :raises WrongPasswordError: when the password is another.
    :raises SecondFactorStateError: when there is a second factor already.
    """
    user = _locked(user, password=password)
    if find_second_factor(user) is not None:
        raise SecondFactorStateError("Your second factor is on already. Turn it off first to change to another phone.")
    fresh = {"encrypted": crypto.encrypt(pyotp.random_base32()), "created_at": clock.now()}
    return SecondFactor.objects.update_or_create(user=user, defaults=fresh)[0]


@transaction.atomic
def confirm_second_factor(*, user: User, code: str, keep: str | None, address: str | None = None) -> list[str]:
    """Have log-ins ask for the app's codes from now on, since one was right; return the recovery codes.

    They are readable here and never again. Side effect: all log-ins but the session `keep` end.

    :raises WrongCodeError: when the code is not the app's.
    :raises SecondFactorStateError: when nothing was started.
    """
    user = _locked(user)
    factor = find_unconfirmed(user)
    if factor is None:
        raise SecondFactorStateError("There is no second factor to confirm. Begin again.")
    _use_app_code(factor, _plain(code))
    factor.confirmed_at = clock.now()
    factor.save(update_fields=["confirmed_at"])
    _record_change(user, action="second_factor.turned_on", keep=keep, address=address)
    return _new_recovery_codes(factor)


@transaction.atomic
def remake_recovery_codes(*, user: User, password: str, keep: str | None, address: str | None = None) -> list[str]:
    """Return new recovery codes; the old ones are worth nothing any more, and other log-ins end.

    :raises WrongPasswordError: when the password is another.
    :raises SecondFactorStateError: when there is no second factor.
    """
    user = _locked(user, password=password)
    factor = _present(user)
    _record_change(user, action="second_factor.recovery_codes_made", keep=keep, address=address)
    return _new_recovery_codes(factor)


@transaction.atomic
def turn_off_second_factor(*, user: User, password: str, keep: str | None, address: str | None = None) -> None:
    """Have log-ins ask for the password only; other log-ins end.

    :raises WrongPasswordError: when the password is another.
    :raises SecondFactorStateError: when there is no second factor.
    """
    user = _locked(user, password=password)
    _present(user).delete()
    _record_change(user, action="second_factor.turned_off", keep=keep, address=address)


@transaction.atomic
def use_code(*, user: User, code: str, address: str | None = None) -> None:
    """Accept a code at the log-in: the app's, each once, or a recovery code. How often one is tried, the door limits.

    :raises WrongCodeError: when it is neither.
    :raises SecondFactorStateError: when there is no second factor.
    """
    factor, code = _present(_locked(user)), _plain(code)
    if _looks_like_apps(code):
        _use_app_code(factor, code)
    else:
        _use_recovery_code(factor, code, address=address)


def _use_app_code(factor: SecondFactor, code: str) -> None:
    totp = pyotp.TOTP(secret_of(factor))
    now_step = totp.timecode(clock.now())
    for step in range(now_step - _DRIFT_STEPS, now_step + _DRIFT_STEPS + 1):
        if step > factor.last_step and secrets.compare_digest(totp.generate_otp(step), code):
            factor.last_step = step
            factor.save(update_fields=["last_step"])
            return
    raise WrongCodeError("That code is not right. Wait for the next one in your app, and check your phone's clock.")


def _use_recovery_code(factor: SecondFactor, code: str, *, address: str | None) -> None:
    left = factor.recovery_codes.filter(digest=_digest(code), used_at=None)
    if not left.update(used_at=clock.now()):
        raise WrongCodeError("That code is not right, or has been used before.")
    user = factor.user
    record_about(user, actor=Actor(user=user, address=address), action="second_factor.recovery_code_used")


def _new_recovery_codes(factor: SecondFactor) -> list[str]:
    factor.recovery_codes.all().delete()
    codes = [
        "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(RecoveryCode(second_factor=factor, digest=_digest(code)) for code in codes)
    half = _RECOVERY_LENGTH // 2
    return [f"{code[:half]}-{code[half:]}" for code in codes]


def _record_change(user: User, *, action: str, keep: str | None, address: str | None) -> None:
    actor = Actor(user=user, address=address)
    record_about(user, actor=actor, action=action)
    end_other_log_ins(user=user, keep=keep, actor=actor)


def _locked(user: User, *, password: str | None = None) -> User:
    """Return the person as stored; everything about one person's factor happens one after the other."""
    found = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if password is not None:
        check_present_password(found, password)
    return found


def _present(user: User) -> SecondFactor:
    factor = find_second_factor(user)
    if factor is None:
        raise SecondFactorStateError("There is no second factor.")
    return factor


def _plain(code: str) -> str:
    """Return a code as people mean it: without the blanks and dashes that make it easier to read."""
    return "".join(character for character in code.lower() if character not in " -\u00a0")


def _looks_like_apps(code: str) -> bool:
    return len(code) == _CODE_DIGITS and code.isascii() and code.isdigit()


def _digest(code: str) -> str:
    return crypto.lookup_digest(f"recovery code {code}")
