"""Every read of livestreams and sessions, for the API and for the dashboard."""

from streams.livestreams.selectors.livestreams import (
    LivestreamFilter,
    LivestreamList,
    LivestreamOrder,
    count_livestreams,
    get_livestream,
    get_livestream_list,
    list_livestreams,
    sum_ingest_ms,
)
from streams.livestreams.selectors.overview import get_overview
from streams.livestreams.selectors.screen import (
    LivestreamScreen,
    SessionScreen,
    get_livestream_screen,
    get_session_screen,
)
from streams.livestreams.selectors.sessions import find_open_session, get_open_session, get_session, list_sessions

__all__ = [
    "LivestreamFilter",
    "LivestreamList",
    "LivestreamOrder",
    "LivestreamScreen",
    "SessionScreen",
    "count_livestreams",
    "find_open_session",
    "get_livestream",
    "get_livestream_list",
    "get_livestream_screen",
    "get_open_session",
    "get_overview",
    "get_session",
    "get_session_screen",
    "list_livestreams",
    "list_sessions",
    "sum_ingest_ms",
]
