"""What a preset holds. Source: RealtimeKit, POST /presets; Dyte's are the same."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from livehub.api.fields import BoundedListField, FlagField
from livehub.api.paging import PageNumbers, PageQuery
from streams.meetings.api.fields import AddressField, AmountField, LineField, WholeField, optional
from streams.meetings.models.preset import PLUGINS_MAX

_QUALITIES = ["hd", "vga", "qvga", "fhd", "uhd"]
_PRODUCE = ["ALLOWED", "NOT_ALLOWED", "CAN_REQUEST"]
_STREAMS_MAX = 100
_FRAME_RATE_MAX = 60
_HEIGHT_MAX = 4320


class PresetListParameters(PageNumbers):
    """A checked `PresetListQuery`."""

    search: str


class PresetListQuery(PageQuery):
    """Which presets."""

    search = serializers.CharField(default="", help_text="Part of the name.")


class MaxVideoStreamsBody(serializers.Serializer[None]):
    desktop = AmountField(at_least=0, at_most=_STREAMS_MAX)
    mobile = AmountField(at_least=0, at_most=_STREAMS_MAX)


class PresetVideoBody(serializers.Serializer[None]):
    quality = serializers.ChoiceField(choices=_QUALITIES)
    frame_rate = AmountField(at_least=1, at_most=_FRAME_RATE_MAX)
    simulcast = FlagField(required=False)


class PresetScreenshareBody(serializers.Serializer[None]):
    quality = serializers.ChoiceField(choices=_QUALITIES)
    frame_rate = AmountField(at_least=1, at_most=_FRAME_RATE_MAX)


class PresetAudioBody(serializers.Serializer[None]):
    enable_stereo = FlagField(required=False)
    enable_high_bitrate = FlagField(required=False)


class PresetMediaBody(serializers.Serializer[None]):
    video = PresetVideoBody()
    screenshare = PresetScreenshareBody()
    audio = PresetAudioBody(required=False)


class PresetConfigBody(serializers.Serializer[None]):
    view_type = serializers.ChoiceField(choices=["GROUP_CALL", "WEBINAR", "AUDIO_ROOM", "LIVESTREAM"])
    max_video_streams = MaxVideoStreamsBody()
    max_screenshare_count = AmountField(at_least=0, at_most=_STREAMS_MAX)
    media = PresetMediaBody()
    livestream_viewer_qualities = BoundedListField(
        child=WholeField(at_least=1, at_most=_HEIGHT_MAX), required=False, allow_null=True, max_length=20
    )


class PublicChatBody(serializers.Serializer[None]):
    can_send = FlagField()
    text = FlagField()
    files = FlagField()


class PrivateChatBody(PublicChatBody):
    can_receive = FlagField()


class PresetChatBody(serializers.Serializer[None]):
    public = PublicChatBody()
    private = PrivateChatBody()


class ConnectedMeetingsBody(serializers.Serializer[None]):
    can_alter_connected_meetings = FlagField()
    can_switch_connected_meetings = FlagField()
    can_switch_to_parent_meeting = FlagField()


class ProduceBody(serializers.Serializer[None]):
    can_produce = serializers.ChoiceField(choices=_PRODUCE)


class ProducedMediaBody(serializers.Serializer[None]):
    audio = ProduceBody()
    video = ProduceBody()
    screenshare = ProduceBody()


class PluginConfigBody(serializers.Serializer[None]):
    access_control = serializers.ChoiceField(choices=["FULL_ACCESS", "VIEW_ONLY"], required=False)
    handles_view_only = FlagField(required=False)


class PluginsField(serializers.DictField):
    """How each plugin is set, by the plugin's id."""

    def to_internal_value(self, data: dict[str, object]) -> dict[str, object]:
        if isinstance(data, dict) and len(data) > PLUGINS_MAX:
            raise serializers.ValidationError([f"Set at most {PLUGINS_MAX} plugins."])
        configs: dict[str, object] = super().to_internal_value(data)
        named = LineField(max_length=64, allow_blank=False)
        return {named.run_validation(name): config for name, config in configs.items()}


class PluginsBody(serializers.Serializer[None]):
    can_close = FlagField()
    can_start = FlagField()
    can_edit_config = FlagField()
    config = PluginsField(child=PluginConfigBody())


class PollRightsBody(serializers.Serializer[None]):
    can_create = FlagField()
    can_view = FlagField()
    can_vote = FlagField()


class PermissionsBody(serializers.Serializer[None]):
    accept_waiting_requests = FlagField()
    can_accept_production_requests = FlagField()
    can_change_participant_permissions = FlagField()
    can_edit_display_name = FlagField()
    can_livestream = FlagField()
    can_record = FlagField()
    can_spotlight = FlagField()
    disable_participant_audio = FlagField()
    disable_participant_screensharing = FlagField()
    disable_participant_video = FlagField()
    hidden_participant = FlagField()
    kick_participant = FlagField()
    pin_participant = FlagField()
    show_participant_list = FlagField()
    recorder_type = serializers.ChoiceField(choices=["RECORDER", "LIVESTREAMER", "NONE"])
    waiting_room_type = serializers.ChoiceField(choices=["SKIP", "ON_PRIVILEGED_USER_ENTRY", "SKIP_ON_ACCEPT"])
    chat = PresetChatBody()
    connected_meetings = ConnectedMeetingsBody()
    media = ProducedMediaBody()
    plugins = PluginsBody()
    polls = PollRightsBody()
    accept_stage_requests = FlagField(required=False)
    is_recorder = FlagField(required=False)
    stage_access = serializers.ChoiceField(choices=_PRODUCE, required=False)
    stage_enabled = FlagField(required=False)
    transcription_enabled = FlagField(required=False)


def _shades(name: str, *shades: int) -> type[serializers.Serializer[None]]:
    """Return a body whose members are numbers, which no class can spell."""
    members: dict[str, Any] = {str(shade): LineField(max_length=64, required=True) for shade in shades}
    return type(name, (serializers.Serializer,), members)


class ColorsBody(serializers.Serializer[None]):
    brand = _shades("BrandShadesBody", 300, 400, 500, 600, 700)()
    background = _shades("BackgroundShadesBody", 600, 700, 800, 900, 1000)()
    danger = LineField(max_length=64, required=True)
    success = LineField(max_length=64, required=True)
    text = LineField(max_length=64, required=True)
    text_on_brand = LineField(max_length=64, required=True)
    video_bg = LineField(max_length=64, required=True)
    warning = LineField(max_length=64, required=True)


class DesignTokensBody(serializers.Serializer[None]):
    border_radius = serializers.ChoiceField(choices=["sharp", "rounded", "extra-rounded", "circular"])
    border_width = serializers.ChoiceField(choices=["none", "thin", "fat"])
    theme = serializers.ChoiceField(choices=["darkest", "dark", "light"])
    spacing_base = AmountField(at_least=0, at_most=100)
    colors = ColorsBody()
    font_family = LineField()
    google_font = LineField()
    logo = AddressField()


class UiBody(serializers.Serializer[None]):
    design_tokens = DesignTokensBody()


class PresetBody(serializers.Serializer[None]):
    """A whole preset."""

    examples: ClassVar[Mapping[str, object]] = {"name": "moderator"}

    name = LineField(required=True, allow_blank=False, help_text="Of no other preset of the app.")
    config = PresetConfigBody()
    permissions = PermissionsBody()
    ui = UiBody()


class PresetChangeBody(optional(PresetBody)):  # type: ignore[misc]  # Made of another class.
    """Some of a preset, at any depth."""
