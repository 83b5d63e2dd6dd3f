"""The official SDK as our users have it: what it makes of livestreams, and of errors."""

import json
import uuid
from collections.abc import Iterator
from typing import TypedDict

import pytest
from cloudflare import (
    AuthenticationError,
    BadRequestError,
    Cloudflare,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)
from pytest_django.live_server_helper import LiveServer

from streams.livestreams import leases
from streams.models import ApiKey, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.runs import claimed

pytestmark = pytest.mark.django_db(transaction=True)


class Place(TypedDict):
    account_id: str
    app_id: str


@pytest.fixture
def sdk(live_server: LiveServer, home: NewOrganization) -> Iterator[Cloudflare]:
    with _connect(live_server, token=home.api_token) as client:
        yield client


@pytest.fixture
def place(home: NewOrganization) -> Place:
    return {"account_id": home.organization.pk.hex, "app_id": home.app.pk.hex}


def _connect(live_server: LiveServer, *, token: str) -> Cloudflare:
    # Strict: an answer that is not of the types of the SDK raises, where it would otherwise only surprise later.
    return Cloudflare(
        api_token=token, base_url=f"{live_server.url}/client/v4", _strict_response_validation=True, max_retries=0
    )


class TestSdk:
    def test_lists(self, sdk: Cloudflare, place: Place, livestream: Livestream) -> None:
        answer = sdk.realtime_kit.livestreams.get_all_livestreams(
            **place,
            exclude_meetings=True,
            page_no=1,
            per_page=10,
            sort_order="DSC",
            status="IDLE",
            start_time=livestream.created_at,
            end_time=livestream.created_at,
        )

        assert answer.success
        assert answer.data is not None
        assert answer.data.paging is not None
        assert answer.data.paging.total_count == 1
        assert answer.data.model_dump()["livestreams"][0]["id"] == str(livestream.pk)

    def test_gets_a_livestream_with_its_newest_session(
        self, sdk: Cloudflare, place: Place, livestream: Livestream, session: Session
    ) -> None:
        data = sdk.realtime_kit.livestreams.get_livestream_session_for_livestream_id(
            str(livestream.pk), **place, page_no=1, per_page=5
        ).data

        assert data is not None
        assert data.livestream is not None
        assert (data.livestream.status, data.livestream.disabled) == ("INVOKED", "false")
        assert data.session is not None
        assert (data.session.id, data.session.ingest_seconds) == (str(session.pk), 0)
        assert data.paging is not None
        assert data.paging.end_offset == 1

    def test_gets_a_livestream_that_was_never_published_to(
        self, sdk: Cloudflare, place: Place, livestream: Livestream
    ) -> None:
        data = sdk.realtime_kit.livestreams.get_livestream_session_for_livestream_id(str(livestream.pk), **place).data

        assert data is not None
        assert data.session is None

    def test_gets_the_active_session(
        self, sdk: Cloudflare, place: Place, livestream: Livestream, session: Session
    ) -> None:
        lease = claimed(session)
        leases.mark_live(lease)

        data = sdk.realtime_kit.livestreams.get_active_livestreams_for_livestream_id(str(livestream.pk), **place).data

        assert data is not None
        assert data.livestream is not None
        assert data.livestream.status == "LIVE"
        assert data.session is not None
        assert data.session.ingest_seconds == "0"
        assert data.session.started_time is not None

    def test_gets_a_session(self, sdk: Cloudflare, place: Place, session: Session) -> None:
        data = sdk.realtime_kit.livestreams.get_livestream_session_details_for_session_id(str(session.pk), **place).data

        assert data is not None
        assert (data.id, data.livestream_id) == (str(session.pk), str(session.livestream_id))
        assert data.ingest_seconds == 0

    def test_creates_with_a_plain_post(self, sdk: Cloudflare, place: Place) -> None:
        answer = _post(sdk, place, body={"name": "From the SDK"})

        assert Livestream.objects.get().name == "From the SDK"
        assert str(Livestream.objects.get().pk) in json.dumps(answer)

    def test_creates_without_a_body(self, sdk: Cloudflare, place: Place) -> None:
        _post(sdk, place, body=None)

        assert Livestream.objects.get().name == ""


class TestSdkErrors:
    def test_says_not_found(self, sdk: Cloudflare, place: Place) -> None:
        with pytest.raises(NotFoundError) as caught:
            sdk.realtime_kit.livestreams.get_active_livestreams_for_livestream_id(str(uuid.uuid4()), **place)

        assert caught.value.errors[0].code == 404
        assert "No livestream" in str(caught.value.errors[0].message)

    def test_says_who_are_you(self, live_server: LiveServer, place: Place) -> None:
        with _connect(live_server, token="lh_wrong_key") as sdk, pytest.raises(AuthenticationError):
            _post(sdk, place, body=None)

    def test_says_you_may_not(self, live_server: LiveServer, place: Place, home: NewOrganization) -> None:
        _, token = create_api_key(
            organization=home.organization, name="R", kind="bearer", actor=SYSTEM, scopes=[ApiKey.Scope.READ]
        )

        with _connect(live_server, token=token) as sdk, pytest.raises(PermissionDeniedError):
            _post(sdk, place, body=None)

    def test_says_which_parameter_is_wrong(self, sdk: Cloudflare, place: Place) -> None:
        with pytest.raises(BadRequestError) as caught:
            sdk.realtime_kit.livestreams.get_all_livestreams(**place, per_page=101)

        assert "per_page" in str(caught.value.body)

    def test_says_which_member_is_wrong(self, sdk: Cloudflare, place: Place) -> None:
        with pytest.raises(UnprocessableEntityError) as caught:
            _post(sdk, place, body={"name": "a\x00b"})

        assert "name" in str(caught.value.body)


def _post(sdk: Cloudflare, place: Place, *, body: dict[str, str] | None) -> object:
    """Create a livestream; this release of the SDK has no method of its own for it."""
    path = f"/accounts/{place['account_id']}/realtime/kit/{place['app_id']}/livestreams"
    return sdk.post(path, body=body, cast_to=object)
