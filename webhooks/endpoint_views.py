"""The dashboard's pages of endpoints: the list, what is made and changed, and what each is sent."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core import crypto
from livehub.core.errors import ValidationFailedError
from streams.dashboard.pages import MemberView, complain
from webhooks import services
from webhooks.forms import DeliveryFilterForm, EndpointForm, EndpointListForm
from webhooks.models import Endpoint
from webhooks.pages import OneEndpointView, WebhookDialogView, endpoint_screen
from webhooks.screens import get_endpoint_list
from webhooks.services import NewEndpoint

# Where a browser's session holds the secret that it is to be shown next.
_NEW_SECRET = "new_webhook_secret"  # noqa: S105  # Only what it is called.


class EndpointListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        form = EndpointListForm(request.GET)
        found = get_endpoint_list(organization=self.member.organization, show=form.wanted(), page=form.number())
        if self.request.htmx:
            return self.page("webhooks/_endpoint_list.html", found=found, is_update=True)
        return self.page("webhooks/endpoint_list.html", found=found)


class EndpointCreateView(WebhookDialogView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(EndpointForm.new(self.member.organization), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = EndpointForm.new(self.member.organization, request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            made = services.create_endpoint(app=form.chosen_app(), actor=self.actor, **form.values())
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        keep_secret(request, made, is_rotated=False)
        return self.go("webhooks:endpoint_secret", endpoint_id=made.row.pk)

    def _form(self, form: EndpointForm, *, status: int) -> HttpResponse:
        return self.page("webhooks/endpoint_form.html", form=form, status=status)


class EndpointDetailView(OneEndpointView):
    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        query = request.GET.dict()
        screen = endpoint_screen(organization=self.member.organization, endpoint_id=endpoint_id, query=query)
        if self.request.htmx:
            return self.page("webhooks/_endpoint_live.html", screen=screen)
        form = DeliveryFilterForm(query).offer(screen.endpoint)
        return self.page("webhooks/endpoint_detail.html", screen=screen, form=form)


class EndpointChangeView(OneEndpointView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        return self._form(endpoint, EndpointForm.of(endpoint), status=200)

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        form = EndpointForm.of(endpoint, request.POST)
        if not form.is_valid():
            return self._form(endpoint, form, status=422)
        try:
            services.change_endpoint(endpoint=endpoint, actor=self.actor, **form.changes())
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(endpoint, form, status=422)
        return self.to_endpoint(said="Saved.")

    def _form(self, endpoint: Endpoint, form: EndpointForm, *, status: int) -> HttpResponse:
        return self.page("webhooks/endpoint_form.html", endpoint=endpoint, form=form, status=status)


class EndpointSecretView(OneEndpointView):
    """Shows a new secret once: looking at it takes it out of the browser's session."""

    needs_to_look = "can_administer"
    # A HEAD would take it out and show it to nobody.
    http_method_names = ["get"]

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.get_endpoint()
        kept = request.session.get(_NEW_SECRET) or {}
        if kept.get("id") != endpoint.pk.hex:
            messages.info(request, "A secret is shown only once. If you did not copy it, rotate it.")
            return self.to_endpoint()
        del request.session[_NEW_SECRET]
        secret = crypto.decrypt(kept["encrypted"])
        response = self.page(
            "webhooks/endpoint_secret.html", endpoint=endpoint, secret=secret, is_rotated=kept["is_rotated"]
        )
        response["Cache-Control"] = "no-store"
        return response


class SecretRotateView(OneEndpointView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        return self.show("secret_rotate", {"endpoint": self.get_endpoint()})

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        made = services.rotate_secret(endpoint=self.get_endpoint(), actor=self.actor)
        keep_secret(request, made, is_rotated=True)
        return self.go("webhooks:endpoint_secret", endpoint_id=endpoint_id)


def keep_secret(request: HttpRequest, made: NewEndpoint, *, is_rotated: bool) -> None:
    """Keep a secret for the one page that shows it.

    Browsers' sessions rest in the database, where no secret of a program may stand in the clear.
    """
    encrypted = crypto.encrypt(made.secret)
    request.session[_NEW_SECRET] = {"id": made.row.pk.hex, "encrypted": encrypted, "is_rotated": is_rotated}


class EndpointEnableView(OneEndpointView):
    needs = "can_administer"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        services.change_endpoint(endpoint=self.get_endpoint(), actor=self.actor, enabled=True)
        return self.to_endpoint(said="Enabled. What waited goes now.")


class EndpointPauseView(OneEndpointView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        return self.show("endpoint_pause", {"endpoint": self.get_endpoint()})

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        services.change_endpoint(endpoint=self.get_endpoint(), actor=self.actor, enabled=False)
        return self.to_endpoint(said="Paused. Nothing is sent until you enable it.")


class EndpointDeleteView(OneEndpointView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        return self.show("endpoint_delete", {"endpoint": self.get_endpoint()})

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = services.delete_endpoint(endpoint=self.get_endpoint(), actor=self.actor)
        return self.go("webhooks:endpoint_list", said=f"{endpoint.name} is deleted.")
