"""Writing down what concerns a person, wherever that person is a member."""

import logging

from streams.organizations.models import Member, User
from streams.organizations.services import Actor, record

logger = logging.getLogger(__name__)


def record_about(user: User, /, *, actor: Actor, action: str, **detail: object) -> None:
    """Write an audit entry into each organization of the person, and a line into the log.

    Call it in the transaction of the change itself.
    """
    for member in Member.objects.select_related("organization").filter(user=user):
        record(organization=member.organization, actor=actor, action=action, target=user, **detail)
    logger.info("action=%s user=%s by=%s", action, user.pk, actor.user.pk if actor.user else "system")
