"""Presets."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import take_page
from streams.meetings import selectors
from streams.meetings.api.preset_input import PresetBody, PresetChangeBody, PresetListParameters, PresetListQuery
from streams.meetings.api.serializers import ListedPresetSerializer, PresetSerializer
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.models import Preset
from streams.meetings.services import presets
from streams.meetings.services.presets import PresetValues


class PresetApi(MeetingApi):
    tag = "Presets"

    def get_preset(self, preset_id: str) -> Preset:
        return selectors.get_preset(app=self.caller.app, preset_id=get_uuid(preset_id, noun="preset"))

    def answer_preset(self, preset: Preset, *, status: int = 200) -> Response:
        return self.answer(PresetSerializer().to_representation(preset), status=status)


class PresetsView(PresetApi):
    """/presets"""

    # Source: Dyte's description has 200 for it where all other creations have 201; so has RealtimeKit's.
    @operation("create_preset", "Create a preset", body=PresetBody, answer=Answer(PresetSerializer))
    def post(self, request: Request, **path: str) -> Response:
        values = cast(PresetValues, self.read_body(PresetBody))
        return self.answer_preset(presets.create_preset(app=self.caller.app, values=values, actor=self.caller.actor))

    @operation(
        "list_presets",
        "List presets, newest first",
        query=PresetListQuery,
        answer=Answer(ListedPresetSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        parameters = cast(PresetListParameters, self.read_query(PresetListQuery))
        rows = selectors.list_presets(app=self.caller.app, search=parameters["search"])
        page = take_page(rows, wanted=parameters, count=rows.count)
        shape = ListedPresetSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class PresetView(PresetApi):
    """/presets/{preset_id}"""

    @operation("get_preset", "Get a preset", answer=Answer(PresetSerializer))
    def get(self, request: Request, preset_id: str, **path: str) -> Response:
        return self.answer_preset(self.get_preset(preset_id))

    @operation(
        "change_preset",
        "Change some of a preset, at any depth",
        body=PresetChangeBody,
        answer=Answer(PresetSerializer),
    )
    def patch(self, request: Request, preset_id: str, **path: str) -> Response:
        preset = self.get_preset(preset_id)
        changes = cast(PresetValues, self.read_body(PresetChangeBody))
        return self.answer_preset(presets.change_preset(preset=preset, changes=changes, actor=self.caller.actor))

    @operation("replace_preset", "Replace a preset", body=PresetBody, answer=Answer(PresetSerializer))
    def put(self, request: Request, preset_id: str, **path: str) -> Response:
        preset = self.get_preset(preset_id)
        values = cast(PresetValues, self.read_body(PresetBody))
        return self.answer_preset(presets.replace_preset(preset=preset, values=values, actor=self.caller.actor))

    @operation(
        "delete_preset",
        "Give nobody the preset any more; those who have it keep it",
        answer=Answer(PresetSerializer),
    )
    def delete(self, request: Request, preset_id: str, **path: str) -> Response:
        preset = self.get_preset(preset_id)
        presets.delete_preset(preset=preset, actor=self.caller.actor)
        return self.answer_preset(preset)
