"""The nouns' models, where Django looks for them."""

from streams.identity.models import LogIn, PasswordReset, RecoveryCode, SecondFactor
from streams.livestreams.models import Connection, Lease, Livestream, LivestreamCount, Session, SessionEvent, StreamKey
from streams.organizations.models import (
    ApiKey,
    App,
    AuditEntry,
    CredentialRevision,
    Invitation,
    Member,
    Organization,
    Role,
    User,
)

__all__ = [
    "ApiKey",
    "App",
    "AuditEntry",
    "Connection",
    "CredentialRevision",
    "Invitation",
    "Lease",
    "Livestream",
    "LivestreamCount",
    "LogIn",
    "Member",
    "Organization",
    "PasswordReset",
    "RecoveryCode",
    "Role",
    "SecondFactor",
    "Session",
    "SessionEvent",
    "StreamKey",
    "User",
]
