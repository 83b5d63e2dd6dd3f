"""Invitations: for one person, once, until they expire or are withdrawn."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction

from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from livehub.core.links import LinkUnusableError
from streams.models import AuditEntry, Invitation, Member, Role, User
from streams.organizations import members
from streams.organizations.members import NotPermittedError
from streams.organizations.selectors import find_membership
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.organizations.conftest import PASSWORD
from tests.overtaking import overtaken


class TestInvitation:
    def test_makes_an_account_and_a_membership(self, home: NewOrganization, invitation: Invitation) -> None:
        user = members.join_as_new(invitation_id=invitation.pk, name="New Person", password=PASSWORD)

        member = find_membership(user)
        assert member is not None
        assert (member.organization, member.role) == (home.organization, Role.OPERATOR)
        assert (user.email, user.name, user.is_staff) == ("new@northwind.example", "New Person", False)
        assert user.check_password(PASSWORD)
        actions = AuditEntry.objects.filter(action__startswith="member.").order_by("id")
        assert [(entry.action, entry.user) for entry in actions] == [
            ("member.invited", home.owner),
            ("member.joined", user),
        ]

    def test_makes_who_has_an_account_a_member(self, home: NewOrganization, abroad: NewOrganization) -> None:
        made = members.invite_member(
            organization=home.organization, email="Owner@Contoso.example", role=Role.VIEWER, actor=SYSTEM
        )

        members.join_as_known(invitation_id=made.pk, user=abroad.owner)

        assert Member.objects.get(organization=home.organization, user=abroad.owner).role == Role.VIEWER
        assert abroad.owner.check_password("another horse battery")

    def test_is_for_nobody_else(self, home: NewOrganization, abroad: NewOrganization, invitation: Invitation) -> None:
        with pytest.raises(NotPermittedError):
            members.join_as_known(invitation_id=invitation.pk, user=abroad.owner)

        members.get_open_invitation(invitation.pk)

    def test_gives_nobody_a_new_password(self, home: NewOrganization, abroad: NewOrganization) -> None:
        made = members.invite_member(
            organization=home.organization, email=abroad.owner.email, role=Role.VIEWER, actor=SYSTEM
        )

        with pytest.raises(LinkUnusableError):
            members.join_as_new(invitation_id=made.pk, name="", password=PASSWORD)

        abroad.owner.refresh_from_db()
        assert abroad.owner.check_password("another horse battery")

    def test_gives_a_member_no_other_role(self, home: NewOrganization, join: Callable[[str], Member]) -> None:
        made = members.invite_member(
            organization=home.organization, email="late@northwind.example", role=Role.ADMIN, actor=SYSTEM
        )
        user = User.objects.create_user("late@northwind.example", PASSWORD)
        Member.objects.create(organization=home.organization, user=user, role=Role.VIEWER)

        members.join_as_known(invitation_id=made.pk, user=user)

        assert Member.objects.get(user=user).role == Role.VIEWER

    def test_works_once(self, invitation: Invitation) -> None:
        members.join_as_new(invitation_id=invitation.pk, name="", password=PASSWORD)

        with pytest.raises(LinkUnusableError):
            members.get_open_invitation(invitation.pk)

    @pytest.mark.django_db(transaction=True)
    def test_works_once_for_two_at_the_same_instant(self, invitation: Invitation) -> None:
        def join() -> object:
            return members.join_as_new(invitation_id=invitation.pk, name="", password=PASSWORD)

        with pytest.raises(LinkUnusableError):
            overtaken(join, by=join)

    def test_is_open_for_a_week(self, invitation: Invitation) -> None:
        assert timedelta(days=6, hours=23) < invitation.expires_at - clock.now() <= timedelta(days=7)

    def test_expires_and_can_be_withdrawn(self, invitation: Invitation) -> None:
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=clock.now())
        with pytest.raises(LinkUnusableError):
            members.get_open_invitation(invitation.pk)

        Invitation.objects.filter(pk=invitation.pk).update(expires_at=clock.now() + timedelta(days=1))
        for _ in range(2):
            members.withdraw_invitation(invitation=invitation, actor=SYSTEM)
        with pytest.raises(LinkUnusableError):
            members.get_open_invitation(invitation.pk)
        assert AuditEntry.objects.filter(action="invitation.withdrawn").count() == 1

    def test_is_replaced_by_another_of_the_same_address(self, home: NewOrganization, invitation: Invitation) -> None:
        second = members.invite_member(
            organization=home.organization, email="NEW@northwind.example", role=Role.VIEWER, actor=SYSTEM
        )

        with pytest.raises(LinkUnusableError):
            members.get_open_invitation(invitation.pk)
        assert members.get_open_invitation(second.pk) == second

    def test_is_one_for_each_address_whoever_writes(self, invitation: Invitation) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.create(
                organization=invitation.organization, email=invitation.email, role="viewer", expires_at=clock.now()
            )

    @pytest.mark.parametrize(
        ("field", "email", "role"),
        [
            ("email", "nobody", "viewer"),
            ("email", "a\nb@northwind.example", "viewer"),
            ("email", "OWNER@northwind.example", "viewer"),
            ("role", "new@northwind.example", "emperor"),
        ],
    )
    def test_says_what_is_wrong(self, home: NewOrganization, field: str, email: str, role: str) -> None:
        with pytest.raises(ValidationFailedError) as refusal:
            members.invite_member(organization=home.organization, email=email, role=role, actor=SYSTEM)

        assert list(refusal.value.fields) == [field]

    @pytest.mark.parametrize(("field", "name", "password"), [("name", "bell\x07", PASSWORD), ("password", "", "short")])
    def test_is_not_used_up_by_what_is_wrong(
        self, invitation: Invitation, field: str, name: str, password: str
    ) -> None:
        with pytest.raises(ValidationFailedError) as refusal:
            members.join_as_new(invitation_id=invitation.pk, name=name, password=password)

        assert list(refusal.value.fields) == [field]
        members.join_as_new(invitation_id=invitation.pk, name="", password=PASSWORD)

    @pytest.mark.parametrize("is_set_up", [True, False])
    def test_is_mailed_when_mail_is_set_up(
        self,
        home: NewOrganization,
        broker: Broker,
        capture: Callable[..., "object"],
        settings: LazySettings,
        is_set_up: bool,
    ) -> None:
        settings.MAIL_SERVER = object() if is_set_up else None

        with capture(execute=True):  # type: ignore[attr-defined]  # A context manager.
            members.invite_member(
                organization=home.organization, email="new@northwind.example", role=Role.VIEWER, actor=SYSTEM
            )

        assert broker.names == (["streams.mail_invitation"] if is_set_up else [])
