"""Rows without what they stand for."""

import uuid

from streams.models import Clip, Livestream


def clip_of(livestream: Livestream, **values: object) -> Clip:
    """Make the row of a clip of a livestream's recording, which has no file."""
    clip_id = uuid.uuid4()
    name = f"{livestream.app_id.hex}/clips/{clip_id}.mp4"
    told = {"from_us": 0, "until_us": 30_000_000, "object_name": name, "node": "main"}
    return Clip.objects.create(id=clip_id, app=livestream.app, livestream=livestream, **{**told, **values})
