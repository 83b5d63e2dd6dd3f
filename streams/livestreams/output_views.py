"""The dashboard's forms of simulcasts."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.dashboard.pages import complain
from streams.livestreams import outputs
from streams.livestreams.forms import SimulcastForm
from streams.livestreams.models import Livestream, Output
from streams.livestreams.outputs import NewOutput, NothingToRetryError, OutputExistsError, TooManyOutputsError
from streams.livestreams.pages import OneLivestreamView
from streams.livestreams.selectors import get_output, list_push_events
from streams.livestreams.states import OutputType

# The whole history is in the API.
_EVENTS_SHOWN = 8
_Refusal = ValidationFailedError | OutputExistsError | TooManyOutputsError
_REFUSALS = (ValidationFailedError, OutputExistsError, TooManyOutputsError)


class SimulcastView(OneLivestreamView):
    """A form of one simulcast, on a page of its own or in a dialog."""

    needs = needs_to_look = "can_operate"

    def get_simulcast(self, livestream: Livestream, output_id: UUID) -> Output:
        output = get_output(livestream=livestream, output_id=output_id)
        if not output.is_simulcast:
            raise NotFoundError(f"Output {output_id} is no simulcast.")
        return output

    def show(self, name: str, livestream: Livestream, *, status: int = 200, **context: object) -> HttpResponse:
        is_dialog = bool(self.request.htmx)
        template = f"streams/{'_' if is_dialog else ''}{name}.html"
        context |= {"livestream": livestream, "is_dialog": is_dialog}
        return self.page(template, context, status=status)

    def show_form(self, form: SimulcastForm, *, output: Output | None = None, status: int = 200) -> HttpResponse:
        history = list_push_events(output)[:_EVENTS_SHOWN] if output is not None else []
        return self.show("output_form", self.get_livestream(), form=form, output=output, history=history, status=status)

    def refuse(self, form: SimulcastForm, refusal: _Refusal, *, output: Output | None = None) -> HttpResponse:
        if isinstance(refusal, ValidationFailedError):
            complain(form, refusal)
        else:
            form.add_error("uri" if isinstance(refusal, OutputExistsError) else None, refusal.message)
        return self.show_form(form, output=output, status=422)


class OutputCreateView(SimulcastView):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self.show_form(SimulcastForm())

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream, form = self.get_livestream(), SimulcastForm(request.POST)
        if not form.is_valid():
            return self.show_form(form, status=422)
        new = NewOutput(type=OutputType.SIMULCAST, **form.cleaned_data)
        try:
            outputs.create_output(livestream=livestream, new=new, actor=self.actor)
        except _REFUSALS as refusal:
            return self.refuse(form, refusal)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The simulcast is added.")


class OutputChangeView(SimulcastView):
    def get(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        output = self.get_simulcast(self.get_livestream(), output_id)
        return self.show_form(SimulcastForm.of(output), output=output)

    def post(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        output = self.get_simulcast(livestream, output_id)
        form = SimulcastForm.of(output, request.POST)
        if not form.is_valid():
            return self.show_form(form, output=output, status=422)
        try:
            outputs.change_output(livestream=livestream, output_id=output_id, actor=self.actor, **form.changes())
        except _REFUSALS as refusal:
            return self.refuse(form, refusal, output=output)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")


class OutputRetryView(SimulcastView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        try:
            outputs.retry_output(livestream=self.get_livestream(), output_id=output_id, actor=self.actor)
        except NothingToRetryError as refusal:
            messages.warning(request, refusal.message)
            return self.go("streams:livestream_detail", livestream_id=livestream_id)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The simulcast is tried again.")


class OutputSwitchView(SimulcastView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        livestream, enabled = self.get_livestream(), bool(request.POST.get("enabled"))
        self.get_simulcast(livestream, output_id)
        outputs.change_output(livestream=livestream, output_id=output_id, actor=self.actor, enabled=enabled)
        said = "Broadcasts go there." if enabled else "Broadcasts go there no more."
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said=said)


class OutputDeleteView(SimulcastView):
    def get(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        return self.show("output_delete", livestream, output=self.get_simulcast(livestream, output_id))

    def post(self, request: HttpRequest, livestream_id: UUID, output_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        self.get_simulcast(livestream, output_id)
        outputs.delete_output(livestream=livestream, output_id=output_id, actor=self.actor)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="The simulcast is deleted.")
