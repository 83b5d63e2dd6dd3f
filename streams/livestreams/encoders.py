"""What the ingest server knows of a session's encoder."""

from uuid import UUID

from django.conf import settings

from streams.media import nginx_rtmp


def is_publishing(session_id: UUID) -> bool:
    """Tell whether the session's encoder is connected; to an ingest server that does not answer, none is."""
    try:
        return nginx_rtmp.find_publisher(settings.INGEST_CONTROL_SOCKET, name=session_id.hex) is not None
    except nginx_rtmp.IngestUnavailableError:
        return False
