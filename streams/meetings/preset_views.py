"""The dashboard's pages of presets."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from livehub.core.errors import ValidationFailedError
from streams.dashboard.pages import MemberView, complain
from streams.dashboard.paging import asked_page
from streams.meetings.forms import PresetForm, PresetJsonForm, PresetNameForm
from streams.meetings.models import Preset
from streams.meetings.pages import OnePresetView
from streams.meetings.selectors import list_own_presets
from streams.meetings.services import presets
from streams.meetings.services.presets import PresetValues


class PresetListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list_own_presets(self.member.organization)
        page = asked_page(rows, request)
        has_apps = len({preset.app_id for preset in page}) > 1
        return self.page("streams/preset_list.html", page=page, has_apps=has_apps)


class PresetEditorView(OnePresetView):
    """The one page that both forms of a preset are on."""

    needs = "can_operate"

    def show_editor(
        self,
        preset: Preset,
        *,
        form: PresetForm | None = None,
        json_form: PresetJsonForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        is_fixed = not self.member.can_operate
        context = {
            "preset": preset,
            "form": form or PresetForm(preset=preset, is_fixed=is_fixed),
            "json_form": json_form or PresetJsonForm.of(preset, is_fixed=is_fixed),
        }
        return self.page("streams/preset_detail.html", context, status=status)

    def saved(self) -> HttpResponse:
        return self.go("streams:preset_detail", preset_id=self.preset_id, said="Saved.")


class PresetDetailView(PresetEditorView):
    def get(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        return self.show_editor(self.get_preset())

    def post(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        preset = self.get_preset()
        form = PresetForm(request.POST, preset=preset)
        if not form.is_valid():
            return self.show_editor(preset, form=form, status=422)
        try:
            presets.change_preset(preset=preset, changes=form.changes(), actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self.show_editor(preset, form=form, status=422)
        return self.saved()


class PresetReplaceView(PresetEditorView):
    """Takes the whole content as JSON."""

    needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        preset = self.get_preset()
        form = PresetJsonForm.of(preset, request.POST)
        if not form.is_valid():
            return self.show_editor(preset, json_form=form, status=422)
        written_at = form.cleaned_data["written_at"]
        try:
            presets.replace_preset(preset=preset, values=form.values(), actor=self.actor, written_at=written_at)
        except ValidationFailedError as error:
            complain(form, error)
            return self.show_editor(preset, json_form=form, status=422)
        return self.saved()


class PresetCopyView(OnePresetView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        preset = self.get_preset()
        return self._form(preset, PresetNameForm(), status=200)

    def post(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        preset, form = self.get_preset(), PresetNameForm(request.POST)
        if not form.is_valid():
            return self._form(preset, form, status=422)
        values: PresetValues = {
            "name": form.cleaned_data["name"],
            "config": preset.config,
            "permissions": preset.permissions,
            "ui": preset.ui,
        }
        try:
            made = presets.create_preset(app=preset.app, values=values, actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(preset, form, status=422)
        return self.go("streams:preset_detail", preset_id=made.pk)

    def _form(self, preset: Preset, form: PresetNameForm, *, status: int) -> HttpResponse:
        return self.show("preset_copy", {"preset": preset, "form": form}, status=status)


class PresetDeleteView(OnePresetView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        return self.show("preset_delete", {"preset": self.get_preset()})

    def post(self, request: HttpRequest, preset_id: UUID) -> HttpResponse:
        preset = self.get_preset()
        presets.delete_preset(preset=preset, actor=self.actor)
        return self.go("streams:preset_list", said=f"{preset} is deleted.")
