"""The nouns' models, where Django looks for them."""

from streams.livestreams.models import Livestream, Session, StatusChange
from streams.organizations.models import ApiKey, App, AuditEntry, Member, Organization, Role, User

__all__ = [
    "ApiKey",
    "App",
    "AuditEntry",
    "Livestream",
    "Member",
    "Organization",
    "Role",
    "Session",
    "StatusChange",
    "User",
]
