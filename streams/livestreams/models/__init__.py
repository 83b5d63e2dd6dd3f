"""Livestreams, their broadcasts, and who runs these."""

from streams.livestreams.models.disk import NodeDisk
from streams.livestreams.models.finding import FindingQuerySet, IngestFinding
from streams.livestreams.models.lease import Lease
from streams.livestreams.models.livestream import (
    Livestream,
    LivestreamCount,
    LivestreamQuerySet,
    StreamKey,
)
from streams.livestreams.models.output import Output, OutputQuerySet, PushEvent
from streams.livestreams.models.playback import PlaybackKey, RevokedViewer
from streams.livestreams.models.pull import PullSource, PullSourceQuerySet
from streams.livestreams.models.refusals import UnknownKeyTries
from streams.livestreams.models.session import (
    Connection,
    Session,
    SessionEvent,
    SessionEventQuerySet,
    SessionQuerySet,
    newest_event,
)
from streams.livestreams.models.slate import SlatePicture, SlatePictureQuerySet
from streams.livestreams.models.streamer_link import StreamerLink, StreamerLinkQuerySet

__all__ = [
    "Connection",
    "FindingQuerySet",
    "IngestFinding",
    "Lease",
    "Livestream",
    "LivestreamCount",
    "LivestreamQuerySet",
    "NodeDisk",
    "Output",
    "OutputQuerySet",
    "PlaybackKey",
    "PullSource",
    "PullSourceQuerySet",
    "PushEvent",
    "RevokedViewer",
    "Session",
    "SessionEvent",
    "SessionEventQuerySet",
    "SessionQuerySet",
    "SlatePicture",
    "SlatePictureQuerySet",
    "StreamKey",
    "StreamerLink",
    "StreamerLinkQuerySet",
    "UnknownKeyTries",
    "newest_event",
]
