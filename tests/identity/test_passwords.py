"""New passwords: who gets one how, what ends with the old one, and who may make links."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from livehub.core.errors import ValidationFailedError
from livehub.core.links import LinkUnusableError
from streams.account.mail import reset_link
from streams.identity import passwords
from streams.identity.passwords import WrongPasswordError
from streams.models import AuditEntry, LogIn, Member, PasswordReset, Role, User
from streams.organizations.members import NotPermittedError, change_role, remove_member
from streams.organizations.services import SYSTEM, Actor, NewOrganization, create_organization
from tests.conftest import Broker
from tests.identity.conftest import PASSWORD, Phone, Time
from tests.overtaking import overtaken

NEW = "a quite different sentence"


@pytest.fixture
def clerk(home: NewOrganization) -> User:
    """A member of the owner's organization, and of no other."""
    user = User.objects.create_user("clerk@northwind.example", PASSWORD)
    Member.objects.create(organization=home.organization, user=user, role=Role.OPERATOR)
    return user


def log_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.session.session_key)


class TestChange:
    def test_ends_all_other_log_ins(self, owner: User, stranger: User) -> None:
        here, _, elsewhere = log_in(owner), log_in(owner), log_in(stranger)

        passwords.change_password(user=owner, present=PASSWORD, new=NEW, keep=here)

        owner.refresh_from_db()
        assert owner.check_password(NEW)
        assert set(LogIn.objects.values_list("session_key", flat=True)) == {here, elsewhere}
        assert set(AuditEntry.objects.filter(user=owner).values_list("action", flat=True)) == {
            "password.changed",
            "log_ins.ended",
        }

    def test_takes_the_present_one(self, owner: User) -> None:
        with pytest.raises(WrongPasswordError):
            passwords.change_password(user=owner, present=NEW, new=NEW, keep=None)

    def test_compares_with_the_present_one_as_stored(self, owner: User) -> None:
        passwords.change_password(user=User.objects.get(pk=owner.pk), present=PASSWORD, new=NEW, keep=None)

        # `owner` was read before that.
        with pytest.raises(WrongPasswordError):
            passwords.change_password(user=owner, present=PASSWORD, new="yet another sentence", keep=None)

    @pytest.mark.parametrize("weak", ["short", "password123"])
    def test_refuses_weak_ones(self, owner: User, weak: str) -> None:
        with pytest.raises(ValidationFailedError) as refusal:
            passwords.change_password(user=owner, present=PASSWORD, new=weak, keep=None)

        assert list(refusal.value.fields) == ["password"]
        owner.refresh_from_db()
        assert owner.check_password(PASSWORD)

    def test_makes_open_links_worthless(self, owner: User) -> None:
        reset = passwords.make_reset(user=owner, actor=SYSTEM)

        passwords.change_password(user=owner, present=PASSWORD, new=NEW, keep=None)

        with pytest.raises(LinkUnusableError):
            passwords.get_open_reset(reset.pk)


class TestReset:
    def test_works_once_and_ends_every_log_in(self, clerk: User) -> None:
        log_in(clerk)
        reset = passwords.make_reset(user=clerk, actor=SYSTEM)

        passwords.reset_password(reset_id=reset.pk, new=NEW)

        clerk.refresh_from_db()
        assert clerk.check_password(NEW)
        assert not LogIn.objects.filter(user=clerk).exists()
        with pytest.raises(LinkUnusableError):
            passwords.reset_password(reset_id=reset.pk, new="yet another sentence")

    def test_is_not_used_up_by_a_weak_password(self, clerk: User) -> None:
        reset = passwords.make_reset(user=clerk, actor=SYSTEM)

        with pytest.raises(ValidationFailedError):
            passwords.reset_password(reset_id=reset.pk, new="short")

        passwords.reset_password(reset_id=reset.pk, new=NEW)

    def test_expires(self, clerk: User, time: Time) -> None:
        reset = passwords.make_reset(user=clerk, actor=SYSTEM)
        time.passes(hours=24)

        with pytest.raises(LinkUnusableError):
            passwords.reset_password(reset_id=reset.pk, new=NEW)

    def test_opens_nothing_for_who_is_switched_off(self, clerk: User) -> None:
        reset = passwords.make_reset(user=clerk, actor=SYSTEM)
        User.objects.filter(pk=clerk.pk).update(is_active=False)

        with pytest.raises(LinkUnusableError):
            passwords.reset_password(reset_id=reset.pk, new=NEW)

    def test_keeps_the_second_factor_unless_told_otherwise(self, owner: User, phone: Phone) -> None:
        for drops in (False, True):
            reset = passwords.make_reset(user=owner, actor=SYSTEM, drops_second_factor=drops)
            passwords.reset_password(reset_id=reset.pk, new=NEW)

            assert hasattr(User.objects.get(pk=owner.pk), "second_factor") is not drops

    @pytest.mark.django_db(transaction=True)
    def test_is_used_by_one_of_two_at_the_same_instant(self, clerk: User) -> None:
        reset = passwords.make_reset(user=clerk, actor=SYSTEM)

        with pytest.raises(LinkUnusableError):
            overtaken(
                lambda: passwords.reset_password(reset_id=reset.pk, new="yet another sentence"),
                by=lambda: passwords.reset_password(reset_id=reset.pk, new=NEW),
            )

        clerk.refresh_from_db()
        assert clerk.check_password(NEW)


