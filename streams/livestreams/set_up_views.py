"""Connecting an encoder: the stream key, the test picture, and encoders that were turned away."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from streams.livestreams import refusals, services, test_pictures
from streams.livestreams.pages import OneLivestreamView, set_up_box, with_player
from streams.livestreams.test_pictures import TestPictureRefusedError


@with_player
class StreamKeyView(OneLivestreamView):
    """Tells the key to those who may publish, and only when asked: it is in no other page."""

    needs = needs_to_look = "can_operate"

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        screen = self.get_screen()
        key = services.show_stream_key(livestream=screen.livestream, actor=self.actor)
        if request.headers.get("Accept") == "text/plain":
            response = HttpResponse(key, content_type="text/plain; charset=utf-8")
        elif self.request.htmx:
            response = self.page("streams/_stream_key.html", livestream=screen.livestream, stream_key=key)
        else:
            response = self.page("streams/livestream_detail.html", set_up_box(screen), stream_key=key)
        response["Cache-Control"] = "no-store"
        return response


class TestPictureStartView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        try:
            test_pictures.start_test_picture(livestream=self.get_livestream(), actor=self.actor)
        except TestPictureRefusedError as refusal:
            return self._refuse(refusal)
        if self.request.htmx:
            return self.page("streams/_test_picture.html", screen=self.get_screen())
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The test picture is starting.")

    def _refuse(self, refusal: TestPictureRefusedError) -> HttpResponse:
        if self.request.htmx:
            screen = self.get_screen()
            return self.page("streams/_test_picture.html", screen=screen, refusal=refusal.message, status=409)
        messages.warning(self.request, refusal.message)
        return self.go("streams:livestream_detail", livestream_id=self.livestream_id)


class TestPictureStopView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        test_pictures.stop_test_picture(livestream=self.get_livestream(), actor=self.actor)
        if self.request.htmx:
            return self.page("streams/_test_picture.html", screen=self.get_screen())
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The test picture is over.")


class RefusalsDismissView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        refusals.dismiss_refusals(livestream=self.get_livestream(), actor=self.actor)
        if self.request.htmx:
            return self.page("streams/_livestream_notices.html", screen=self.get_screen())
        return self.go("streams:livestream_detail", livestream_id=livestream_id)
