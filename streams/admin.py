"""The nouns' admin pages, where Django looks for them."""

from django.contrib import admin
from django.contrib.auth.models import Group

from streams.livestreams.admin import LivestreamAdmin, SessionAdmin
from streams.livestreams.output_admin import OutputAdmin, PushEventAdmin
from streams.livestreams.pull_admin import PullSourceAdmin
from streams.meetings.admin import MeetingAdmin, MeetingSessionAdmin, ParticipantAdmin, PresetAdmin
from streams.organizations.admin import (
    ApiKeyAdmin,
    AppAdmin,
    AuditEntryAdmin,
    MemberAdmin,
    OrganizationAdmin,
    UserAdmin,
)
from streams.recordings.admin import RecordingAdmin
from streams.recordings.clip_admin import ClipAdmin
from streams.recordings.storage_admin import StorageTargetAdmin

# What staff may do does not depend on groups.
admin.site.unregister(Group)
admin.site.site_header = "LiveHub support"
admin.site.site_title = "LiveHub support"

__all__ = [
    "ApiKeyAdmin",
    "AppAdmin",
    "AuditEntryAdmin",
    "ClipAdmin",
    "LivestreamAdmin",
    "MeetingAdmin",
    "MeetingSessionAdmin",
    "MemberAdmin",
    "OrganizationAdmin",
    "OutputAdmin",
    "ParticipantAdmin",
    "PresetAdmin",
    "PullSourceAdmin",
    "PushEventAdmin",
    "RecordingAdmin",
    "SessionAdmin",
    "StorageTargetAdmin",
    "UserAdmin",
]