class TestWhoMakesLinks:
    def test_owners_for_their_members(self, owner: User, clerk: User) -> None:
        reset = passwords.make_reset(user=clerk, actor=Actor(user=owner))

        passwords.reset_password(reset_id=reset.pk, new=NEW)

        entry = AuditEntry.objects.get(action="password_reset.made")
        assert (entry.user, entry.target_id) == (owner, clerk.pk)

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR, Role.VIEWER])
    def test_nobody_of_another_role(self, home: NewOrganization, clerk: User, role: Role) -> None:
        colleague = User.objects.create_user("colleague@northwind.example", PASSWORD)
        Member.objects.create(organization=home.organization, user=colleague, role=role)

        with pytest.raises(NotPermittedError):
            passwords.make_reset(user=clerk, actor=Actor(user=colleague))

        assert not PasswordReset.objects.exists()

    def test_no_owner_for_oneself(self, owner: User) -> None:
        with pytest.raises(NotPermittedError, match="on your own page"):
            passwords.make_reset(user=owner, actor=Actor(user=owner), drops_second_factor=True)

        assert not PasswordReset.objects.exists()

    def test_no_owner_elsewhere(self, stranger: User, clerk: User) -> None:
        with pytest.raises(NotPermittedError):
            passwords.make_reset(user=clerk, actor=Actor(user=stranger))

    def test_no_owner_of_one_of_several_organizations(self, owner: User, clerk: User, abroad: NewOrganization) -> None:
        Member.objects.create(organization=abroad.organization, user=clerk, role=Role.VIEWER)

        with pytest.raises(NotPermittedError, match="another organization"):
            passwords.make_reset(user=clerk, actor=Actor(user=owner))

    def test_no_owner_for_support_staff(self, owner: User, clerk: User) -> None:
        User.objects.filter(pk=clerk.pk).update(is_staff=True)

        with pytest.raises(NotPermittedError, match="support staff"):
            passwords.make_reset(user=clerk, actor=Actor(user=owner))

    def _second_owner(self, home: NewOrganization) -> User:
        user = User.objects.create_user("second@northwind.example", PASSWORD)
        Member.objects.create(organization=home.organization, user=user, role=Role.OWNER)
        return user

    def _leave(self, home: NewOrganization, owner: User, clerk: User, abroad: NewOrganization) -> None:
        remove_member(member=Member.objects.get(user=owner), actor=SYSTEM)

    def _step_down(self, home: NewOrganization, owner: User, clerk: User, abroad: NewOrganization) -> None:
        change_role(member=Member.objects.get(user=owner), role=Role.ADMIN, actor=SYSTEM)

    def _remove_clerk(self, home: NewOrganization, owner: User, clerk: User, abroad: NewOrganization) -> None:
        remove_member(member=Member.objects.get(user=clerk), actor=SYSTEM)

    def _clerk_joins_abroad(self, home: NewOrganization, owner: User, clerk: User, abroad: NewOrganization) -> None:
        Member.objects.create(organization=abroad.organization, user=clerk, role=Role.OWNER)

    @pytest.mark.parametrize("meanwhile", [_leave, _step_down, _remove_clerk, _clerk_joins_abroad])
    def test_what_an_owner_may_not_make_any_more_opens_nothing(
        self, home: NewOrganization, owner: User, clerk: User, abroad: NewOrganization, meanwhile: Callable[..., None]
    ) -> None:
        self._second_owner(home)
        reset = passwords.make_reset(user=clerk, actor=Actor(user=owner))

        meanwhile(self, home, owner, clerk, abroad)

        with pytest.raises(LinkUnusableError):
            passwords.reset_password(reset_id=reset.pk, new=NEW)

    def test_an_owners_second_link_replaces_the_first(self, owner: User, clerk: User) -> None:
        first = passwords.make_reset(user=clerk, actor=Actor(user=owner))
        second = passwords.make_reset(user=clerk, actor=Actor(user=owner))

        with pytest.raises(LinkUnusableError):
            passwords.get_open_reset(first.pk)
        assert passwords.find_handed_reset(user=clerk, owner=owner) == second


