"""The nouns' models, where Django looks for them."""

from streams.identity.models import LogIn, PasswordReset, RecoveryCode, SecondFactor
from streams.livestreams.models import (
    Connection,
    Lease,
    Livestream,
    LivestreamCount,
    Output,
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
    Invitation,
    KeptAnswer,
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
    "Invitation",
    "KeptAnswer",
    "Lease",
    "Livestream",
    "LivestreamCount",
    "LogIn",
    "Member",
    "Organization",
    "Output",
    "PasswordReset",
    "RecoveryCode",
    "Role",
    "SecondFactor",
    "Session",
    "SessionEvent",
    "StreamKey",
    "UnknownKeyTries",
    "User",
]
