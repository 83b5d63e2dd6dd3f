"""What a key of one app reaches; another tenant's things, at every operation there is: tests/access."""

import pytest
from django.http import HttpResponse

from streams.livestreams.services import create_livestream
from streams.models import App, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, dyte_client, read
from tests.api.operations import WITH_KEY, Operation
from tests.meetings.home import furnish

OF_AN_APP = [operation for operation in WITH_KEY if "app_id" in operation.arguments]


@pytest.fixture
def victim(home: NewOrganization, livestream: Livestream, session: Session) -> dict[str, str]:
    """What the arguments of a path are filled with."""
    return {
        "account_id": home.organization.pk.hex,
        "app_id": home.app.pk.hex,
        "livestream_id": str(livestream.pk),
        "session_id": str(session.pk),
        **furnish(home.app),
    }


@pytest.mark.parametrize("operation", [each for each in OF_AN_APP if not each.is_dyte], ids=str)
def test_a_key_of_one_app_reaches_no_other(operation: Operation, victim: dict[str, str], home: NewOrganization) -> None:
    other = App.objects.create(organization=home.organization, name="Second")
    _, token = create_api_key(organization=home.organization, name="Bound", kind="bearer", actor=SYSTEM, app=other)

    response = _call(operation, victim, caller=home, authorization=f"Bearer {token}")

    assert response.status_code == 404
    assert read(response)["error"]["message"] == f"No app {home.app.pk} in this account."


def test_lists_hold_the_callers_own_only(
    home: NewOrganization, livestream: Livestream, foreign_livestream: Livestream
) -> None:
    found = read(dyte_client(home).get("/livestreams"))

    assert [item["id"] for item in found["data"]] == [str(livestream.pk)]
    assert found["paging"]["total_count"] == 1


def test_a_basic_key_of_an_app_means_that_app(home: NewOrganization, livestream: Livestream) -> None:
    other = App.objects.create(organization=home.organization, name="Second")
    theirs = create_livestream(app=other, name="Of the second app", actor=SYSTEM)
    _, key = create_api_key(organization=home.organization, name="Bound", kind="basic", actor=SYSTEM, app=other)
    bound = ApiClient("dyte", "/v2", basic(home.organization.pk.hex, key))

    assert [item["id"] for item in read(bound.get("/livestreams"))["data"]] == [str(theirs.pk)]
    assert bound.get(f"/livestreams/{livestream.pk}").status_code == 404


def _call(
    operation: Operation, ids: dict[str, str], *, caller: NewOrganization, authorization: str = ""
) -> HttpResponse:
    token = dyte_client(caller).authorization if operation.is_dyte else f"Bearer {caller.api_token}"
    client = ApiClient("any", "", authorization or token)
    body = {"name": "Taken over"} if operation.method in {"POST", "PUT", "PATCH"} else None
    return client.request(operation.method, operation.template.format(**ids), body=body)
