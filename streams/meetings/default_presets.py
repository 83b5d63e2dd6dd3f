"""The presets that every app begins with, so that a first meeting needs none of its own.

The names are those that Dyte's and RealtimeKit's developers know.
"""

from collections.abc import Mapping
from functools import cache
from typing import TypedDict

from streams.meetings.merging import merge

_Settings = Mapping[str, object]


class PresetContent(TypedDict):
    """A whole preset."""

    name: str
    config: dict[str, object]
    permissions: dict[str, object]
    ui: dict[str, object]


def _media(*, audio: str, video: str, screenshare: str) -> _Settings:
    return {
        "audio": {"can_produce": audio},
        "video": {"can_produce": video},
        "screenshare": {"can_produce": screenshare},
    }


_CONFIG: _Settings = {
    "view_type": "GROUP_CALL",
    "max_video_streams": {"desktop": 16, "mobile": 6},
    "max_screenshare_count": 1,
    "media": {
        "video": {"quality": "hd", "frame_rate": 30, "simulcast": True},
        "screenshare": {"quality": "hd", "frame_rate": 15},
        "audio": {"enable_stereo": False, "enable_high_bitrate": False},
    },
}
# Of somebody who takes part and runs nothing.
_PERMISSIONS: _Settings = {
    "accept_stage_requests": False,
    "accept_waiting_requests": False,
    "can_accept_production_requests": False,
    "can_change_participant_permissions": False,
    "can_edit_display_name": True,
    "can_livestream": False,
    "can_record": False,
    "can_spotlight": False,
    "chat": {
        "public": {"can_send": True, "text": True, "files": True},
        "private": {"can_send": True, "can_receive": True, "text": True, "files": True},
    },
    "connected_meetings": {
        "can_alter_connected_meetings": False,
        "can_switch_connected_meetings": False,
        "can_switch_to_parent_meeting": False,
    },
    "disable_participant_audio": False,
    "disable_participant_screensharing": False,
    "disable_participant_video": False,
    "hidden_participant": False,
    "is_recorder": False,
    "kick_participant": False,
    "media": _media(audio="ALLOWED", video="ALLOWED", screenshare="ALLOWED"),
    "pin_participant": False,
    "plugins": {"can_close": False, "can_start": False, "can_edit_config": False, "config": {}},
    "polls": {"can_create": False, "can_view": True, "can_vote": True},
    "recorder_type": "NONE",
    "show_participant_list": True,
    "stage_access": "ALLOWED",
    "stage_enabled": False,
    "transcription_enabled": False,
    "waiting_room_type": "SKIP",
}
_HOST: _Settings = {
    "accept_stage_requests": True,
    "accept_waiting_requests": True,
    "can_accept_production_requests": True,
    "can_change_participant_permissions": True,
    "can_livestream": True,
    "can_record": True,
    "can_spotlight": True,
    "disable_participant_audio": True,
    "disable_participant_screensharing": True,
    "disable_participant_video": True,
    "kick_participant": True,
    "pin_participant": True,
    "plugins": {"can_close": True, "can_start": True, "can_edit_config": True},
    "polls": {"can_create": True},
}
_GUEST: _Settings = {"waiting_room_type": "ON_PRIVILEGED_USER_ENTRY"}
_STAGE: _Settings = {"stage_enabled": True}
# Only looks on: comes to speak by asking.
_VIEWER: _Settings = {
    "chat": {
        "public": {"files": False},
        "private": {"can_send": False, "can_receive": False, "text": False, "files": False},
    },
    "stage_access": "CAN_REQUEST",
}
_WATCHES_ONLY = _media(audio="NOT_ALLOWED", video="NOT_ALLOWED", screenshare="NOT_ALLOWED")
_MAY_ASK = _media(audio="CAN_REQUEST", video="CAN_REQUEST", screenshare="CAN_REQUEST")
_UI: _Settings = {
    "design_tokens": {
        "border_radius": "rounded",
        "border_width": "thin",
        "spacing_base": 4,
        "theme": "dark",
        "colors": {
            "brand": {"300": "#844d1c", "400": "#9d5b22", "500": "#b56927", "600": "#d37c30", "700": "#d9904f"},
            "background": {
                "600": "#222222",
                "700": "#1f1f1f",
                "800": "#1b1b1b",
                "900": "#181818",
                "1000": "#141414",
            },
            "danger": "#ff2d2d",
            "success": "#62a504",
            "text": "#eeeeee",
            "text_on_brand": "#eeeeee",
            "video_bg": "#191919",
            "warning": "#ffcd07",
        },
    }
}


@cache
def default_presets() -> tuple[PresetContent, ...]:
    """Return what every app begins with: the same for all that ask, so nobody may change it."""
    return (
        _preset("group_call_host", "GROUP_CALL", _HOST),
        _preset("group_call_participant", "GROUP_CALL"),
        _preset("group_call_guest", "GROUP_CALL", _GUEST),
        _preset("webinar_presenter", "WEBINAR", _HOST, _STAGE),
        _preset("webinar_viewer", "WEBINAR", _STAGE, _VIEWER, {"media": _MAY_ASK}),
        _preset("livestream_host", "LIVESTREAM", _HOST, _STAGE),
        _preset("livestream_viewer", "LIVESTREAM", _STAGE, _VIEWER, {"media": _WATCHES_ONLY}),
    )


def _preset(name: str, view_type: str, *differences: _Settings) -> PresetContent:
    permissions: _Settings = _PERMISSIONS
    for difference in differences:
        permissions = merge(permissions, difference)
    config = dict(merge(_CONFIG, {"view_type": view_type}))
    return {"name": name, "config": config, "permissions": dict(permissions), "ui": dict(_UI)}
