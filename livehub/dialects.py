"""The dialects that LiveHub speaks: what each vendor's clients send and expect."""

from collections.abc import Sequence

from livehub.api.dialect import Dialect, JsonObject
from livehub.api.errors import vendor_error_body
from streams.livestreams.states import LivestreamStatus
from streams.organizations.authentication import BasicAuthentication, BearerAuthentication


def _success(data: object) -> JsonObject:
    return {"success": True, "data": data}


def _bare_list(name: str, items: Sequence[object], paging: JsonObject) -> JsonObject:
    return {**_success(items), "paging": paging}


def _named_list(name: str, items: Sequence[object], paging: JsonObject) -> JsonObject:
    """Cloudflare's SDK types the data of a list as an object, and refuses an array in strict mode."""
    return {**_success({name: items, "paging": paging}), "paging": paging}


# Source: Dyte v2. Its clients know OFFLINE from the answers; its OpenAPI description says IDLE.
DYTE = Dialect(
    name="dyte",
    authentication=BasicAuthentication,
    status_words={
        LivestreamStatus.IDLE: "OFFLINE",
        LivestreamStatus.CONNECTING: "INVOKED",
        LivestreamStatus.LIVE: "LIVE",
        LivestreamStatus.ERRORED: "ERRORED",
    },
    status_synonyms={"IDLE": "OFFLINE"},
    envelope=_success,
    list_body=_bare_list,
    error_body=vendor_error_body,
)

# Source: Cloudflare RealtimeKit, and the types of its Python SDK 5.9.0.
REALTIMEKIT = Dialect(
    name="realtimekit",
    authentication=BearerAuthentication,
    status_words={
        LivestreamStatus.IDLE: "IDLE",
        LivestreamStatus.CONNECTING: "INVOKED",
        LivestreamStatus.LIVE: "LIVE",
        LivestreamStatus.ERRORED: "ERRORED",
    },
    envelope=_success,
    list_body=_named_list,
    error_body=vendor_error_body,
)
