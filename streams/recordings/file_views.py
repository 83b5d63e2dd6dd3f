"""Handing recordings out: Django says who may, the edge sends the bytes that lie on this machine."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from livehub.core.deadline import suspended_deadline
from livehub.core.errors import NotFoundError
from streams.livestreams.addresses import PLAYLIST_NAME, recorded_path
from streams.media.recording.movie import Movie
from streams.recordings import played, sound
from streams.recordings.closing import movie_of
from streams.recordings.files import RecordedFile, sound_file, video_file
from streams.recordings.handing_out import handed_over, in_words, is_elsewhere, sent_to_its_node
from streams.recordings.links import POSTER, POSTER_NAME, SOUND, SOUND_FILE, check_token
from streams.recordings.models import Recording
from streams.recordings.ranges import answer_bytes
from streams.recordings.selectors import get_newest_played, get_played_recording, get_stored_recording
from streams.recordings.stills import has_still, read_still
from streams.recordings.storing import store_of

_SOUND_TYPE = "audio/mp4"
_STILL_TYPES = {"jpg": "image/jpeg", "vtt": "text/vtt; charset=utf-8"}
_PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


@require_safe
@in_words
def recording_file(request: HttpRequest, recording_id: UUID) -> HttpResponseBase:
    """Answer with the recording's file, or its sound, for whoever has a link to it."""
    check_token(recording_id, request.GET.get("token", ""))
    recording = get_stored_recording(recording_id)
    if is_elsewhere(recording):
        return sent_to_its_node(request, recording)
    form, is_played = request.GET.get("as"), "play" in request.GET
    response: HttpResponseBase
    if form == POSTER:
        name = "poster.jpg"
        response = _poster_of(recording)
    elif form == SOUND:
        name = f"{recording.output_file_name.rpartition('.')[0]}.m4a"
        response = _sound_of(request, recording)
    else:
        file = _wanted_file(recording, is_sound=form == SOUND_FILE)
        name = file.file_name
        if recording.storage is None:
            response = handed_over(file.object_name, content_type=file.content_type)
        else:
            response = _passed_on(request, recording, file, is_played=is_played)
    response["Content-Disposition"] = content_disposition_header(not is_played, name) or "inline"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _wanted_file(recording: Recording, *, is_sound: bool) -> RecordedFile:
    """Return the file that a link is for.

    :raises NotFoundError: when the recording has no such file.
    """
    file = sound_file(recording) if is_sound else video_file(recording)
    if file is None:
        raise NotFoundError(f"Recording {recording.pk} has no such file.")
    return file


def _passed_on(request: HttpRequest, recording: Recording, file: RecordedFile, *, is_played: bool) -> HttpResponseBase:
    """Pass on what another storage has: browsers let pages show what comes from here, whatever that storage says."""
    store = store_of(recording)

    def read(offset: int, length: int) -> bytes:
        return store.read(file.object_name, offset=offset, length=length)

    return answer_bytes(request, read=read, size=file.size, content_type=file.content_type, is_played=is_played)


def _sound_of(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    composed = sound.SoundAlone(_movie_of(recording), store_of(recording), recording.object_name)
    return answer_bytes(request, read=composed.read, size=composed.size, content_type=_SOUND_TYPE)


def _poster_of(recording: Recording) -> HttpResponseBase:
    if not has_still(recording, POSTER_NAME):
        raise NotFoundError(f"Recording {recording.pk} has no poster.")
    return HttpResponse(read_still(recording, POSTER_NAME), content_type=_STILL_TYPES["jpg"])


@require_safe
@in_words
def newest_played(request: HttpRequest, playback_id: str) -> HttpResponseBase:
    """Lead the edge's viewers to what there is of a livestream that is over."""
    return HttpResponseRedirect(f"{get_newest_played(playback_id).pk}/{PLAYLIST_NAME}")


@require_safe
@in_words
def played_file(request: HttpRequest, playback_id: str, recording_id: UUID, name: str) -> HttpResponseBase:
    """Answer the edge with a file by which a recording is played, and which it has not got."""
    recording = get_played_recording(playback_id=playback_id, recording_id=recording_id)
    if is_elsewhere(recording):
        # The edge puts the viewer's token into it.
        return sent_to_its_node(request, recording, path=recorded_path(playback_id, recording_id, name))
    if name == played.MEDIA_NAME:
        return _passed_on(request, recording, RecordedFile.of_broadcast(recording), is_played=True)
    if has_still(recording, name):
        return HttpResponse(read_still(recording, name), content_type=_STILL_TYPES[name.rpartition(".")[2]])
    if not played.has_playlist(recording, name):
        raise NotFoundError(f"Nothing is played as {name}.")
    playlists = played.playlists_asked_for(recording, _movie_of(recording))
    try:
        return HttpResponse(playlists[name], content_type=_PLAYLIST_TYPE)
    except KeyError:
        raise NotFoundError(f"The recording has no {name}.") from None


def _movie_of(recording: Recording) -> Movie:
    """Read a recording's rows, however many they are: who waits for them asked for it."""
    with suspended_deadline():
        return movie_of(recording)
