"""What the pages of one livestream share."""

import json
import shlex
from pathlib import Path
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import method_decorator

from streams.dashboard.pages import MemberView
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import LivestreamScreen, get_livestream, get_livestream_screen
from streams.media.test_picture import argv_for_people

# The player's controls write these <style> elements into their shadow roots; deploy/vendor-assets finds the hashes.
_PLAYER_STYLES: list[str] = json.loads(
    (Path(settings.BASE_DIR) / "static/vendor/media-chrome@4.19.4/style-hashes.json").read_text()
)
# For views whose page holds the player.
with_player_styles = csp_update({"style-src": _PLAYER_STYLES})
with_player = method_decorator(with_player_styles, name="dispatch")


class OneLivestreamView(MemberView):
    """A page of one livestream."""

    livestream_id: UUID

    def get_screen(self) -> LivestreamScreen:
        return get_livestream_screen(organization=self.member.organization, livestream_id=self.livestream_id)

    def get_livestream(self) -> Livestream:
        return get_livestream(owner=self.member.organization, livestream_id=self.livestream_id)

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.livestream_id = UUID(str(kwargs["livestream_id"]))


def set_up_box(screen: LivestreamScreen) -> dict[str, object]:
    """Return what the page of a livestream tells of connecting an encoder: the server to use first, and the other."""
    has_certificate = bool(settings.TLS_CERTIFICATE)
    return {
        "screen": screen,
        "ingest_url": settings.INGEST_URL,
        "other_ingest_url": settings.RTMP_URL if has_certificate else settings.RTMPS_URL,
        "has_certificate": has_certificate,
        # The key is appended to it.
        "ffmpeg_line": shlex.join(argv_for_people(settings.INGEST_URL)),
    }
