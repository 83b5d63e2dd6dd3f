"""Who may do what at each address: written out, so that whoever opens a door has to write it here as well."""

from enum import StrEnum

from streams.identity import passwords
from streams.models import ApiKey, Role
from streams.organizations import members


class Door(StrEnum):
    """Who is let in."""

    OPEN = "everybody"
    # Our own servers, with a token that nobody else has; catch-alls, where nothing is.
    SHUT = "nobody"
    PERSON = "whoever is logged in, member or not"
    LOOK = "every member"
    OPERATE = "members who run livestreams"
    ADMINISTER = "members who manage keys and people"
    OWN = "owners"
    INSTANCE = "nobody by their role, where there are several organizations"


# Of those doors that only members open.
LETS_IN = {
    Door.LOOK: {Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Door.OPERATE: {Role.OWNER, Role.ADMIN, Role.OPERATOR},
    Door.ADMINISTER: {Role.OWNER, Role.ADMIN},
    Door.OWN: {Role.OWNER},
    Door.INSTANCE: set(),
}
_READ, _WRITE, _ADMIN = ApiKey.Scope.READ, ApiKey.Scope.LIVESTREAMS, ApiKey.Scope.ADMIN
_LIVESTREAM = "livestreams/{livestream_id}"
_RECORDING = f"{_LIVESTREAM}/recordings/{{recording_id}}"
_RECORDING_PAGE = "/recordings/{recording_id}"
_LOG_IN, _PLACE = "/account/you/log-ins/{log_in_id}", "/account/you/organizations/{member_id}"
_MEETING_PAGE, _PRESET_PAGE = "/meetings/{meeting_id}", "/meetings/presets/{preset_id}"
_WEBHOOK_PAGE = "/webhooks/{endpoint_id}"
_DELIVERY_PAGE = f"{_WEBHOOK_PAGE}/deliveries/{{delivery_id}}"
_MEMBER, _INVITATION = "/account/members/{member_id}", "/account/invitations/{invitation_id}"

# The scope that an operation takes, and what it answers when all goes well.
_VENDORS = {
    "GET livestreams": (_READ, 200),
    "POST livestreams": (_WRITE, 201),
    "GET livestreams/sessions/{session_id}": (_READ, 200),
    f"GET {_LIVESTREAM}": (_READ, 200),
    f"GET {_LIVESTREAM}/active-livestream-session": (_READ, 200),
    f"PUT {_LIVESTREAM}/enable": (_WRITE, 200),
    f"PUT {_LIVESTREAM}/disable": (_WRITE, 200),
    f"POST {_LIVESTREAM}/reset-stream-key": (_WRITE, 200),
}
_OURS = {
    **_VENDORS,
    f"GET {_LIVESTREAM}/sessions": (_READ, 200),
    f"PATCH {_LIVESTREAM}": (_WRITE, 200),
    f"DELETE {_LIVESTREAM}": (_WRITE, 200),
    f"POST {_LIVESTREAM}/activate": (_WRITE, 200),
    f"POST {_LIVESTREAM}/idle": (_WRITE, 200),
    f"POST {_LIVESTREAM}/end": (_WRITE, 200),
    f"POST {_LIVESTREAM}/let-in": (_WRITE, 200),
    f"GET {_LIVESTREAM}/health": (_READ, 200),
    f"GET {_LIVESTREAM}/slate": (_READ, 200),
    f"PUT {_LIVESTREAM}/slate": (_WRITE, 200),
    f"DELETE {_LIVESTREAM}/slate": (_WRITE, 200),
    "GET livestreams/sessions/{session_id}/events": (_READ, 200),
    f"GET {_LIVESTREAM}/viewers": (_READ, 200),
    f"GET {_LIVESTREAM}/outputs": (_READ, 200),
    f"POST {_LIVESTREAM}/outputs": (_WRITE, 201),
    f"GET {_LIVESTREAM}/outputs/{{output_id}}": (_READ, 200),
    f"PATCH {_LIVESTREAM}/outputs/{{output_id}}": (_WRITE, 200),
    f"DELETE {_LIVESTREAM}/outputs/{{output_id}}": (_WRITE, 200),
    f"POST {_LIVESTREAM}/outputs/{{output_id}}/retry": (_WRITE, 409),
    f"GET {_LIVESTREAM}/outputs/{{output_id}}/events": (_READ, 200),
    f"POST {_LIVESTREAM}/playback-tokens": (_WRITE, 201),
    f"DELETE {_LIVESTREAM}/viewers/{{viewer_id}}": (_WRITE, 200),
    f"GET {_LIVESTREAM}/recordings": (_READ, 200),
    f"POST {_LIVESTREAM}/recordings": (_WRITE, 201),
    f"GET {_LIVESTREAM}/recording-settings": (_READ, 200),
    f"PATCH {_LIVESTREAM}/recording-settings": (_WRITE, 200),
    f"GET {_RECORDING}": (_READ, 200),
    # Without the stretch that they have to be told; with it: tests/recordings/test_clip_api.py.
    f"POST {_LIVESTREAM}/recordings/from-window": (_WRITE, 422),
    f"POST {_LIVESTREAM}/clips": (_WRITE, 422),
    "POST recordings/{recording_id}/clips": (_WRITE, 422),
    f"GET {_LIVESTREAM}/clips": (_READ, 200),
    "GET recordings/{recording_id}/clips": (_READ, 200),
    "GET clips": (_READ, 200),
    "GET clips/{clip_id}": (_READ, 200),
    "DELETE clips/{clip_id}": (_WRITE, 200),
    f"DELETE {_RECORDING}": (_WRITE, 200),
    f"POST {_RECORDING}/stop": (_WRITE, 200),
    # It is stored.
    f"POST {_RECORDING}/pause": (_WRITE, 400),
    f"POST {_RECORDING}/resume": (_WRITE, 400),
    "GET playback-keys": (_READ, 200),
    "POST playback-keys/rotate": (_WRITE, 201),
}
_STREAM = "live_streams/{stream_id}"
_LIVEAPI = {
    "GET live_streams": (_READ, 200),
    "POST live_streams": (_WRITE, 201),
    f"GET {_STREAM}": (_READ, 200),
    f"PATCH {_STREAM}": (_WRITE, 200),
    f"DELETE {_STREAM}": (_WRITE, 200),
    f"POST {_STREAM}/platforms": (_WRITE, 201),
    f"GET {_STREAM}/temporary_recordings": (_READ, 200),
    f"GET {_STREAM}/temporary_recordings/{{temporary_recording_id}}": (_READ, 200),
    "GET videos": (_READ, 200),
    "GET videos/{video_id}": (_READ, 200),
    "DELETE videos/{video_id}": (_WRITE, 200),
    f"PATCH {_STREAM}/platforms/{{platform_id}}": (_WRITE, 200),
    f"DELETE {_STREAM}/platforms/{{platform_id}}": (_WRITE, 200),
}
_LIVE_STREAM = "live_streams/{live_stream_id}"
_CLOUDINARY = {
    "GET live_streams": (_READ, 200),
    "POST live_streams": (_WRITE, 200),
    f"GET {_LIVE_STREAM}": (_READ, 200),
    f"PATCH {_LIVE_STREAM}": (_WRITE, 200),
    f"DELETE {_LIVE_STREAM}": (_WRITE, 200),
    f"POST {_LIVE_STREAM}/activate": (_WRITE, 200),
    f"POST {_LIVE_STREAM}/idle": (_WRITE, 200),
    f"GET {_LIVE_STREAM}/outputs": (_READ, 200),
    f"POST {_LIVE_STREAM}/outputs": (_WRITE, 200),
    f"GET {_LIVE_STREAM}/outputs/{{live_stream_output_id}}": (_READ, 200),
    f"PATCH {_LIVE_STREAM}/outputs/{{live_stream_output_id}}": (_WRITE, 200),
    f"DELETE {_LIVE_STREAM}/outputs/{{live_stream_output_id}}": (_WRITE, 200),
    "GET resources/video/upload": (_READ, 200),
    "GET resources/video/upload/{public_id}": (_READ, 200),
    "DELETE resources/video/upload/{public_id}": (_WRITE, 200),
}
_STORAGE = "storage-targets/{storage_target_id}"
_STORAGES = {
    "GET storage-targets": (_READ, 200),
    "POST storage-targets": (_WRITE, 201),
    f"GET {_STORAGE}": (_READ, 200),
    f"PATCH {_STORAGE}": (_WRITE, 200),
    f"DELETE {_STORAGE}": (_WRITE, 200),
    f"POST {_STORAGE}/test": (_WRITE, 200),
}
_MEETS = ApiKey.Scope.MEETINGS
_MEETING, _SESSION = "meetings/{meeting_id}", "sessions/{meeting_session_id}"
_PARTICIPANT, _ROOM = f"{_MEETING}/participants/{{participant_id}}", f"{_MEETING}/active-session"
_MEETINGS = {
    "GET meetings": (_READ, 200),
    "POST meetings": (_MEETS, 201),
    f"GET {_MEETING}": (_READ, 200),
    f"PATCH {_MEETING}": (_MEETS, 200),
    f"PUT {_MEETING}": (_MEETS, 200),
    f"GET {_MEETING}/participants": (_READ, 200),
    f"POST {_MEETING}/participants": (_MEETS, 201),
    f"GET {_PARTICIPANT}": (_READ, 200),
    f"PATCH {_PARTICIPANT}": (_MEETS, 200),
    f"DELETE {_PARTICIPANT}": (_MEETS, 200),
    f"POST {_PARTICIPANT}/token": (_MEETS, 200),
    # The tenants' meetings have one already.
    f"POST {_MEETING}/livestreams": (_MEETS, 200),
    f"GET {_MEETING}/livestream": (_READ, 200),
    f"GET {_MEETING}/active-livestream": (_READ, 200),
    f"POST {_MEETING}/active-livestream/stop": (_MEETS, 200),
    f"GET {_ROOM}": (_READ, 200),
    f"POST {_ROOM}/kick": (_MEETS, 200),
    f"POST {_ROOM}/kick-all": (_MEETS, 200),
    f"POST {_ROOM}/mute": (_MEETS, 200),
    f"POST {_ROOM}/mute-all": (_MEETS, 200),
    f"POST {_ROOM}/poll": (_MEETS, 201),
    "GET presets": (_READ, 200),
    "POST presets": (_MEETS, 200),
    "GET presets/{preset_id}": (_READ, 200),
    "PATCH presets/{preset_id}": (_MEETS, 200),
    "PUT presets/{preset_id}": (_MEETS, 200),
    "DELETE presets/{preset_id}": (_MEETS, 200),
    "GET recordings": (_READ, 200),
    # Without the meeting and the deed that they have to be told; with them: tests/meetings/test_recordings.py.
    "POST recordings": (_MEETS, 422),
    "PUT recordings/{recording_id}": (_MEETS, 422),
    "GET recordings/{recording_id}": (_READ, 200),
    "GET recordings/active-recording/{meeting_id}": (_READ, 200),
    "GET sessions": (_READ, 200),
    "GET sessions/peer-report/{peer_id}": (_READ, 200),
    f"GET {_SESSION}": (_READ, 200),
    f"GET {_SESSION}/participants": (_READ, 200),
    f"GET {_SESSION}/participants/{{participant_id}}": (_READ, 200),
    f"GET {_SESSION}/livestream-sessions": (_READ, 200),
}
_HOOKS = ApiKey.Scope.WEBHOOKS
_WEBHOOK = "webhooks/{webhook_id}"
_DELIVERY = f"{_WEBHOOK}/deliveries/{{delivery_id}}"
_VENDORS_WEBHOOKS = {
    "GET webhooks": (_READ, 200),
    "POST webhooks": (_HOOKS, 201),
    "GET webhooks/all": (_READ, 200),
    f"GET {_WEBHOOK}": (_READ, 200),
    f"PATCH {_WEBHOOK}": (_HOOKS, 200),
    f"PUT {_WEBHOOK}": (_HOOKS, 200),
    f"DELETE {_WEBHOOK}": (_HOOKS, 200),
}
_OUR_WEBHOOKS = {
    **_VENDORS_WEBHOOKS,
    "GET events": (_READ, 200),
    "GET webhooks/events": (_READ, 200),
    f"POST {_WEBHOOK}/rotate-secret": (_HOOKS, 200),
    f"GET {_WEBHOOK}/deliveries": (_READ, 200),
    f"GET {_DELIVERY}": (_READ, 200),
    f"POST {_DELIVERY}/replay": (_HOOKS, 200),
    # Without the time that it has to be told; with it: tests/api/test_deliveries.py.
    f"POST {_WEBHOOK}/replay-failed": (_HOOKS, 400),
    f"POST {_WEBHOOK}/replay": (_HOOKS, 400),
    f"POST {_WEBHOOK}/test": (_HOOKS, 201),
}
_VENDORS_ANALYTICS = {
    "GET analytics/livestreams/overall": (_READ, 200),
    "GET analytics/livestreams/daywise": (_READ, 200),
    "GET analytics/daywise": (_READ, 200),
}
_OUR_ANALYTICS = {
    **_VENDORS_ANALYTICS,
    "GET analytics/livestreams": (_READ, 200),
    "GET analytics/livestreams.csv": (_READ, 200),
    "GET livestreams/sessions/{session_id}/report": (_READ, 200),
}
_VENDORS_APPS = {"GET apps": (_READ, 200), "POST apps": (_ADMIN, 200)}
_OUR_ADMINISTRATION = {
    **_VENDORS_APPS,
    "GET apps/{app_id}": (_READ, 200),
    "PATCH apps/{app_id}": (_ADMIN, 200),
    "GET api-keys": (_ADMIN, 200),
    "POST api-keys": (_ADMIN, 201),
    "DELETE api-keys/{api_key_id}": (_ADMIN, 200),
    # There are several organizations here; of an only one: tests/api/test_self_tests.py.
    "GET self-tests": (_READ, 403),
    "POST self-tests": (_ADMIN, 403),
    "GET self-tests/{self_test_id}": (_READ, 404),
}


def _below(prefix: str, table: dict[str, tuple[ApiKey.Scope, int]]) -> dict[str, tuple[ApiKey.Scope, int]]:
    return {operation.replace(" ", f" {prefix}", 1): expected for operation, expected in table.items()}


OPERATIONS = {
    **_below("/v2/", {**_OURS, **_MEETINGS, **_OUR_WEBHOOKS, **_OUR_ADMINISTRATION, **_STORAGES, **_OUR_ANALYTICS}),
    **_below("/liveapi/", _LIVEAPI),
    **_below("/cloudinary/v2/video/{cloud_name}/", _CLOUDINARY),
    **_below("/client/v4/accounts/{account_id}/realtime/kit/", _VENDORS_APPS),
    **_below(
        "/client/v4/accounts/{account_id}/realtime/kit/{app_id}/",
        {**_VENDORS, **_MEETINGS, **_VENDORS_WEBHOOKS, **_VENDORS_ANALYTICS},
    ),
}
# What takes an image in its body, and nothing else.
TAKES_IMAGE = {"PUT /v2/livestreams/{livestream_id}/slate"}
# What answers an image.
ANSWERS_IMAGE = {"GET /v2/livestreams/{livestream_id}/slate"}
# What answers lines of text, a piece at a time.
ANSWERS_CSV = {"GET /v2/analytics/livestreams.csv"}
NEEDS_BODY = {
    "POST /v2/apps",
    "PATCH /v2/apps/{app_id}",
    "POST /v2/api-keys",
    "POST /client/v4/accounts/{account_id}/realtime/kit/apps",
}
OPEN_OPERATIONS = {"GET /v2/schema", "GET /client/v4/schema", "GET /liveapi/schema", "GET /cloudinary/schema"}

PAGES: dict[str, dict[str, Door]] = {
    "/": {"GET": Door.LOOK},
    # Of staff who are members as well, and of an only organization's owners: tests/dashboard/test_system.py.
    "/system": {"GET": Door.INSTANCE},
    "/system/self-tests/start": {"POST": Door.INSTANCE},
    "/log-in": {"GET": Door.OPEN, "POST": Door.OPEN, "PUT": Door.OPEN},
    "/log-in/code": {"GET": Door.OPEN, "POST": Door.OPEN},
    "/log-in/forgotten": {"GET": Door.OPEN, "POST": Door.OPEN},
    "/password-reset": {"GET": Door.OPEN, "POST": Door.OPEN},
    "/invitation": {"GET": Door.OPEN, "POST": Door.OPEN},
    "/log-out": {"GET": Door.SHUT, "POST": Door.OPEN},
    "/livestreams": {"GET": Door.LOOK},
    "/livestreams/create": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/sessions": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/sessions/{session_id}": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/test-picture/start": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/test-picture/stop": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/dismiss-refusals": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/stream-key": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/reset-stream-key": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/let-in": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/start": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/broadcast": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/pull": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/slate": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/slate/remove": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/slate/image": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/playback": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/viewer-link": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/viewer-dismissal": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/streamer-link": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/streamer-link/withdraw": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/signing-key": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/signing-key/rotate": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/share": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/rename": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/disable": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/enable": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/end": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/outputs/create": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/outputs/{output_id}": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/outputs/{output_id}/retry": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/outputs/{output_id}/switch": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/outputs/{output_id}/delete": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/delete": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/recordings": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/recordings": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/recordings/newest": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/recording-settings": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/livestreams/{livestream_id}/recordings/start": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/recordings/window": {"POST": Door.OPERATE},
    "/livestreams/{livestream_id}/clips": {"GET": Door.LOOK, "POST": Door.OPERATE},
    "/clips": {"GET": Door.LOOK},
    "/clips/{clip_id}/delete": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_RECORDING_PAGE}/clips": {"GET": Door.LOOK, "POST": Door.OPERATE},
    _RECORDING_PAGE: {"GET": Door.LOOK},
    f"{_RECORDING_PAGE}/stop": {"POST": Door.OPERATE},
    f"{_RECORDING_PAGE}/pause": {"POST": Door.OPERATE},
    f"{_RECORDING_PAGE}/resume": {"POST": Door.OPERATE},
    f"{_RECORDING_PAGE}/delete": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/meetings": {"GET": Door.LOOK},
    "/meetings/create": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/meetings/presets": {"GET": Door.LOOK},
    _PRESET_PAGE: {"GET": Door.LOOK, "POST": Door.OPERATE},
    f"{_PRESET_PAGE}/replace": {"POST": Door.OPERATE},
    f"{_PRESET_PAGE}/copy": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_PRESET_PAGE}/delete": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    _MEETING_PAGE: {"GET": Door.LOOK},
    f"{_MEETING_PAGE}/change": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_MEETING_PAGE}/sessions": {"GET": Door.LOOK},
    f"{_MEETING_PAGE}/livestream/start": {"POST": Door.OPERATE},
    f"{_MEETING_PAGE}/livestream/stop": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_MEETING_PAGE}/participants/add": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_MEETING_PAGE}/participants/{{participant_id}}": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_MEETING_PAGE}/participants/{{participant_id}}/token": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_MEETING_PAGE}/participants/{{participant_id}}/remove": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    "/account": {"GET": Door.LOOK},
    "/account/api-keys/create": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/api-keys/created": {"GET": Door.ADMINISTER},
    "/account/api-keys/{api_key_id}/revoke": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/apps": {"GET": Door.LOOK},
    "/account/apps/create": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/apps/{app_id}": {"GET": Door.LOOK},
    "/account/apps/{app_id}/rename": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/storages": {"GET": Door.LOOK},
    "/account/storages/create": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/storages/{target_id}": {"GET": Door.LOOK},
    "/account/storages/{target_id}/change": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/storages/{target_id}/test": {"POST": Door.ADMINISTER},
    "/account/storages/{target_id}/delete": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    "/account/invitations/create": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    _INVITATION: {"GET": Door.ADMINISTER},
    f"{_INVITATION}/withdraw": {"POST": Door.ADMINISTER},
    _MEMBER: {"GET": Door.ADMINISTER},
    f"{_MEMBER}/role": {"POST": Door.ADMINISTER},
    f"{_MEMBER}/remove": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    f"{_MEMBER}/reset-password": {"POST": Door.OWN},
    "/account/you": {"GET": Door.PERSON},
    "/account/you/password": {"GET": Door.PERSON, "POST": Door.PERSON},
    "/account/you/second-factor": {"GET": Door.PERSON, "POST": Door.PERSON},
    "/account/you/second-factor/confirm": {"GET": Door.PERSON, "POST": Door.PERSON},
    "/account/you/second-factor/off": {"GET": Door.PERSON, "POST": Door.PERSON},
    "/account/you/recovery-codes": {"GET": Door.PERSON},
    "/account/you/recovery-codes/new": {"GET": Door.PERSON, "POST": Door.PERSON},
    f"{_LOG_IN}/end": {"POST": Door.PERSON},
    "/account/you/log-ins/end-others": {"POST": Door.PERSON},
    f"{_PLACE}/choose": {"POST": Door.PERSON},
    "/account/you/leave": {"GET": Door.LOOK, "POST": Door.LOOK},
    "/analytics": {"GET": Door.LOOK},
    "/analytics.csv": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/sessions/{session_id}/report": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/sessions/{session_id}/viewers-chart": {"GET": Door.LOOK},
    "/livestreams/{livestream_id}/sessions/{session_id}/watching-now": {"GET": Door.LOOK},
    "/webhooks": {"GET": Door.LOOK},
    "/webhooks/create": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    _WEBHOOK_PAGE: {"GET": Door.LOOK},
    f"{_WEBHOOK_PAGE}/change": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/secret": {"GET": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/rotate-secret": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/pause": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/enable": {"POST": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/delete": {"GET": Door.ADMINISTER, "POST": Door.ADMINISTER},
    f"{_WEBHOOK_PAGE}/replay": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    f"{_WEBHOOK_PAGE}/test": {"GET": Door.OPERATE, "POST": Door.OPERATE},
    _DELIVERY_PAGE: {"GET": Door.LOOK},
    f"{_DELIVERY_PAGE}/replay": {"POST": Door.OPERATE},
}
# Open only to who holds a link that was made for this purpose.
LINKED = {"/password-reset": passwords.LINK_PURPOSE, "/invitation": members.LINK_PURPOSE}
# What admins may not do once the member or the invitation is an owner's.
OF_OWNERS = {
    f"GET {_INVITATION}",
    f"POST {_INVITATION}/withdraw",
    f"POST {_MEMBER}/role",
    f"GET {_MEMBER}/remove",
    f"POST {_MEMBER}/remove",
}
# What is no class of a page: functions of our own, and Django's patterns for all the rest.
MACHINES: dict[str, dict[str, Door]] = {
    "/.well-known/jwks.json": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/.well-known/webhooks.json": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/healthz": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/readyz": {"POST": Door.SHUT},
    # With a token: tests/dashboard/test_metrics.py.
    "/metrics": {"GET": Door.SHUT, "POST": Door.SHUT},
    # With a token: tests/analytics/test_edges.py.
    "/edges/open": {"GET": Door.SHUT, "POST": Door.SHUT},
    "/edges/batch": {"GET": Door.SHUT, "POST": Door.SHUT},
    "/edges/now": {"GET": Door.SHUT, "POST": Door.SHUT},
    # The edge's, of whoever sends a batch.
    "/internal/edge-token": {"GET": Door.SHUT, "POST": Door.SHUT},
    "/internal/ingest/publish": {"GET": Door.SHUT, "POST": Door.SHUT},
    "/internal/ingest/publish-done": {"GET": Door.SHUT, "POST": Door.SHUT},
    "/internal/ingest/update": {"GET": Door.SHUT, "POST": Door.SHUT},
    # Our own origin's, which is answered: tests/streams/test_permissions.py. The edge hands nobody's request on to it.
    "/internal/playback/rules": {"POST": Door.SHUT},
    "/internal/playback/places": {"GET": Door.SHUT},
    # The edge's, which knows who may: tests/recordings/test_played.py.
    "/internal/recorded/{playback_id}/recordings/index.m3u8": {"POST": Door.SHUT},
    "/internal/recorded/{playback_id}/recordings/{recording_id}/{name}": {},
    "/^(?:edges|internal)(?:/|\\Z)": {},
    "/^v2(/[\\s\\S]*)?\\Z": {},
    "/^client(/[\\s\\S]*)?\\Z": {},
    "/^liveapi(/[\\s\\S]*)?\\Z": {},
    "/^cloudinary(/[\\s\\S]*)?\\Z": {},
    # With a link that was signed for it: tests/recordings/test_files.py.
    "/recordings/{recording_id}/file": {"POST": Door.SHUT},
    # What whoever has its link sees: tests/recordings/test_clip_files.py.
    "/clips/{clip_id}/clip.mp4": {"POST": Door.SHUT},
    "/clips/{clip_id}/index.m3u8": {"POST": Door.SHUT},
    "/clips/{clip_id}/video.m3u8": {"POST": Door.SHUT},
    "/clips/{clip_id}/audio.m3u8": {"POST": Door.SHUT},
    "/watch/clips/{clip_id}": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/embed/{playback_id}": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/watch/{playback_id}": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/streamer": {"GET": Door.OPEN, "POST": Door.SHUT},
    # With its link: tests/dashboard/test_streamer.py.
    "/streamer/state": {"POST": Door.SHUT},
    # Who names no livestream is told so; with one: tests/dashboard/test_oembed.py.
    "/oembed": {"POST": Door.SHUT},
    "/docs/api/dyte": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/docs/api/realtimekit": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/docs/api/liveapi": {"GET": Door.OPEN, "POST": Door.SHUT},
    "/docs/api/cloudinary": {"GET": Door.OPEN, "POST": Door.SHUT},
}
WEBSOCKETS = {
    "/ws/overview",
    "/ws/system",
    "/ws/livestreams",
    "/ws/livestreams/{livestream_id}",
    "/ws/livestreams/{livestream_id}/sessions/{session_id}",
    "/ws/meetings",
    "/ws/meetings/{meeting_id}",
    "/ws/webhooks",
    f"/ws{_WEBHOOK_PAGE}",
    f"/ws{_DELIVERY_PAGE}",
}

# Of support staff only, but for what leads everybody to our own pages, and what Django says to who is logged out.
ADMIN_OPEN = {"/admin/login/", "/admin/logout/", "/admin/password_change/"}
# A page of each kind for each model; what is not listed here is no page of the admin's that we know.
ADMIN_PAGES = {
    "/admin/",
    "/admin/password_change/done/",
    "/admin/autocomplete/",
    "/admin/jsi18n/",
    "/admin/r/{content_type_id}/{object_id}/",
    "/admin/^(?P{app_label}streams|webhooks)/$",
    "/admin/(?P{url}.*)$",
}
ADMIN_OF_A_MODEL = {
    "": (200, 200),
    "add/": (403, 403),
    "{object_id}/": (302, 302),
    "{object_id}/change/": (200, 403),
    "{object_id}/delete/": (403, 403),
    "{object_id}/history/": (302, 302),
}
