"""Who may invite, promote and remove whom, and that somebody always owns."""

from collections.abc import Callable

import pytest

from livehub.core.errors import DomainError, NotFoundError
from livehub.core.links import LinkUnusableError
from streams.models import AuditEntry, Invitation, Member, Role
from streams.organizations import members
from streams.organizations.members import LastOwnerError, NotPermittedError
from streams.organizations.selectors import find_membership, get_invitation, get_member
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.overtaking import overtaken

# Whom each role manages.
MANAGES = {
    Role.OWNER: {Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.ADMIN: {Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.OPERATOR: set(),
    Role.VIEWER: set(),
}
PAIRS = [(acting, concerned) for acting in Role for concerned in Role]


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
