"""Recordings of meetings: of what their livestream broadcasts, until they have media of their own."""

from collections.abc import Mapping
from typing import Any

from livehub.core.errors import DomainError, ValidationFailedError
from streams.livestreams.models import Livestream
from streams.meetings.models import Meeting
from streams.meetings.selectors import find_active_livestream
from streams.organizations.services import Actor
from streams.recordings.models import Recording
from streams.recordings.services import NewRecording, start_recording

# As the contract has it, where nobody has said how long.
_LONGEST_S = 86_400
# What is not made yet: who asks for it is told so, rather than given something else.
_RENDERED = frozenset({"VP8", "VP9"})


class NoMeetingLivestreamError(DomainError):
    """The meeting has no livestream that could be recorded."""

    code = "nothing_to_record"
    http_status = 400


def start_meeting_recording(
    *, meeting: Meeting, config: Mapping[str, Any], allows_multiple: bool, actor: Actor
) -> Recording:
    """Record the meeting's livestream: from now on, or from when it is live.

    What the call says comes before what the meeting says.

    :raises NoMeetingLivestreamError: when the meeting has none.
    :raises ValidationFailedError: when it asks for what cannot be done; names all that cannot.
    :raises RecordingActiveError: when it is recorded already, and no further recording is wanted.
    """
    whole = {**meeting.recording_config, **config}
    _check(whole)
    livestream: Livestream | None = find_active_livestream(meeting)
    if livestream is None:
        raise NoMeetingLivestreamError(
            f"Meeting {meeting.pk} has no livestream, which is what is recorded. Start its livestream, then record it."
        )
    new = NewRecording(
        max_seconds=whole.get("max_seconds") or _LONGEST_S,
        file_name_prefix=str(whole.get("file_name_prefix") or ""),
        config=config,
        allows_multiple=allows_multiple,
        may_wait=True,
    )
    return start_recording(livestream=livestream, new=new, actor=actor)


def _check(config: Mapping[str, Any]) -> None:
    fields: dict[str, list[str]] = {}
    if config.get("storage_config"):
        fields["storage_config"] = ["Recordings are kept on this instance: it sends none to other storages yet."]
    elif (config.get("bucket_config") or {}).get("enabled") is False:
        fields["bucket_config"] = ["With the bucket off and no storage the recording would be nowhere."]
    video = config.get("video_config") or {}
    if video.get("codec") in _RENDERED:
        fields["video_config.codec"] = ["Recordings are H264, as they are broadcast."]
    if video.get("watermark"):
        fields["video_config.watermark"] = ["Recordings are as they are broadcast: nothing is laid over them."]
    if config.get("live_streaming_config") or config.get("rtmp_out_config"):
        fields["rtmp_out_config"] = ["Add a simulcast to the meeting's livestream instead."]
    if fields:
        raise ValidationFailedError("The recording cannot be like this.", fields=fields)
