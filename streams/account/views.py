"""Logging in, and the account page."""

from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from livehub.core import clock, crypto
from livehub.core.clients import client_address
from livehub.core.errors import ValidationFailedError
from streams.account.forms import ApiKeyForm, LoginForm
from streams.account.steps import await_code, enter
from streams.dashboard.pages import MemberView, complain, say_when
from streams.identity.second_factor import find_second_factor
from streams.organizations import members, services
from streams.organizations.log_ins import record_deed
from streams.organizations.models import ApiKey, Organization, User
from streams.organizations.selectors import (
    get_api_key,
    get_default_app,
    list_api_keys,
    list_invitations,
    list_members,
)

# Where a browser's session holds the key that it is to be shown next.
_NEW_KEY = "new_api_key"


class LoginView(DjangoLoginView):
    template_name = "streams/login.html"
    authentication_form = LoginForm

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if find_second_factor(user) is None:
            return enter(self.request, user, redirect(self.get_success_url()))
        await_code(self.request, user, going_to=self.get_success_url())
        return redirect("streams:login_code")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        refusal = cast(LoginForm, form).refusal
        context = self.get_context_data(form=form)
        if refusal is None:
            return self.render_to_response(context, status=422)
        return say_when(self.render_to_response(context, status=refusal.http_status), refusal)


class LogoutView(DjangoLogoutView):
    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        user = request.user
        response = super().post(request, *args, **kwargs)
        if isinstance(user, User):
            record_deed(user=user, action="user.logged_out", address=client_address(request))
        return response


class AdminLoginView(View):
    """In the place of the admin site's own form, so that there is one way in: the dashboard's."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        # Where Django's own view leads whoever has logged in.
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
        url = wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(url)
        if not request.user.is_staff:
            raise PermissionDenied("These pages are for the support staff of this server.")
        return redirect(url)


class AccountView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        manageable = members.manageable_roles(self.member)
        return self.page(
            "streams/account.html", _account(self.member.organization), manageable=manageable, now=clock.now()
        )


class ApiKeyCreateView(MemberView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(ApiKeyForm(), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ApiKeyForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            api_key, secret = services.create_api_key(
                organization=self.member.organization,
                name=form.cleaned_data["name"],
                kind=form.cleaned_data["kind"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
                actor=self.actor,
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        # Browsers' sessions rest in the database, where no secret of a program may stand in the clear.
        request.session[_NEW_KEY] = {"id": api_key.pk.hex, "encrypted": crypto.encrypt(secret)}
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
        secret = crypto.decrypt(created["encrypted"])
        response = self.page("streams/api_key_created.html", _new_key(api_key, secret), api_key=api_key, secret=secret)
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


def _new_key(api_key: ApiKey, secret: str) -> dict[str, object]:
    account = _account(api_key.organization)
    if api_key.kind == ApiKey.Kind.BASIC:
        asking = f"-u {api_key.organization_id.hex}:{secret} {account['dyte_base_url']}"
        return {"key_label": "API key", "curl_line": f"curl {asking}/livestreams"}
    url = f"{account['realtimekit_base_url']}{account['realtimekit_path']}"
    return {"key_label": "API token", "curl_line": f'curl -H "Authorization: Bearer {secret}" {url}/livestreams'}


def _account(organization: Organization) -> dict[str, object]:
    app = get_default_app(organization)
    return {
        "organization": organization,
        "app": app,
        "api_keys": list_api_keys(organization),
        "members": list_members(organization),
        "invitations": list_invitations(organization),
        "dyte_base_url": f"{settings.PUBLIC_URL}/v2",
        "realtimekit_base_url": f"{settings.PUBLIC_URL}/client/v4",
        "realtimekit_path": f"/accounts/{organization.pk.hex}/realtime/kit/{app.pk.hex}",
    }
