"""The picture that viewers see while the encoder is away, as `/v2` has it."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.fields import InstantField
from livehub.api.operations import Answer, operation
from livehub.core import clock
from streams.livestreams import selectors, slate_pictures
from streams.livestreams.api.views import LivestreamApi
from streams.livestreams.models import SlatePicture
from streams.livestreams.slate_images import IMAGE_MAX_BYTES


class SlatePictureSerializer(serializers.Serializer[SlatePicture]):
    """What is kept of an image that was sent."""

    examples: ClassVar[Mapping[str, object]] = {
        "content_type": "image/png",
        "width": 1920,
        "height": 1080,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }

    content_type = serializers.CharField(help_text="image/png or image/jpeg, whatever was sent.")
    width = serializers.IntegerField(help_text="In pixels: at most 1920.")
    height = serializers.IntegerField(help_text="In pixels: at most 1080.")
    sha256 = serializers.CharField(help_text="Of the image that is kept, in hexadecimal digits.")
    updated_at = InstantField(help_text="When it was sent.")


class RemovedSlateSerializer(serializers.Serializer[None]):
    """What there is to say afterwards."""

    examples: ClassVar[Mapping[str, object]] = {"message": "Slate removed"}

    message = serializers.CharField()


class SlateView(LivestreamApi):
    """/livestreams/{livestream_id}/slate"""

    image_max_bytes = IMAGE_MAX_BYTES

    @operation(
        "get_slate",
        "Get a livestream's own picture for the time that its encoder is away",
        answer=Answer(SlatePictureSerializer, is_image=True),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        picture = selectors.get_slate_picture(self.get_livestream(livestream_id))
        return self.answer_image(bytes(picture.image), content_type=picture.content_type)

    @operation(
        "set_slate",
        "Set the picture that viewers see while the encoder is away, from the next broadcast on",
        answer=Answer(SlatePictureSerializer),
        takes_image=True,
    )
    def put(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        picture = slate_pictures.set_slate_picture(livestream=livestream, sent=self.image, actor=self.caller.actor)
        return self.answer(
            {
                "content_type": picture.content_type,
                "width": picture.width,
                "height": picture.height,
                "sha256": picture.sha256,
                "updated_at": clock.isoformat(picture.updated_at),
            }
        )

    @operation("remove_slate", "Show the usual picture again", answer=Answer(RemovedSlateSerializer))
    def delete(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        slate_pictures.remove_slate_picture(livestream=livestream, actor=self.caller.actor)
        return self.answer({"message": "Slate removed"})
