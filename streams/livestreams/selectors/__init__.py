"""Every read of livestreams and sessions, for the API and for the dashboard."""

from streams.livestreams.selectors.concerns import list_flow_concerns
from streams.livestreams.selectors.disks import GONE_AFTER, is_any_disk_full, list_disk_concerns, list_disks
from streams.livestreams.selectors.health import HealthScreen, get_health, list_findings, list_past_findings
from streams.livestreams.selectors.livestreams import (
    LivestreamFilter,
    LivestreamList,
    LivestreamOrder,
    MediaTotals,
    count_livestreams,
    get_livestream,
    get_livestream_between,
    get_livestream_list,
    get_played_livestream,
    list_livestreams,
    sum_media,
)
from streams.livestreams.selectors.loads import NodeLoad, list_loads, list_reduced, list_waiting, why_it_waits
from streams.livestreams.selectors.outputs import (
    get_output,
    get_simulcast_between,
    list_outputs,
    list_push_events,
    read_outputs_of,
)
from streams.livestreams.selectors.overview import get_overview
from streams.livestreams.selectors.refusals import UNKNOWN_KEYS_TOLD, list_unknown_key_tries
from streams.livestreams.selectors.screen import (
    LivestreamScreen,
    SessionScreen,
    get_livestream_screen,
    get_screen_of,
    get_session_screen,
)
from streams.livestreams.selectors.sessions import (
    find_open_session,
    find_played_session,
    get_open_session,
    get_session,
    list_events,
    list_sessions,
)
from streams.livestreams.selectors.slate_pictures import find_slate_picture, get_slate_picture
from streams.livestreams.selectors.streamer import StreamerScreen, get_streamer_screen
from streams.livestreams.selectors.test_pictures import (
    TEST_PICTURE_START_S,
    PictureState,
    count_test_pictures,
    find_test_picture,
)

__all__ = [
    "GONE_AFTER",
    "TEST_PICTURE_START_S",
    "UNKNOWN_KEYS_TOLD",
    "HealthScreen",
    "LivestreamFilter",
    "LivestreamList",
    "LivestreamOrder",
    "LivestreamScreen",
    "MediaTotals",
    "NodeLoad",
    "PictureState",
    "SessionScreen",
    "StreamerScreen",
    "count_livestreams",
    "count_test_pictures",
    "find_open_session",
    "find_played_session",
    "find_slate_picture",
    "find_test_picture",
    "get_health",
    "get_livestream",
    "get_livestream_between",
    "get_livestream_list",
    "get_livestream_screen",
    "get_open_session",
    "get_output",
    "get_overview",
    "get_played_livestream",
    "get_screen_of",
    "get_session",
    "get_session_screen",
    "get_simulcast_between",
    "get_slate_picture",
    "get_streamer_screen",
    "is_any_disk_full",
    "list_disk_concerns",
    "list_disks",
    "list_events",
    "list_findings",
    "list_flow_concerns",
    "list_livestreams",
    "list_loads",
    "list_outputs",
    "list_past_findings",
    "list_push_events",
    "list_reduced",
    "list_sessions",
    "list_unknown_key_tries",
    "list_waiting",
    "read_outputs_of",
    "sum_media",
    "why_it_waits",
]
