"""Where from somebody has changed how they log in stands in the audit log."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from streams.account import tasks
from streams.account.mail import invitation_link, reset_link
from streams.identity import second_factor
from streams.identity.models import public_id_of
from streams.models import AuditEntry, LogIn, PasswordReset, Role, User
from streams.organizations import members
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.dashboard.test_entry import password_step, token_of
from tests.dashboard.test_people import NEW, PASSWORD, app_code, with_second_factor

__all__ = ["with_second_factor"]
# The test client's.
ADDRESS = "127.0.0.1"


@pytest.fixture
def written(db: None) -> Callable[[], dict[str, str | None]]:
    """Tells of the entries since the test began: what was done, and where from."""
    before = AuditEntry.objects.count()
    return lambda: dict(AuditEntry.objects.order_by("id")[before:].values_list("action", "address"))


def test_of_a_new_password(
    browser: Client, elsewhere: Client, owner: User, written: Callable[[], dict[str, str | None]]
) -> None:
    browser.post("/account/you/password", {"present": PASSWORD, "password": NEW})

    assert written() == {"password.changed": ADDRESS, "log_ins.ended": ADDRESS}


@pytest.fixture
def elsewhere(owner: User, log_in: Callable[[User], Client]) -> Client:
    return log_in(owner)


def test_of_a_log_in_that_is_ended(
    browser: Client, elsewhere: Client, owner: User, written: Callable[[], dict[str, str | None]]
) -> None:
    key = LogIn.objects.exclude(session_key=browser.session.session_key).get(user=owner).session_key

    browser.post(f"/account/you/log-ins/{public_id_of(key)}/end")

    assert written() == {"log_in.ended": ADDRESS}


def test_of_a_second_factor(browser: Client, owner: User, written: Callable[[], dict[str, str | None]]) -> None:
    browser.post("/account/you/second-factor", {"present": PASSWORD})
    browser.post("/account/you/second-factor/confirm", {"code": app_code(owner)})
    browser.post("/account/you/recovery-codes/new", {"present": PASSWORD})
    browser.post("/account/you/second-factor/off", {"present": PASSWORD})

    assert written() == dict.fromkeys(
        ["second_factor.turned_on", "second_factor.recovery_codes_made", "second_factor.turned_off"], ADDRESS
    )


def test_of_a_recovery_code(with_second_factor: User, written: Callable[[], dict[str, str | None]]) -> None:
    code = second_factor.remake_recovery_codes(user=with_second_factor, password=PASSWORD, keep=None)[0]
    password_step(with_second_factor).post("/log-in/code?with=recovery-code", {"code": code})

    assert written()["second_factor.recovery_code_used"] == ADDRESS


def test_of_a_reset(
    owner: User,
    broker: Broker,
    capture: Capture,
    written: Callable[[], dict[str, str | None]],
    settings: LazySettings,
) -> None:
    settings.MAIL_SERVER = object()
    with capture(execute=True):
        Client().post("/log-in/forgotten", {"email": owner.email})
    _, asked = broker.arguments.pop()
    tasks.mail_who_forgot(**asked)
    Client().post("/password-reset", {"token": token_of(reset_link(PasswordReset.objects.get())), "password": NEW})

    assert written() == {"password_reset.made": ADDRESS, "password.reset": ADDRESS}


def test_of_who_joins(home: NewOrganization, stranger: User, log_in: Callable[[User], Client]) -> None:
    for email, visitor in ((stranger.email, log_in(stranger)), ("new@northwind.example", Client())):
        made = members.invite_member(organization=home.organization, email=email, role=Role.VIEWER, actor=SYSTEM)
        visitor.post("/invitation", {"token": token_of(invitation_link(made)), "name": "New", "password": NEW})

    joined = AuditEntry.objects.filter(action="member.joined")
    assert list(joined.values_list("address", flat=True)) == [ADDRESS, ADDRESS]
