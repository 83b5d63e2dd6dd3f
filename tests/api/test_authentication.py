"""Who gets in, by which door, and how far."""

from base64 import b64encode
from datetime import timedelta

import pytest

from livehub.core import clock
from streams.models import ApiKey, Livestream
from streams.organizations.credentials import authenticate_api_key, split_key
from streams.organizations.services import (
    SYSTEM,
    ApiKeyRejectedError,
    NewOrganization,
    create_api_key,
    revoke_api_key,
)
from tests.api.clients import ApiClient, basic, read
from tests.services import wait_until


class TestDyte:
    @pytest.mark.parametrize("spelling", ["hex", "dashes", "upper"])
    def test_takes_the_organization_id_however_it_is_spelt(
        self, dyte: ApiClient, home: NewOrganization, spelling: str
    ) -> None:
        pk = home.organization.pk
        username = {"hex": pk.hex, "dashes": str(pk), "upper": pk.hex.upper()}[spelling]

        assert dyte.request("GET", "/livestreams", authorization=basic(username, home.api_key)).status_code == 200

    def test_takes_unpadded_base64(self, dyte: ApiClient) -> None:
        assert dyte.request("GET", "/livestreams", authorization=dyte.authorization.rstrip("=")).status_code == 200

    def test_refuses_a_token(self, dyte: ApiClient, home: NewOrganization) -> None:
        as_password = basic(home.organization.pk.hex, home.api_token)

        for authorization in (as_password, f"Bearer {home.api_key}", f"Bearer {home.api_token}"):
            assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 401

    def test_refuses_another_organizations_id(
        self, dyte: ApiClient, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        authorization = basic(abroad.organization.pk.hex, home.api_key)

        assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 401

    def test_says_how_to_authenticate(self, dyte: ApiClient) -> None:
        response = dyte.request("GET", "/livestreams", authorization="")

        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert read(response)["error"]["type"] == "authentication_required"

    @pytest.mark.parametrize("text", ["", ":", "no colon", "a:b:c", "\x00:\x00", "é:lh_é_é", f"{'0' * 32}:lh_a_b"])
    def test_refuses_nonsense(self, dyte: ApiClient, text: str) -> None:
        authorization = f"Basic {b64encode(text.encode()).decode()}"

        assert dyte.request("GET", "/livestreams", authorization=authorization).status_code == 401


class TestRealtimeKit:
    def test_refuses_a_basic_key(self, realtimekit: ApiClient, home: NewOrganization) -> None:
        as_basic = basic(home.organization.pk.hex, home.api_key)

        for authorization in (as_basic, f"Bearer {home.api_key}", basic(home.organization.pk.hex, home.api_token)):
            response = realtimekit.request("GET", "/livestreams", authorization=authorization)

            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer ")

    def test_takes_the_scheme_in_any_case(self, realtimekit: ApiClient, home: NewOrganization) -> None:
        response = realtimekit.request("GET", "/livestreams", authorization=f"bearer {home.api_token}")

        assert response.status_code == 200

    def test_takes_ids_with_dashes(self, realtimekit: ApiClient, home: NewOrganization) -> None:
        prefix = f"/client/v4/accounts/{home.organization.pk}/realtime/kit/{home.app.pk}"

        assert ApiClient("realtimekit", prefix, realtimekit.authorization).get("/livestreams").status_code == 200


class TestKey:
    def test_opens_nothing_after_it_was_revoked(self, api: ApiClient, home: NewOrganization) -> None:
        assert api.get("/livestreams").status_code == 200
        for key in ApiKey.objects.filter(organization=home.organization):
            revoke_api_key(api_key=key, actor=SYSTEM)

        self._is_refused(api)

    def test_opens_nothing_after_it_has_expired(self, api: ApiClient, home: NewOrganization) -> None:
        ApiKey.objects.filter(organization=home.organization).update(expires_at=clock.now() - timedelta(seconds=1))

        self._is_refused(api)

    def test_opens_everything_until_it_expires_or_another_one_is_revoked(
        self, api: ApiClient, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        for key in ApiKey.objects.filter(organization=abroad.organization):
            revoke_api_key(api_key=key, actor=SYSTEM)
        ApiKey.objects.filter(organization=home.organization).update(expires_at=clock.now() + timedelta(minutes=1))

        assert api.get("/livestreams").status_code == 200

    def _is_refused(self, api: ApiClient) -> None:
        wait_until(lambda: api.get("/livestreams").status_code == 401, what="the refusal")
        assert read(api.get("/livestreams"))["error"]["type"] == "authentication_failed"

    @pytest.mark.parametrize("before", ["x", "lh_", " ", "x lh_"])
    def test_opens_nothing_with_something_before_it(self, home: NewOrganization, before: str) -> None:
        with pytest.raises(ApiKeyRejectedError):
            authenticate_api_key(split_key(before + home.api_key), kind="basic", organization_id=home.organization.pk)

    def test_is_never_repeated_in_an_answer(self, api: ApiClient, home: NewOrganization) -> None:
        wrong = home.api_key[:-1] + ("a" if home.api_key[-1] != "a" else "b")
        authorization = basic(home.organization.pk.hex, wrong) if api.name == "dyte" else f"Bearer {wrong}"

        response = api.request("GET", "/livestreams", authorization=authorization)

        assert response.status_code == 401
        assert wrong not in response.content.decode()


class TestScope:
    @pytest.mark.parametrize(
        ("scope", "read_status", "write_status"),
        [(ApiKey.Scope.READ, 200, 403), (ApiKey.Scope.LIVESTREAMS, 403, 201)],
    )
    def test_limits_what_a_key_may_do(
        self, api: ApiClient, home: NewOrganization, scope: str, read_status: int, write_status: int
    ) -> None:
        kind = "basic" if api.name == "dyte" else "bearer"
        _, text = create_api_key(
            organization=home.organization, name="Limited", kind=kind, actor=SYSTEM, scopes=[scope]
        )
        authorization = basic(home.organization.pk.hex, text) if kind == "basic" else f"Bearer {text}"

        reading = api.request("GET", "/livestreams", authorization=authorization)
        writing = api.request("POST", "/livestreams", authorization=authorization)

        assert (reading.status_code, writing.status_code) == (read_status, write_status)
        refused = reading if read_status == 403 else writing
        assert read(refused)["error"]["type"] == "scope_missing"

    def test_is_asked_for_before_the_livestream(self, dyte: ApiClient, home: NewOrganization) -> None:
        _, text = create_api_key(
            organization=home.organization, name="R", kind="basic", actor=SYSTEM, scopes=[ApiKey.Scope.READ]
        )
        authorization = basic(home.organization.pk.hex, text)

        response = dyte.request("DELETE", "/livestreams/unknown", authorization=authorization)

        assert response.status_code == 403
        assert not Livestream.objects.exists()


def test_answers_may_not_be_kept_on_the_way(api: ApiClient) -> None:
    assert api.get("/livestreams").headers["Cache-Control"] == "no-store"
