"""The pages of members: inviting, roles, removing, and a reset link for who has forgotten the password."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from livehub.core import clock, mail
from livehub.core.errors import DomainError, ValidationFailedError
from streams.account.forms import InvitationForm, ResetLinkForm, RoleForm
from streams.account.mail import invitation_link, reset_link
from streams.dashboard.pages import MemberView, complain
from streams.identity import passwords
from streams.identity.second_factor import find_second_factor
from streams.organizations import members
from streams.organizations.models import Invitation, Member, Role
from streams.organizations.selectors import get_invitation, get_member


class MembersView(MemberView):
    """A page on which a role may turn out to allow less than its right says."""

    def _answer_person(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return super()._answer_person(request, *args, **kwargs)
        except members.NotPermittedError as error:
            raise PermissionDenied(error.message) from error

    def refuse(self, error: DomainError, member: Member) -> HttpResponse:
        """Send the browser to the member's page, which says why not."""
        messages.error(self.request, error.message)
        return self.go("streams:member_detail", member_id=member.pk)

    def get_member(self, member_id: UUID) -> Member:
        return get_member(organization=self.member.organization, member_id=member_id)


class InvitationCreateView(MembersView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(InvitationForm(giver=self.member), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = InvitationForm(request.POST, giver=self.member)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            invitation = members.invite_member(
                organization=self.member.organization,
                email=form.cleaned_data["email"],
                role=form.cleaned_data["role"],
                actor=self.actor,
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        return self.go("streams:invitation_detail", invitation_id=invitation.pk)

    def _form(self, form: InvitationForm, *, status: int) -> HttpResponse:
        template = "streams/_invitation_create.html" if self.request.htmx else "streams/invitation_create.html"
        return self.page(template, form=form, is_dialog=bool(self.request.htmx), status=status)


class InvitationDetailView(MembersView):
    """An invitation's link, to be copied; it can be looked at as long as it is open."""

    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, invitation_id: UUID) -> HttpResponse:
        invitation = self._invitation(invitation_id)
        response = self.page(
            "streams/invitation_detail.html",
            invitation=invitation,
            link=invitation_link(invitation),
            is_usable=invitation.is_usable(at=clock.now()),
            is_mailed=mail.is_set_up(),
        )
        response["Cache-Control"] = "no-store"
        return response

    def _invitation(self, invitation_id: UUID) -> Invitation:
        found = get_invitation(organization=self.member.organization, invitation_id=invitation_id)
        # Whoever holds the link gets the role.
        if found.role not in members.manageable_roles(self.member):
            raise PermissionDenied("Only owners can invite an owner.")
        return found


class InvitationWithdrawView(MembersView):
    needs = "can_administer"

    def post(self, request: HttpRequest, invitation_id: UUID) -> HttpResponse:
        invitation = get_invitation(organization=self.member.organization, invitation_id=invitation_id)
        members.withdraw_invitation(invitation=invitation, actor=self.actor)
        return self.go("streams:account_detail", said=f"The invitation for {invitation.email} no longer works.")


class MemberDetailView(MembersView):
    """One member, and what whoever looks may do about them."""

    needs_to_look = "can_administer"

    def get(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        found = self.get_member(member_id)
        handed = passwords.find_handed_reset(user=found.user, owner=self.person)
        factor = find_second_factor(found.user)
        return self.page(
            "streams/member_detail.html",
            found=found,
            role_form=RoleForm(giver=self.member, initial={"role": found.role}),
            reset_form=ResetLinkForm(),
            can_manage=found.role in members.manageable_roles(self.member),
            can_reset=self.member.is_owner and found.user != self.person,
            second_factor=factor,
            reset=handed,
            reset_url=reset_link(handed) if handed else "",
        )


class MemberRoleView(MembersView):
    needs = "can_administer"

    def post(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        found = self.get_member(member_id)
        role = request.POST.get("role", "")
        try:
            members.change_role(member=found, role=role, actor=self.actor)
        except (members.LastOwnerError, ValidationFailedError) as error:
            return self.refuse(error, found)
        said = f"{found.user} is {Role(role).label.lower()} from now on."
        return self.go("streams:account_detail", said=said)


class MemberRemoveView(MembersView):
    """Asks first."""

    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        template = "streams/_member_remove.html" if self.request.htmx else "streams/member_remove.html"
        return self.page(template, found=self._removable(member_id), is_dialog=bool(self.request.htmx))

    def post(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        found = self._removable(member_id)
        try:
            members.remove_member(member=found, actor=self.actor)
        except members.LastOwnerError as error:
            return self.refuse(error, found)
        return self.go("streams:account_detail", said=f"{found.user} is no longer a member.")

    def _removable(self, member_id: UUID) -> Member:
        found = self.get_member(member_id)
        if found.role not in members.manageable_roles(self.member):
            raise PermissionDenied("Only owners can change owners.")
        return found


class LeaveView(MembersView):
    """Asks first; everybody may leave but the last owner."""

    def get(self, request: HttpRequest) -> HttpResponse:
        template = "streams/_leave.html" if self.request.htmx else "streams/leave.html"
        return self.page(template, is_dialog=bool(self.request.htmx))

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            members.remove_member(member=self.member, actor=self.actor)
        except members.LastOwnerError:
            messages.error(request, "You are the only owner. Make somebody else owner first.")
            return self.go("streams:person_detail")
        return self.go("streams:overview")


class MemberResetView(MembersView):
    """Makes a reset link for owners to hand over; the member's page shows it."""

    needs = "is_owner"

    def post(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        found = self.get_member(member_id)
        form = ResetLinkForm(request.POST)
        drops = form.is_valid() and form.cleaned_data["drops_second_factor"]
        passwords.make_reset(user=found.user, actor=self.actor, drops_second_factor=drops)
        return self.go("streams:member_detail", member_id=found.pk)
