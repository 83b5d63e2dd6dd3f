"""A clock that stands still until it is told to go on, and an app that shows codes by it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from livehub.core import clock
from streams.identity import second_factor
from streams.models import SecondFactor, User

PASSWORD = "correct horse battery"


@dataclass
class Time:
    now: datetime

    def passes(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class Phone:
    """An authenticator app that has read the QR code; its clock may be off."""

    secret: str
    time: Time

    def code(self, *, off_by_s: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.time.now + timedelta(seconds=off_by_s))

    def wrong_code(self) -> str:
        """A code of the right form that is none of those around now."""
        near = {self.code(off_by_s=seconds) for seconds in range(-90, 91, 30)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    # At the beginning of a step, so that a test knows in which one it is.
    moment = Time(datetime(2026, 11, 20, 12, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", lambda: moment.now)
    return moment


@pytest.fixture
def phone(owner: User, time: Time) -> Phone:
    """The owner's, with which the second factor was turned on two minutes ago."""
    return phone_of(owner, time)[0]


@pytest.fixture
def recovery_codes(owner: User, time: Time) -> list[str]:
    return phone_of(owner, time)[1]


def phone_of(user: User, time: Time) -> tuple[Phone, list[str]]:
    factor: SecondFactor = second_factor.start_second_factor(user=user, password=PASSWORD)
    phone = Phone(second_factor.secret_of(factor), time)
    codes = second_factor.confirm_second_factor(user=user, code=phone.code(), keep=None)
    time.passes(minutes=2)
    return phone, codes
