"""Handing recordings out of this node's folder: Django says who may, the edge sends the bytes."""

from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from livehub.core.links import LinkUnusableError
from streams.recordings.links import check_token
from streams.recordings.models import Recording
from streams.recordings.passing import NoRoomError, passed_on
from streams.recordings.selectors import get_stored_recording
from streams.recordings.stores.base import StoreError

# As the edge knows it (`livehub/stack/edge.py`); nobody outside can ask for it.
_INTERNAL = "/recording-files/"


@require_safe
def recording_file(request: HttpRequest, recording_id: UUID) -> HttpResponseBase:
    """Answer with the file for whoever has a link to it."""
    try:
        check_token(recording_id, request.GET.get("token", ""))
        recording = get_stored_recording(recording_id)
    except (LinkUnusableError, NotFoundError) as error:
        return HttpResponse(error.message, status=error.http_status, content_type="text/plain; charset=utf-8")
    if recording.storage is None and recording.node != settings.NODE:
        return _at_its_node(request, recording)
    try:
        response = _handed_over(recording) if recording.storage is None else passed_on(request, recording)
    except (StoreError, NoRoomError) as error:
        return _unavailable(str(error))
    is_attachment = "play" not in request.GET
    response["Content-Disposition"] = content_disposition_header(is_attachment, recording.output_file_name) or "inline"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _at_its_node(request: HttpRequest, recording: Recording) -> HttpResponse:
    """Send whoever asks to the machine whose folder has it."""
    url = settings.NODE_URLS.get(recording.node)
    # One that is sent here again would be for ever: that machine has another name than this setting says.
    if url is None or "sent" in request.GET:
        message = (
            f"This recording is in the folder of the machine {recording.node}, and this is {settings.NODE}. Whoever "
            f"runs LiveHub sets LIVEHUB_NODE_URLS to where that machine is reached."
        )
        return _unavailable(message)
    answer = HttpResponseRedirect(f"{url}{request.get_full_path()}&sent=1")
    answer["Cache-Control"] = "no-store"
    return answer


def _handed_over(recording: Recording) -> HttpResponse:
    response = HttpResponse(content_type="video/mp4")
    response["X-Accel-Redirect"] = _INTERNAL + quote(recording.object_name)
    return response


def _unavailable(message: str) -> HttpResponse:
    answer = HttpResponse(message, status=503, content_type="text/plain; charset=utf-8")
    answer["Retry-After"] = "10"
    return answer