class TestRequest:
    @pytest.fixture(autouse=True)
    def _mail_server(self, settings: LazySettings) -> None:
        settings.MAIL_SERVER = object()

    def test_has_a_link_mailed(self, clerk: User, broker: Broker, capture: Callable[..., object]) -> None:
        with capture(execute=True):  # type: ignore[attr-defined]  # A context manager.
            passwords.request_reset(email="Clerk@Northwind.example")

        assert broker.names == ["streams.mail_password_reset"]
        assert broker.arguments[0][1] == {"reset_id": str(PasswordReset.objects.get(user=clerk).pk)}

    def test_is_silent_about_who_is_not_there(self, clerk: User) -> None:
        User.objects.filter(pk=clerk.pk).update(is_active=False)

        for email in (clerk.email, "nobody@northwind.example"):
            passwords.request_reset(email=email)

        assert not PasswordReset.objects.exists()

    def test_opens_for_an_hour(self, clerk: User, time: Time) -> None:
        passwords.request_reset(email=clerk.email)
        reset = PasswordReset.objects.get(user=clerk)

        time.passes(minutes=59)
        assert passwords.get_open_reset(reset.pk) == reset
        time.passes(minutes=1)
        with pytest.raises(LinkUnusableError):
            passwords.get_open_reset(reset.pk)

    def test_mails_once_in_two_minutes(self, clerk: User) -> None:
        for _ in range(3):
            passwords.request_reset(email=clerk.email)

        assert PasswordReset.objects.count() == 1

    def test_leaves_an_owners_link_alone(self, owner: User, clerk: User) -> None:
        handed = passwords.make_reset(user=clerk, actor=Actor(user=owner))

        passwords.request_reset(email=clerk.email)

        passwords.get_open_reset(handed.pk)

    def test_makes_nothing_without_a_mail_server(self, clerk: User, settings: LazySettings) -> None:
        settings.MAIL_SERVER = None

        passwords.request_reset(email=clerk.email)

        assert not PasswordReset.objects.exists()


class TestCommand:
    def _make(self, **options: object) -> str:
        output = StringIO()
        call_command("make_reset_link", stdout=output, **options)
        return output.getvalue().strip()

    def test_prints_a_link_that_opens(self, clerk: User) -> None:
        link = self._make(email="Clerk@northwind.example")

        assert link == reset_link(PasswordReset.objects.get(user=clerk))
        assert not PasswordReset.objects.get().drops_second_factor

    def test_may_drop_the_second_factor(self, clerk: User) -> None:
        self._make(email=clerk.email, without_second_factor=True)

        assert PasswordReset.objects.get().drops_second_factor

    def test_makes_one_for_who_is_in_several_organizations(self, clerk: User) -> None:
        create_organization(name="Second", email=clerk.email)

        assert self._make(email=clerk.email)

    def test_refuses_who_is_not_there(self, clerk: User) -> None:
        with pytest.raises(CommandError, match="Nobody has an account"):
            self._make(email="nobody@northwind.example")
        User.objects.filter(pk=clerk.pk).update(is_active=False)
        with pytest.raises(CommandError, match="switched off"):
            self._make(email=clerk.email)
