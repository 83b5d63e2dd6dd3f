"""The pages of apps: which there are, what programs need to reach one, a new one, another name."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from livehub.core.errors import ValidationFailedError
from streams.account.examples import examples_of
from streams.account.forms import AppForm
from streams.dashboard.pages import MemberView, complain
from streams.dashboard.paging import asked_page
from streams.organizations import apps
from streams.organizations.models import App
from streams.organizations.selectors import get_app, list_apps


class AppListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list_apps(self.member.organization)
        page = asked_page(rows, request)
        return self.page("streams/app_list.html", page=page)


class AppDetailView(MemberView):
    """What programs need to reach one app, in each dialect."""

    def get(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        app = get_app(organization=self.member.organization, app_id=app_id)
        return self.page("streams/app_detail.html", app=app, examples=examples_of(app))


class AppCreateView(MemberView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(AppForm(), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AppForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            app = apps.create_app(
                organization=self.member.organization, name=form.cleaned_data["name"], actor=self.actor
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        return self.go("streams:app_detail", app_id=app.pk, said=f"{app.name} is ready.")

    def _form(self, form: AppForm, *, status: int) -> HttpResponse:
        template = "streams/_app_create.html" if self.request.htmx else "streams/app_create.html"
        return self.page(template, form=form, is_dialog=bool(self.request.htmx), status=status)


class AppRenameView(MemberView):
    needs = needs_to_look = "can_administer"

    def get(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        app = self._get_app(app_id)
        return self._form(app, AppForm(initial={"name": app.name}), status=200)

    def post(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        app, form = self._get_app(app_id), AppForm(request.POST)
        if not form.is_valid():
            return self._form(app, form, status=422)
        try:
            apps.rename_app(app=app, name=form.cleaned_data["name"], actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(app, form, status=422)
        return self.go("streams:app_detail", app_id=app_id, said="Renamed.")

    def _get_app(self, app_id: UUID) -> App:
        return get_app(organization=self.member.organization, app_id=app_id)

    def _form(self, app: App, form: AppForm, *, status: int) -> HttpResponse:
        template = "streams/_app_rename.html" if self.request.htmx else "streams/app_rename.html"
        return self.page(template, app=app, form=form, is_dialog=bool(self.request.htmx), status=status)
