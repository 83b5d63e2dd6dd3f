"""Handing recordings out of this node's folder: Django says who may, the edge sends the bytes."""

from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from livehub.core.links import LinkUnusableError
from streams.recordings.links import check_token
from streams.recordings.models import Recording
from streams.recordings.selectors import get_stored_recording
from streams.recordings.storing import store_of

# As the edge knows it (`livehub/stack/edge.py`); nobody outside can ask for it.
INTERNAL_PATH = "/recording-files/"
_PIECE = 4 * 1024 * 1024


@require_safe
def recording_file(request: HttpRequest, recording_id: UUID) -> HttpResponseBase:
    """Answer with the file for whoever has a link to it."""
    try:
        check_token(recording_id, request.GET.get("token", ""))
        recording = get_stored_recording(recording_id)
    except (LinkUnusableError, NotFoundError) as error:
        return HttpResponse(error.message, status=error.http_status, content_type="text/plain; charset=utf-8")
    response = _handed_over(recording) if recording.storage is None else _passed_on(recording)
    is_attachment = "play" not in request.GET
    response["Content-Disposition"] = content_disposition_header(is_attachment, recording.output_file_name) or "inline"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _handed_over(recording: Recording) -> HttpResponse:
    response = HttpResponse(content_type="video/mp4")
    response["X-Accel-Redirect"] = INTERNAL_PATH + quote(recording.object_name)
    return response


def _passed_on(recording: Recording) -> StreamingHttpResponse:
    """Pass on what a store has that makes no links of its own, such as an SFTP server."""
    store, size = store_of(recording), recording.size or 0
    pieces = (store.read(recording.object_name, offset=at, length=_PIECE) for at in range(0, size, _PIECE))
    response = StreamingHttpResponse(pieces, content_type="video/mp4")
    response["Content-Length"] = str(size)
    return response
