"""What people are written: links, and whom they come from."""

from uuid import UUID

from django.urls import reverse

from livehub.core import mail
from livehub.core.links import LinkUnusableError, link_to, token_for
from streams.identity import passwords
from streams.identity.models import PasswordReset
from streams.organizations import members
from streams.organizations.models import Invitation

_INVITATION = """\
Hello,

{inviter} invites you to {organization} on LiveHub, as {role}.
This link is yours alone. It works once, until {until}:

{link}

If you did not expect it, you need do nothing.
"""
_RESET = """\
Hello,

somebody, probably you, asked for a new password for {email} on LiveHub.
Choose one here. The link works once, until {until}:

{link}

If it was not you, you need do nothing: your password stays as it is.
"""


def invitation_link(invitation: Invitation) -> str:
    """Return the address at which the invited person joins."""
    return link_to(reverse("streams:invitation_accept"), token=token_for(invitation.pk, purpose=members.LINK_PURPOSE))


def reset_link(reset: PasswordReset) -> str:
    """Return the address at which the person sets a new password."""
    return link_to(reverse("streams:password_reset"), token=token_for(reset.pk, purpose=passwords.LINK_PURPOSE))


def mail_invitation(*, invitation_id: UUID) -> None:
    """Write to the invited person, unless the invitation opens nothing any more."""
    try:
        invitation = members.get_open_invitation(invitation_id)
    except LinkUnusableError:
        return  # Withdrawn meanwhile: there is nothing to say.
    text = _INVITATION.format(
        inviter=invitation.made_by or "Somebody",
        organization=invitation.organization,
        role=invitation.get_role_display().lower(),
        until=f"{invitation.expires_at:%-d %B %Y, %H:%M} UTC",
        link=invitation_link(invitation),
    )
    mail.send(to=invitation.email, subject=f"Your invitation to {invitation.organization}", text=text)


def mail_password_reset(*, reset_id: UUID) -> None:
    """Write to the person, unless the link opens nothing any more."""
    try:
        reset = passwords.get_open_reset(reset_id)
    except LinkUnusableError:
        return  # Used meanwhile, or too late.
    text = _RESET.format(
        email=reset.user.email, until=f"{reset.expires_at:%-d %B %Y, %H:%M} UTC", link=reset_link(reset)
    )
    mail.send(to=reset.user.email, subject="A new password for LiveHub", text=text)
