"""Clients of every dialect."""

from collections.abc import Callable

import pytest

from livehub.api.identifiers import object_id
from streams.livestreams.outputs import NewOutput, create_output
from streams.meetings.recordings import start_meeting_recording
from streams.models import Livestream, Meeting, Output, Session
from streams.organizations import authentication
from streams.organizations.credential_cache import CredentialCache
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, cloudinary_client, dyte_client, liveapi_client, realtimekit_client
from tests.meetings.home import furnish
from tests.recordings.rows import clip_of
from tests.runs import connected
from tests.stores.storages import furnish_storage
from tests.webhooks.happenings import furnish_webhooks


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def realtimekit(home: NewOrganization) -> ApiClient:
    return realtimekit_client(home)


@pytest.fixture
def liveapi(home: NewOrganization) -> ApiClient:
    return liveapi_client(home)


@pytest.fixture
def cloudinary(home: NewOrganization) -> ApiClient:
    return cloudinary_client(home)


@pytest.fixture(params=[dyte_client, realtimekit_client], ids=["dyte", "realtimekit"])
def api(request: pytest.FixtureRequest, home: NewOrganization) -> ApiClient:
    """Dyte and RealtimeKit in turn, for what is the same in both."""
    make: Callable[[NewOrganization], ApiClient] = request.param
    return make(home)


@pytest.fixture
def session(livestream: Livestream) -> Session:
    return connected(livestream)


@pytest.fixture
def ids(home: NewOrganization, livestream: Livestream, session: Session) -> dict[str, str]:
    """What the arguments of paths are filled with."""
    new = NewOutput(type="simulcast", uri="rtmp://a.example.com/live2")
    output = create_output(livestream=livestream, new=new, actor=SYSTEM)
    meeting_ids = furnish(home.app)
    meeting = Meeting.objects.get(pk=meeting_ids["meeting_id"])
    Output.objects.filter(livestream=livestream, type="archive").update(public_id="keynote-4711")
    recording = start_meeting_recording(meeting=meeting, config={}, allows_multiple=False, actor=SYSTEM)
    return {
        "account_id": home.organization.pk.hex,
        "app_id": home.app.pk.hex,
        "cloud_name": home.app.pk.hex,
        "livestream_id": str(livestream.pk),
        "live_stream_id": livestream.pk.hex,
        "stream_id": object_id(livestream.pk),
        "session_id": str(session.pk),
        "output_id": str(output.pk),
        "viewer_id": "customer-4711",
        "public_id": "keynote-4711",
        "live_stream_output_id": output.pk.hex,
        "platform_id": object_id(output.pk),
        "api_key_id": str(home.liveapi_key.row.pk),
        **meeting_ids,
        "recording_id": str(recording.pk),
        "clip_id": str(clip_of(livestream, recording=recording).pk),
        **furnish_webhooks(home.app),
        **furnish_storage(home.app),
    }


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what keys open be looked up once, however slow the machine is: the rest of a request's queries is counted."""
    cache: CredentialCache[object, object] = CredentialCache(
        read_revision=lambda: None, max_entries=100, clock_s=lambda: 0.0
    )
    monkeypatch.setattr(authentication, "_opened", cache)
