"""Handing recordings out of this node's folder: Django says who may, the edge sends the bytes."""

from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from livehub.core.links import LinkUnusableError
from streams.recordings.links import check_token
from streams.recordings.selectors import get_stored_recording

# As the edge knows it (`livehub/stack/edge.py`); nobody outside can ask for it.
_INTERNAL = "/recording-files/"


@require_safe
def recording_file(request: HttpRequest, recording_id: UUID) -> HttpResponse:
    """Answer with the file for whoever has a link to it."""
    try:
        check_token(recording_id, request.GET.get("token", ""))
        recording = get_stored_recording(recording_id)
    except (LinkUnusableError, NotFoundError) as error:
        return HttpResponse(error.message, status=error.http_status, content_type="text/plain; charset=utf-8")
    response = HttpResponse(content_type="video/mp4")
    response["X-Accel-Redirect"] = _INTERNAL + quote(recording.object_name)
    is_attachment = "play" not in request.GET
    response["Content-Disposition"] = content_disposition_header(is_attachment, recording.output_file_name) or "inline"
    response["Cache-Control"] = "private, max-age=3600"
    return response
