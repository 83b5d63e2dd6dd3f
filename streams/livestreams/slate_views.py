"""The dashboard's picture for the time that an encoder is away."""

from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, HttpResponseNotModified

from streams.dashboard.pages import DialogView
from streams.livestreams import selectors, slate_pictures
from streams.livestreams.broadcast_forms import SlatePictureForm
from streams.livestreams.pages import OneLivestreamView
from streams.livestreams.slate_images import IMAGE_MAX_BYTES, SlateImageBusyError, SlateImageError, too_many_bytes
from streams.media.slates import DEFAULT_PICTURE


class SlatePictureView(OneLivestreamView, DialogView):
    """Shows the picture, and takes another one."""

    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self._form(SlatePictureForm(), status=200)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        form = SlatePictureForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            sent = _read(form.cleaned_data["image"])
            slate_pictures.set_slate_picture(livestream=livestream, sent=sent, actor=self.actor)
        except (SlateImageError, SlateImageBusyError) as error:
            form.add_error("image", error.message)
            return self._form(form, status=error.http_status)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")

    def _form(self, form: SlatePictureForm, *, status: int) -> HttpResponse:
        livestream = self.get_livestream()
        picture = selectors.find_slate_picture(livestream)
        return self.show("slate_picture", {"livestream": livestream, "picture": picture, "form": form}, status=status)


class SlatePictureRemoveView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        slate_pictures.remove_slate_picture(livestream=self.get_livestream(), actor=self.actor)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The usual picture is shown.")


class SlateImageView(OneLivestreamView):
    """The image itself, or the usual one: browsers keep it, and ask each time whether they still may show it."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponseBase:
        livestream = self.get_livestream()
        picture = selectors.find_slate_picture(livestream)
        etag = f'"{picture.sha256 if picture else slate_pictures.default_sha256()}"'
        if request.headers.get("If-None-Match") == etag:
            return HttpResponseNotModified(headers={"ETag": etag})
        if picture is None:
            path = DEFAULT_PICTURE
            return HttpResponse(path.read_bytes(), content_type="image/png", headers={"ETag": etag})
        # Read only here.
        content = bytes(picture.image)
        return HttpResponse(content, content_type=picture.content_type, headers={"ETag": etag})


def _read(upload: "UploadedFile[bytes]") -> bytes:
    size = upload.size or 0
    if size > IMAGE_MAX_BYTES:
        raise SlateImageError(too_many_bytes(size))
    return bytes(upload.read())
