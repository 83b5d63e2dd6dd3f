"""Celery's side of people: mails, which wait for a server that is not ours."""

from uuid import UUID

from celery import shared_task

from streams.account import mail
from streams.identity import passwords

# More than the seconds of all steps of a mail.
_TIME_LIMIT_S = 60


@shared_task(
    name="streams.mail_invitation", time_limit=_TIME_LIMIT_S, autoretry_for=(OSError,), retry_backoff=10, max_retries=6
)
def mail_invitation(invitation_id: str) -> None:
    """Write to somebody who was invited."""
    mail.mail_invitation(invitation_id=UUID(invitation_id))


@shared_task(name="streams.mail_who_forgot", time_limit=_TIME_LIMIT_S)
def mail_who_forgot(email: str, address: str) -> None:
    """Make a reset link for whoever has the address, and have it mailed."""
    passwords.request_reset(email=email, address=address or None)


@shared_task(
    name="streams.mail_password_reset",
    time_limit=_TIME_LIMIT_S,
    autoretry_for=(OSError,),
    retry_backoff=10,
    max_retries=6,
)
def mail_password_reset(reset_id: str) -> None:
    """Write to somebody who has forgotten the password."""
    mail.mail_password_reset(reset_id=UUID(reset_id))
