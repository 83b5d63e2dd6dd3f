"""Asking for the permission to play as an origin does, with what the web program says."""

import json

from streams.livestreams.audience import audience
from streams.livestreams.permissions import rules_of
from streams.media.origin.rules import PlaybackPermission, Rules, Viewer
from streams.media.viewer_tokens import PlaybackRefusedError


def check_playback(*, playback_id: str, token: str, origin: str) -> PlaybackPermission:
    """Return the permission to play.

    :raises PlaybackRefusedError: when it may not be played with that.
    """
    said = json.dumps(rules_of([playback_id])[playback_id].as_json())
    rules = Rules.of_json(json.loads(said))
    permission = rules.check(Viewer(playback_id, token, origin))
    if rules.places is not None and permission.viewer_id:
        (has_place,) = audience().take_places([(playback_id, rules.places, permission.viewer_id)])
        if not has_place:
            raise PlaybackRefusedError
    return permission
