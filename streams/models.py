"""The nouns' models, where Django looks for them."""

from streams.livestreams.models import Livestream, LivestreamCount, Session, StatusChange
from streams.organizations.models import (
    ApiKey,
    App,
    AuditEntry,
    CredentialRevision,
    Member,
    Organization,
    Role,
    User,
)

__all__ = [
    "ApiKey",
    "App",
    "AuditEntry",
    "CredentialRevision",
    "Livestream",
    "LivestreamCount",
    "Member",
    "Organization",
    "Role",
    "Session",
    "StatusChange",
    "User",
]
