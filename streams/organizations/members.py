"""People in organizations: invited by link, given roles, removed. Somebody always owns.

Every change locks the organization and reads again who asks and who is concerned: a role that was taken away a moment
ago permits nothing, and of two owners who remove each other one stays.
"""

from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from livehub.core import clock, jobs, mail
from livehub.core.errors import DomainError, NotFoundError, ValidationFailedError
from livehub.core.links import LinkUnusableError
from livehub.core.names import check_name
from streams.organizations.models import Invitation, Member, Organization, Role, User
from streams.organizations.services import SYSTEM, Actor, complaints_about_person, record

LINK_PURPOSE = "invitation"
INVITATION_LIFETIME = timedelta(days=7)


class NotPermittedError(DomainError):
    """The role of the person who asks does not allow it."""

    code = "not_permitted"
    http_status = 403


class LastOwnerError(DomainError):
    """Nobody would own the organization any more."""

    code = "last_owner"
    http_status = 409


def get_standing(organization: Organization, *, actor: Actor) -> Member | None:
    """Return the membership that the actor acts by, or None when there is none."""
    return Member.objects.filter(organization=organization, user=actor.user).first() if actor.user else None


def manageable_roles(standing: Member) -> list[Role]:
    """Return the roles that a member may give and take: an owner all, an admin all but the owner's."""
    if not standing.can_administer:
        return []
    return [role for role in Role if role != Role.OWNER or standing.role == Role.OWNER]


@transaction.atomic
def invite_member(*, organization: Organization, email: str, role: str, actor: Actor) -> Invitation:
    """Invite a person into the organization; an earlier invitation of the same address opens nothing any more.

    Side effect: a mail with the link, when this instance can send one.

    :raises ValidationFailedError: when the address or the role cannot be used, or the person is a member already.
    :raises NotPermittedError: when the actor may not give that role.
    """
    _lock(organization)
    _check_invitation(organization, email=email, role=role)
    _check_may_manage(organization, actor=actor, roles={role})
    email, now = email.lower(), clock.now()
    _open_invitations(organization).filter(email=email).update(withdrawn_at=now)
    invitation = Invitation.objects.create(
        organization=organization, email=email, role=role, made_by=actor.user, expires_at=now + INVITATION_LIFETIME
    )
    record(organization=organization, actor=actor, action="member.invited", target=invitation, email=email, role=role)
    if mail.is_set_up():
        jobs.enqueue("streams.mail_invitation", invitation_id=invitation.pk)
    return invitation


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, actor: Actor) -> None:
    """Have an invitation open nothing any more; doing it again changes nothing.

    :raises NotPermittedError: when the actor may not give its role.
    """
    _lock(invitation.organization)
    _check_may_manage(invitation.organization, actor=actor, roles={invitation.role})
    if _open_invitations(invitation.organization).filter(pk=invitation.pk).update(withdrawn_at=clock.now()):
        record(
            organization=invitation.organization,
            actor=actor,
            action="invitation.withdrawn",
            target=invitation,
            email=invitation.email,
        )


def get_open_invitation(invitation_id: UUID) -> Invitation:
    """Return an invitation with its organization.

    :raises LinkUnusableError: when it opens nothing (any more).
    """
    invitation = Invitation.objects.select_related("organization", "made_by").filter(pk=invitation_id).first()
    if invitation is None or not invitation.is_usable(at=clock.now()):
        raise LinkUnusableError("This invitation has been used or withdrawn, or its time is over.")
    return invitation


@transaction.atomic
def join_as_new(*, invitation_id: UUID, name: str, password: str, address: str | None = None) -> User:
    """Make an account for who was invited, and a member of it.

    :raises LinkUnusableError: when the invitation opens nothing (any more), or the address has an account by now.
    :raises ValidationFailedError: when the name or the password cannot be used.
    """
    invitation = _locked_invitation(invitation_id)
    if find_invited(invitation) is not None:
        raise LinkUnusableError("This address has an account by now. Log in with it, then open the invitation again.")
    name = check_name(name)
    fields = complaints_about_person(email=invitation.email, password=password)
    if fields:
        raise ValidationFailedError("The account cannot be made.", fields=fields)
    user = User.objects.create_user(invitation.email, password, name=name)
    _join(invitation, user, address=address)
    return user


@transaction.atomic
def join_as_known(*, invitation_id: UUID, user: User, address: str | None = None) -> None:
    """Make the person to whom an invitation was written a member; one who is already stays as before.

    :raises LinkUnusableError: when the invitation opens nothing (any more).
    :raises NotPermittedError: when it was written to somebody else.
    """
    invitation = _locked_invitation(invitation_id)
    if find_invited(invitation) != user:
        raise NotPermittedError(f"This invitation is for {invitation.email}.")
    _join(invitation, user, address=address)


