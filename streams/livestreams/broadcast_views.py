"""The dashboard's settings of broadcasts, beginning one with the slate, and letting an encoder in."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from streams.livestreams import services
from streams.livestreams.arrivals import AlreadyLiveError
from streams.livestreams.broadcast_forms import BroadcastForm
from streams.livestreams.lifecycle import LivestreamDisabledError, LivestreamStoppedError
from streams.livestreams.pages import OneLivestreamView
from streams.organizations.quotas import QuotaExceededError


class BroadcastChangeView(OneLivestreamView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self._form(BroadcastForm.of(self.get_livestream()), status=200)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        form = BroadcastForm.of(livestream, request.POST)
        # Whatever the service would refuse, no choice of the form is.
        if not form.is_valid():
            return self._form(form, status=422)
        services.change_livestream(livestream=livestream, actor=self.actor, **form.changes())
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")

    def _form(self, form: BroadcastForm, *, status: int) -> HttpResponse:
        is_dialog = bool(self.request.htmx)
        template = f"streams/{'_' if is_dialog else ''}broadcast_change.html"
        return self.page(template, livestream=self.get_livestream(), form=form, is_dialog=is_dialog, status=status)


class BroadcastStartView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        try:
            services.activate_livestream(livestream=self.get_livestream(), actor=self.actor)
        except (AlreadyLiveError, LivestreamDisabledError, LivestreamStoppedError, QuotaExceededError) as refusal:
            messages.warning(request, refusal.message)
            return self.go("streams:livestream_detail", livestream_id=livestream_id)
        said = "Viewers see the slate in a few seconds. Start your encoder when you are ready."
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said=said)


class EncoderLetInView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        services.let_encoder_in(livestream=self.get_livestream(), actor=self.actor)
        if self.request.htmx:
            return self.page("streams/_livestream_notices.html", screen=self.get_screen())
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Encoders are let in again.")
