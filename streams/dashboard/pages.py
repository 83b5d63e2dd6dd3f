"""Who may see a page of the dashboard, and how each page answers a browser."""

from collections.abc import Mapping
from typing import ClassVar, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views import View
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from livehub.core.clients import client_address
from livehub.core.errors import DomainError, NotFoundError, ValidationFailedError
from streams.organizations.models import Member, User
from streams.organizations.selectors import find_membership
from streams.organizations.services import Actor


class DashboardRequest(HttpRequest):
    """A request as our middleware hands it on (a type only: Django makes the object)."""

    htmx: HtmxDetails


class PersonView(View):
    """A page for whoever is logged in."""

    request: DashboardRequest
    # The place in an organization, for whoever has one.
    member: Member | None

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = self._answer(request, *args, **kwargs)
        # The same URL answers a page and a fragment, and neither is for a shared cache or for after the log-out.
        patch_vary_headers(response, ["HX-Request"])
        patch_cache_control(response, private=True, no_cache=True)
        return response

    def page(
        self, template: str, shared: Mapping[str, object] | None = None, *, status: int = 200, **context: object
    ) -> HttpResponse:
        """Return a template rendered with both contexts; every one gets the `member` that looks at it."""
        return render(self.request, template, {"member": self.member, **(shared or {}), **context}, status=status)

    def go(self, url_name: str, *, said: str = "", refused: str = "", **url_kwargs: object) -> HttpResponse:
        """Send the browser to another page, which says what was done, or why nothing was."""
        if said:
            messages.success(self.request, said)
        if refused:
            messages.warning(self.request, refused)
        url = reverse(url_name, kwargs=url_kwargs)
        return HttpResponseClientRedirect(url) if self.request.htmx else see_other(url)

    @property
    def person(self) -> User:
        return cast(User, self.request.user)

    @property
    def actor(self) -> Actor:
        return Actor(user=self.person, address=client_address(self.request))

    def _answer(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self._to_login(request)
        self.member = find_membership(request.user)
        try:
            return self._answer_person(request, *args, **kwargs)
        except (NotFoundError, Http404) as error:
            if self.request.htmx:
                # A fragment cannot say it well: the whole page, loaded anew, can.
                return HttpResponseClientRefresh()
            raise Http404(str(error)) from error

    def _answer_person(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def _to_login(self, request: HttpRequest) -> HttpResponse:
        if self.request.htmx:
            return HttpResponseClientRefresh()
        return redirect_to_login(request.get_full_path())


class MemberView(PersonView):
    """A page for people who are logged in and belong to an organization; a GET needs no more than that."""

    # What a change takes: "can_operate" or "can_administer" of the membership.
    needs: ClassVar[str] = ""
    # Forms that nobody without the right may even look at.
    needs_to_look: ClassVar[str] = ""
    member: Member

    def _answer_person(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not self.member:
            return render(request, "streams/no_organization.html", status=403)
        self._check_role(request)
        return super()._answer_person(request, *args, **kwargs)

    def _check_role(self, request: HttpRequest) -> None:
        is_change = request.method not in {"GET", "HEAD", "OPTIONS"}
        right = (is_change and self.needs) or self.needs_to_look
        if right and not getattr(self.member, right):
            raise PermissionDenied(f"Your role in {self.member.organization} is {self.member.get_role_display()}.")


class DialogView(MemberView):
    """A form that is a page of its own, or a dialog when a script asks for it."""

    # Of the templates.
    folder: ClassVar[str] = "streams"

    def show(self, name: str, shared: Mapping[str, object], *, status: int = 200) -> HttpResponse:
        """Return the template `name`, or its part alone."""
        is_dialog = bool(self.request.htmx)
        template = f"{self.folder}/{'_' if is_dialog else ''}{name}.html"
        return self.page(template, shared, is_dialog=is_dialog, status=status)


def complain(form: BaseForm, error: ValidationFailedError) -> None:
    """Show a service's complaints in the form; one about no field of it becomes the form's own."""
    for field, complaints in error.fields.items():
        for complaint in complaints:
            form.add_error(field if field in form.fields else None, complaint)


def say_when(response: HttpResponse, error: DomainError | None) -> HttpResponse:
    """Tell programs what the page tells people: after how long another try makes sense."""
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    return response


def see_other(url: str) -> HttpResponse:
    """Send the browser on after a form, so that a reload sends nothing again."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
