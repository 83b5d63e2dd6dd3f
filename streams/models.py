"""The nouns' models, where Django looks for them."""

from streams.livestreams.models import (
    Connection,
    Lease,
    Livestream,
    LivestreamCount,
    Session,
    SessionEvent,
    StreamKey,
    UnknownKeyTries,
)
from streams.organizations.models import (
    ApiKey,
    App,
    AttemptBudget,
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
    "AttemptBudget",
    "AuditEntry",
    "Connection",
    "CredentialRevision",
    "Lease",
    "Livestream",
    "LivestreamCount",
    "Member",
    "Organization",
    "Role",
    "Session",
    "SessionEvent",
    "StreamKey",
    "UnknownKeyTries",
    "User",
]
