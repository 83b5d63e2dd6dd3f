"""Who may invite, promote and remove whom; that somebody always owns; and that a link works once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction

from livehub.core import clock
from livehub.core.errors import DomainError, NotFoundError, ValidationFailedError
from livehub.core.links import LinkUnusableError
from streams.models import AuditEntry, Invitation, Member, Role, User
from streams.organizations import members
from streams.organizations.members import LastOwnerError, NotPermittedError
from streams.organizations.selectors import find_membership, get_invitation, get_member
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.conftest import Broker
from tests.overtaking import overtaken

PASSWORD = "a quite different sentence"
# Whom each role manages.
MANAGES = {
    Role.OWNER: {Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.ADMIN: {Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.OPERATOR: set(),
    Role.VIEWER: set(),
}
PAIRS = [(acting, concerned) for acting in Role for concerned in Role]


@pytest.fixture
def join(home: NewOrganization) -> Callable[[str], Member]:
    """Make a person of some role a member."""

    def make(role: str) -> Member:
        number = User.objects.count()
        user = User.objects.create_user(f"{role}{number}@northwind.example", PASSWORD)
        return Member.objects.create(organization=home.organization, user=user, role=role)

    return make


@pytest.fixture
def invitation(home: NewOrganization) -> Invitation:
    return members.invite_member(
        organization=home.organization, email="new@northwind.example", role=Role.OPERATOR, actor=Actor(user=home.owner)
    )


def by(member: Member) -> Actor:
    return Actor(user=member.user)


class TestRights:
    @pytest.mark.parametrize(("acting", "concerned"), PAIRS)
    def test_to_invite(
        self, home: NewOrganization, join: Callable[[str], Member], acting: Role, concerned: Role
    ) -> None:
        def invite() -> None:
            members.invite_member(
                organization=home.organization, email="new@northwind.example", role=concerned, actor=by(join(acting))
            )

        _expect(invite, permitted=concerned in MANAGES[acting])
        assert Invitation.objects.exists() is (concerned in MANAGES[acting])

    @pytest.mark.parametrize(("acting", "concerned"), PAIRS)
    def test_to_remove(self, join: Callable[[str], Member], acting: Role, concerned: Role) -> None:
        other = join(concerned)

        _expect(
            lambda: members.remove_member(member=other, actor=by(join(acting))),
            permitted=concerned in MANAGES[acting],
        )

        assert Member.objects.filter(pk=other.pk).exists() is (concerned not in MANAGES[acting])

    @pytest.mark.parametrize(("acting", "concerned"), PAIRS)
    def test_to_take_a_role(self, join: Callable[[str], Member], acting: Role, concerned: Role) -> None:
        other = join(concerned)

        _expect(
            lambda: members.change_role(member=other, role=Role.VIEWER, actor=by(join(acting))),
            permitted=bool(MANAGES[acting]) and concerned in MANAGES[acting],
        )

    @pytest.mark.parametrize(("acting", "given"), PAIRS)
    def test_to_give_a_role(self, join: Callable[[str], Member], acting: Role, given: Role) -> None:
        other = join(Role.VIEWER)

        _expect(
            lambda: members.change_role(member=other, role=given, actor=by(join(acting))),
            permitted=given in MANAGES[acting],
        )

        other.refresh_from_db()
        assert other.role == (given if given in MANAGES[acting] else Role.VIEWER)

    @pytest.mark.parametrize("acting", list(Role))
    def test_to_withdraw_an_owners_invitation(
        self, home: NewOrganization, join: Callable[[str], Member], acting: Role
    ) -> None:
        made = members.invite_member(
            organization=home.organization, email="new@northwind.example", role=Role.OWNER, actor=SYSTEM
        )

        _expect(
            lambda: members.withdraw_invitation(invitation=made, actor=by(join(acting))),
            permitted=acting == Role.OWNER,
        )

    def test_end_at_the_organization(
        self, home: NewOrganization, abroad: NewOrganization, invitation: Invitation
    ) -> None:
        foreign = Actor(user=abroad.owner)
        member = Member.objects.get(user=home.owner)
        deeds: list[Callable[[], object]] = [
            lambda: members.remove_member(member=member, actor=foreign),
            lambda: members.change_role(member=member, role=Role.VIEWER, actor=foreign),
            lambda: members.withdraw_invitation(invitation=invitation, actor=foreign),
            lambda: members.invite_member(
                organization=home.organization, email="x@contoso.example", role=Role.VIEWER, actor=foreign
            ),
        ]

        for deed in deeds:
            _expect(deed, permitted=False)
        for find in (
            lambda: get_member(organization=abroad.organization, member_id=member.pk),
            lambda: get_invitation(organization=abroad.organization, invitation_id=invitation.pk),
        ):
            with pytest.raises(NotFoundError):
                find()

    @pytest.mark.parametrize("role", list(Role))
    def test_to_leave_are_everybodys(self, join: Callable[[str], Member], role: Role) -> None:
        member = join(role)

        members.remove_member(member=member, actor=by(member))

        assert find_membership(member.user) is None

    @pytest.mark.django_db(transaction=True)
    def test_are_those_of_now(self, home: NewOrganization, join: Callable[[str], Member]) -> None:
        admin, other = join(Role.ADMIN), join(Role.VIEWER)

        with pytest.raises(NotPermittedError):
            overtaken(
                lambda: members.remove_member(member=other, actor=by(admin)),
                by=lambda: members.change_role(member=admin, role=Role.VIEWER, actor=Actor(user=home.owner)),
            )


def _expect(deed: Callable[[], object], *, permitted: bool) -> None:
    if permitted:
        deed()
    else:
        with pytest.raises(NotPermittedError):
            deed()


class TestLastOwner:
    def test_is_neither_removed_nor_demoted(self, home: NewOrganization) -> None:
        owner = Member.objects.get(user=home.owner)
        deeds: list[Callable[[], object]] = [
            lambda: members.remove_member(member=owner, actor=by(owner)),
            lambda: members.remove_member(member=owner, actor=SYSTEM),
            lambda: members.change_role(member=owner, role=Role.ADMIN, actor=by(owner)),
        ]

        for deed in deeds:
            with pytest.raises(LastOwnerError):
                deed()

        owner.refresh_from_db()
        assert owner.role == Role.OWNER

    def test_may_be_one_again(self, home: NewOrganization) -> None:
        owner = Member.objects.get(user=home.owner)

        members.change_role(member=owner, role=Role.OWNER, actor=by(owner))

        assert not AuditEntry.objects.filter(action="member.role_changed").exists()

    def test_does_not_count_owners_elsewhere(self, home: NewOrganization, abroad: NewOrganization) -> None:
        Member.objects.create(organization=home.organization, user=abroad.owner, role=Role.ADMIN)

        with pytest.raises(LastOwnerError):
            members.remove_member(member=Member.objects.get(user=home.owner), actor=SYSTEM)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("deed", ["remove", "demote", "leave"])
    def test_is_left_of_two_who_do_it_to_each_other_at_the_same_instant(
        self, home: NewOrganization, join: Callable[[str], Member], deed: str
    ) -> None:
        first, second = Member.objects.get(user=home.owner), join(Role.OWNER)

        def act(acting: Member, concerned: Member) -> None:
            if deed == "demote":
                members.change_role(member=concerned, role=Role.VIEWER, actor=by(acting))
            else:
                members.remove_member(member=acting if deed == "leave" else concerned, actor=by(acting))

        with pytest.raises(DomainError) as refusal:
            overtaken(lambda: act(second, first), by=lambda: act(first, second))

        # Who has been removed or demoted meanwhile may not do it any more; who leaves is the last.
        assert refusal.type is (LastOwnerError if deed == "leave" else NotPermittedError)
        assert Member.objects.filter(organization=home.organization, role=Role.OWNER).count() == 1


class TestRemoval:
    def test_twice_is_said(self, join: Callable[[str], Member]) -> None:
        member = join(Role.VIEWER)
        members.remove_member(member=member, actor=SYSTEM)

        deeds: list[Callable[[], None]] = [
            lambda: members.remove_member(member=member, actor=SYSTEM),
            lambda: members.change_role(member=member, role=Role.ADMIN, actor=SYSTEM),
        ]
        for again in deeds:
            with pytest.raises(NotFoundError):
                again()

    @pytest.mark.parametrize("deed", ["remove", "demote"])
    def test_withdraws_the_invitations_that_the_person_has_made(
        self, home: NewOrganization, join: Callable[[str], Member], invitation: Invitation, deed: str
    ) -> None:
        admin = join(Role.ADMIN)
        theirs = members.invite_member(
            organization=home.organization, email="friend@elsewhere.example", role=Role.ADMIN, actor=by(admin)
        )

        if deed == "remove":
            members.remove_member(member=admin, actor=SYSTEM)
        else:
            members.change_role(member=admin, role=Role.VIEWER, actor=SYSTEM)

        with pytest.raises(LinkUnusableError):
            members.get_open_invitation(theirs.pk)
        members.get_open_invitation(invitation.pk)

    def test_and_roles_are_written_down(self, home: NewOrganization, join: Callable[[str], Member]) -> None:
        member, actor = join(Role.VIEWER), Actor(user=home.owner)

        members.change_role(member=member, role=Role.ADMIN, actor=actor)
        members.remove_member(member=member, actor=actor)

        changed, removed = AuditEntry.objects.filter(target_id=member.pk).order_by("id")
        email = member.user.email
        assert (changed.user, changed.action) == (home.owner, "member.role_changed")
        assert changed.detail == {"email": email, "old": "viewer", "new": "admin"}
        assert (removed.user, removed.action) == (home.owner, "member.removed")
        assert removed.detail == {"email": email, "role": "admin"}


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
