"""Logging in, and the account page."""

from typing import cast

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

from livehub.core import clock
from livehub.core.clients import client_address
from streams.account.examples import examples_of
from streams.account.forms import LoginForm
from streams.account.steps import await_code, enter
from streams.dashboard.pages import MemberView, say_when
from streams.dashboard.paging import asked_page
from streams.identity.second_factor import find_second_factor
from streams.organizations import members
from streams.organizations.log_ins import record_deed
from streams.organizations.models import User
from streams.organizations.selectors import get_default_app, list_api_keys, list_invitations, list_members


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
        organization = self.member.organization
        app, keys = get_default_app(organization), list_api_keys(organization)
        return self.page(
            "streams/account.html",
            organization=organization,
            app=app,
            examples=examples_of(app),
            api_keys=asked_page(keys, request),
            members=list_members(organization),
            invitations=list_invitations(organization),
            manageable=members.manageable_roles(self.member),
            now=clock.now(),
        )
