"""The dashboard's form of where broadcasts are fetched from."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from livehub.core.errors import ValidationFailedError
from streams.livestreams import services
from streams.livestreams.forms import PullForm
from streams.livestreams.models import PullSource
from streams.livestreams.pages import OneLivestreamView


class PullChangeView(OneLivestreamView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self._form(PullForm.of(PullSource.of(self.get_livestream())), status=200)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        form = PullForm.of(PullSource.of(livestream), request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        try:
            services.change_livestream(livestream=livestream, actor=self.actor, pull=form.change())
        except ValidationFailedError as error:
            for complaint in error.fields["pull"]:
                form.add_error("url", complaint)
            return self._form(form, status=422)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")

    def _form(self, form: PullForm, *, status: int) -> HttpResponse:
        is_dialog = bool(self.request.htmx)
        template = f"streams/{'_' if is_dialog else ''}pull_change.html"
        return self.page(template, livestream=self.get_livestream(), form=form, is_dialog=is_dialog, status=status)