def find_invited(invitation: Invitation) -> User | None:
    """Return whom the invitation was written to, if they have an account already."""
    return User.objects.filter(email=invitation.email).first()


@transaction.atomic
def change_role(*, member: Member, role: str, actor: Actor) -> None:
    """Give a member another role, which holds from the next request on; side effect: their open invitations go.

    :raises NotFoundError: when the member is gone.
    :raises ValidationFailedError: when there is no such role.
    :raises NotPermittedError: when the actor may not take the old role or give the new one.
    :raises LastOwnerError: when nobody would be owner any more.
    """
    member = _locked_member(member)
    if role not in Role.values:
        raise ValidationFailedError(
            "There is no such role.", fields={"role": [f"Choose from {', '.join(Role.values)}."]}
        )
    _check_may_manage(member.organization, actor=actor, roles={member.role, role})
    if role == member.role:
        return
    _check_somebody_owns(member)
    old, member.role = member.role, role
    member.save(update_fields=["role"])
    _withdraw_invitations_of(member)
    record(
        organization=member.organization,
        actor=actor,
        action="member.role_changed",
        target=member,
        email=member.user.email,
        old=old,
        new=role,
    )


@transaction.atomic
def remove_member(*, member: Member, actor: Actor) -> None:
    """Take a person out of the organization, from the next request on; everybody may leave.

    Side effect: the invitations that they have made and nobody has accepted go.

    :raises NotFoundError: when the member is gone already.
    :raises NotPermittedError: when the actor may not take the member's role.
    :raises LastOwnerError: when nobody would be owner any more.
    """
    member = _locked_member(member)
    if actor.user != member.user:
        _check_may_manage(member.organization, actor=actor, roles={member.role})
    _check_somebody_owns(member)
    record(
        organization=member.organization,
        actor=actor,
        action="member.removed",
        target=member,
        email=member.user.email,
        role=member.role,
    )
    _withdraw_invitations_of(member)
    member.delete()


@transaction.atomic
def choose_organization(*, user: User, member_id: UUID) -> Member:
    """Have the person look at another of their organizations from now on, and return that membership.

    :raises NotFoundError: when the person has no such membership.
    """
    if not Member.objects.filter(user=user, pk=member_id).update(chosen_at=clock.now()):
        raise NotFoundError(f"No membership {member_id} of yours.")
    return Member.objects.select_related("organization").get(pk=member_id)


def _lock(organization: Organization) -> None:
    # Rows that point to it can be written meanwhile: nobody changes its key.
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def _locked_member(member: Member) -> Member:
    _lock(member.organization)
    found = Member.objects.select_related("organization", "user").filter(pk=member.pk).first()
    if found is None:
        raise NotFoundError(f"No member {member.pk} in this account.")
    return found


def _locked_invitation(invitation_id: UUID) -> Invitation:
    _lock(get_open_invitation(invitation_id).organization)
    # Again, now that nobody else can use it.
    return get_open_invitation(invitation_id)


def _open_invitations(organization: Organization) -> QuerySet[Invitation]:
    return Invitation.objects.filter(organization=organization, accepted_at=None, withdrawn_at=None)


def _withdraw_invitations_of(member: Member) -> None:
    """Have no role given by who may perhaps not give it any more."""
    _open_invitations(member.organization).filter(made_by=member.user).update(withdrawn_at=clock.now())


def _join(invitation: Invitation, user: User, *, address: str | None) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=clock.now())
    member, is_new = Member.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role, "chosen_at": clock.now()}
    )
    if is_new:
        record(
            organization=invitation.organization,
            actor=Actor(user=user, address=address),
            action="member.joined",
            target=member,
            email=user.email,
            role=invitation.role,
        )


def _check_invitation(organization: Organization, *, email: str, role: str) -> None:
    fields: dict[str, list[str]] = {}
    try:
        validate_email(email)
    except ValidationError as error:
        fields["email"] = list(error.messages)
    if Member.objects.filter(organization=organization, user__email=email.lower()).exists():
        fields["email"] = ["This person is a member already."]
    if role not in Role.values:
        fields["role"] = [f"Choose from {', '.join(Role.values)}."]
    if fields:
        raise ValidationFailedError("Nobody can be invited like that.", fields=fields)


def _check_may_manage(organization: Organization, *, actor: Actor, roles: set[str]) -> None:
    if actor == SYSTEM:
        return
    standing = get_standing(organization, actor=actor)
    if standing is None or not roles <= set(manageable_roles(standing)):
        raise NotPermittedError("Admins can change everybody but owners; only owners can change owners.")


def _check_somebody_owns(leaving: Member) -> None:
    owners = Member.objects.filter(organization=leaving.organization, role=Role.OWNER)
    if leaving.role == Role.OWNER and not owners.exclude(pk=leaving.pk).exists():
        raise LastOwnerError(f"{leaving.user} is the only owner. Make somebody else owner first.")
