"""The dashboard's pages of deliveries, and of what is sent again or as a test."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from webhooks import replays
from webhooks.delivery_screens import get_delivery_screen
from webhooks.forms import ReplayForm, TestForm
from webhooks.models import Endpoint
from webhooks.pages import OneEndpointView
from webhooks.selectors import get_delivery

_REFUSALS = (replays.EndpointDisabledError, replays.TooMuchToReplayError, replays.ReplayUnderWayError)


class DeliveryDetailView(OneEndpointView):
    def get(self, request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
        owner = self.member.organization
        screen = get_delivery_screen(organization=owner, endpoint_id=endpoint_id, uid=delivery_id)
        template = "webhooks/_delivery_live.html" if self.request.htmx else "webhooks/delivery_detail.html"
        return self.page(template, screen=screen, is_update=bool(self.request.htmx))


class DeliveryReplayView(OneEndpointView):
    needs = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
        delivery = get_delivery(endpoint=self.get_endpoint(), uid=delivery_id)
        said = "It is on its way again, under the same webhook-id."
        try:
            replays.replay_delivery(delivery=delivery, actor=self.actor)
        except replays.EndpointDisabledError as error:
            messages.warning(request, error.message)
            said = ""
        return self.go("webhooks:delivery_detail", endpoint_id=endpoint_id, delivery_id=delivery_id, said=said)


class EndpointReplayView(OneEndpointView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        return self._form(endpoint, ReplayForm(endpoint=endpoint), status=200)

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        form = ReplayForm(request.POST, endpoint=endpoint)
        if not form.is_valid():
            return self._form(endpoint, form, status=422)
        replay = replays.replay_all if form.cleaned_data["what"] == "all" else replays.replay_failed
        try:
            count = replay(endpoint=endpoint, since=form.chosen_time(), actor=self.actor)
        except _REFUSALS as error:
            form.add_error(None, error.message)
            return self._form(endpoint, form, status=422)
        return self.to_endpoint(said=_said(count))

    def _form(self, endpoint: Endpoint, form: ReplayForm, *, status: int) -> HttpResponse:
        return self.show("endpoint_replay", {"endpoint": endpoint, "form": form}, status=status)


class EndpointTestView(OneEndpointView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        return self._form(endpoint, TestForm(endpoint=endpoint), status=200)

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        form = TestForm(request.POST, endpoint=endpoint)
        if not form.is_valid():
            return self._form(endpoint, form, status=422)
        try:
            sent = replays.send_test(endpoint=endpoint, name=form.cleaned_data["event"], actor=self.actor)
        except replays.EndpointDisabledError as error:
            form.add_error(None, error.message)
            return self._form(endpoint, form, status=422)
        return self.go("webhooks:delivery_detail", endpoint_id=endpoint_id, delivery_id=sent.uid)

    def _form(self, endpoint: Endpoint, form: TestForm, *, status: int) -> HttpResponse:
        return self.show("endpoint_test", {"endpoint": endpoint, "form": form}, status=status)


def _said(count: int) -> str:
    if not count:
        return "There was nothing to replay."
    return "1 delivery is on its way again." if count == 1 else f"{count:,} deliveries are on their way again."
