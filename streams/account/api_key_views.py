"""The pages of API keys: made, shown once, revoked."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core import crypto
from livehub.core.errors import ValidationFailedError
from streams.account.examples import example_of, secret_values
from streams.account.forms import ApiKeyForm
from streams.dashboard.pages import MemberView, complain
from streams.organizations import services
from streams.organizations.models import ApiKey
from streams.organizations.selectors import get_api_key, get_default_app
from streams.organizations.services import NewApiKey

# Where a browser's session holds the key that it is to be shown next.
_NEW_KEY = "new_api_key"


class ApiKeyCreateView(MemberView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = ApiKeyForm(organization=self.member.organization, initial={"app": request.GET.get("app", "")})
        return self._form(form, status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ApiKeyForm(request.POST, organization=self.member.organization)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            made = services.create_api_key(
                organization=self.member.organization,
                name=form.cleaned_data["name"],
                kind=form.cleaned_data["kind"],
                app=form.cleaned_data["app"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
                actor=self.actor,
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        # Browsers' sessions rest in the database, where no secret of a program may stand in the clear.
        request.session[_NEW_KEY] = {"id": made.row.pk.hex, "encrypted": crypto.encrypt(made.secret)}
        return self.go("streams:api_key_created")

    def _form(self, form: ApiKeyForm, *, status: int) -> HttpResponse:
        return self.page("streams/api_key_create.html", form=form, status=status)


class ApiKeyCreatedView(MemberView):
    """Shows the new key once: looking at it takes it out of the browser's session."""

    needs_to_look = "can_administer"
    # A HEAD would take it out and show it to nobody.
    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        created = request.session.pop(_NEW_KEY, None)
        if created is None:
            messages.info(request, "A key is shown only once. If you did not copy it, revoke it and create another.")
            return self.go("streams:account_detail")
        api_key = get_api_key(organization=self.member.organization, api_key_id=UUID(created["id"]))
        key = NewApiKey(api_key, crypto.decrypt(created["encrypted"]))
        app = api_key.app or get_default_app(api_key.organization)
        response = self.page(
            "streams/api_key_created.html",
            api_key=api_key,
            secrets=secret_values(key),
            example=example_of(app, ApiKey.Kind(api_key.kind), key=key),
        )
        response["Cache-Control"] = "no-store"
        return response


class ApiKeyRevokeView(MemberView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, api_key_id: UUID) -> HttpResponse:
        api_key = get_api_key(organization=self.member.organization, api_key_id=api_key_id)
        template = "streams/_api_key_revoke.html" if self.request.htmx else "streams/api_key_revoke.html"
        return self.page(template, api_key=api_key, is_dialog=bool(self.request.htmx))

    def post(self, request: HttpRequest, api_key_id: UUID) -> HttpResponse:
        api_key = get_api_key(organization=self.member.organization, api_key_id=api_key_id)
        services.revoke_api_key(api_key=api_key, actor=self.actor)
        return self.go("streams:account_detail", said=f"{api_key.name} is revoked and no longer works.")
