"""Mails in plain text, when this instance has a server to hand them in at."""

from django.conf import settings
from django.core.mail import send_mail


def is_set_up() -> bool:
    """Tell whether this instance can send mail at all."""
    return settings.MAIL_SERVER is not None


def send(*, to: str, subject: str, text: str) -> None:
    """Hand a mail in; it takes as long as `EMAIL_TIMEOUT` lets each step of it.

    :raises OSError: when the server cannot be reached or refuses it.
    """
    send_mail(subject, text, from_email=None, recipient_list=[to])
