"""Clips for whoever has a link: the page that plays one, its playlists and its file."""

from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from streams.recordings.clips.layout import FILE, PLAYLISTS, waiting_file
from streams.recordings.clips.links import file_path, watch_url
from streams.recordings.clips.selectors import get_played_clip
from streams.recordings.handing_out import handed_over, in_words, is_elsewhere, said, sent_to_its_node
from streams.recordings.models import Clip
from streams.recordings.ranges import answer_bytes
from streams.recordings.sending import CONTENT_TYPE
from streams.recordings.storing import store_of

# Of what there is of each.
NAMES = (FILE, *PLAYLISTS)
_PLAYLIST = "application/vnd.apple.mpegurl"
# It is laid out, and its file made, within a second, but for what has only just been broadcast.
_SOON_S = "1"


@require_safe
def clip_watch(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """Answer with the page that plays the clip."""
    try:
        clip = get_played_clip(clip_id)
    except NotFoundError:
        return render(request, "recordings/clip_watch.html", {"clip": None}, status=404)
    shown = {"clip": clip, "src": file_path(clip), "watch_url": watch_url(clip.pk)}
    return render(request, "recordings/clip_watch.html", shown)


@require_safe
def clip_media(request: HttpRequest, clip_id: UUID, name: str) -> HttpResponseBase:
    """Answer with one of its playlists, or with its file, to a player of any site."""
    response = _media(request, clip_id, name)
    response["Access-Control-Allow-Origin"] = "*"
    return response


@in_words
def _media(request: HttpRequest, clip_id: UUID, name: str) -> HttpResponseBase:
    return _answer(request, get_played_clip(clip_id), name)


def _answer(request: HttpRequest, clip: Clip, name: str) -> HttpResponseBase:
    if clip.playlists and name in clip.playlists and clip.is_playable:
        response = HttpResponse(clip.playlists[name], content_type=_PLAYLIST)
        response["Cache-Control"] = "public, max-age=60"
        return response
    if name == FILE and clip.is_playable:
        return _file(request, clip)
    if clip.playlists or not clip.is_unfinished:
        raise NotFoundError(f"There is no {name} of clip {clip.pk}.")
    return _not_yet()


def _file(request: HttpRequest, clip: Clip) -> HttpResponseBase:
    # What waits to be stored lies where it is made.
    if is_elsewhere(clip) or (not clip.is_ready and clip.node != settings.NODE):
        return sent_to_its_node(request, clip)
    if clip.is_ready and clip.storage is None:
        response: HttpResponseBase = handed_over(clip.object_name, content_type=CONTENT_TYPE)
    elif clip.is_ready:
        store = store_of(clip)

        def read(offset: int, length: int) -> bytes:
            return store.read(clip.object_name, offset=offset, length=length)

        response = answer_bytes(request, read=read, size=clip.size or 0, content_type=CONTENT_TYPE)
    else:
        path = waiting_file(clip.pk)
        if not path.exists():
            return _not_yet()
        response = answer_bytes(
            request, read=partial(_read, clip, path), size=clip.size or 0, content_type=CONTENT_TYPE
        )
    response["Content-Disposition"] = content_disposition_header("download" in request.GET, clip.file_name) or "inline"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _read(clip: Clip, path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except FileNotFoundError:
        # It has just been stored: that is all that removes it, but for who deletes the clip.
        return store_of(clip).read(clip.object_name, offset=offset, length=length)


def _not_yet() -> HttpResponse:
    return said("The clip is being made. Ask again.", status=503, again_s=_SOON_S)
