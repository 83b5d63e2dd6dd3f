"""Reads of the pictures that viewers see while an encoder is away."""

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream, SlatePicture


def find_slate_picture(livestream: Livestream) -> SlatePicture | None:
    """Return what is known of a livestream's own picture, without the image; None when it has none."""
    return SlatePicture.objects.without_image().filter(livestream=livestream).first()


def get_slate_picture(livestream: Livestream) -> SlatePicture:
    """Return a livestream's own picture with its image.

    :raises NotFoundError: when it has none.
    """
    picture = SlatePicture.objects.filter(livestream=livestream).first()
    if picture is None:
        raise NotFoundError("The livestream has no slate of its own.")
    return picture
