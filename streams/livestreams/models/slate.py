"""The pictures that viewers see while an encoder is away."""

from typing import Self

from django.db import models

from streams.livestreams.models.livestream import Livestream


class SlatePictureQuerySet(models.QuerySet["SlatePicture"]):
    def without_image(self) -> Self:
        """Leave the image itself, up to a megabyte or two, in the database."""
        return self.defer("image")


class SlatePicture(models.Model):
    """A livestream's own; one that has none shows the picture that comes with the product."""

    livestream = models.OneToOneField(
        Livestream, on_delete=models.CASCADE, primary_key=True, related_name="slate_picture", editable=False
    )
    # As `streams.livestreams.slate_images` makes it.
    image = models.BinaryField()
    content_type = models.CharField(max_length=16, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SlatePictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"
