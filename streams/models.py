"""The nouns' models, where Django looks for them."""

from streams.livestreams.models import Livestream, LivestreamCount, Session, StatusChange
from streams.organizations.models import ApiKey, App, AuditEntry, Member, Organization, Role, User

__all__ = [
    "ApiKey",
    "App",
    "AuditEntry",
    "Livestream",
    "LivestreamCount",
    "Member",
    "Organization",
    "Role",
    "Session",
    "StatusChange",
    "User",
]
