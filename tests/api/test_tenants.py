"""What a key of one app reaches; another tenant's things, at every operation there is: tests/access."""

from streams.livestreams.services import create_livestream
from streams.models import App, Livestream
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.access.each import for_each
from tests.api.clients import ApiClient, basic, dyte_client, read
from tests.api.operations import WITH_KEY, Operation

# The argument by which a dialect's paths name the app, and the kind of key that it takes.
APPS = {"client": ("app_id", "bearer"), "cloudinary": ("cloud_name", "cloudinary")}
OF_AN_APP = [
    operation for operation in WITH_KEY if operation.root in APPS and APPS[operation.root][0] in operation.arguments
]


@for_each("operation", OF_AN_APP)
def test_a_key_of_one_app_reaches_no_other(operation: Operation, ids: dict[str, str], home: NewOrganization) -> None:
    _, kind = APPS[operation.root]
    other = App.objects.create(organization=home.organization, name="Second")
    key, secret = create_api_key(organization=home.organization, name="Bound", kind=kind, actor=SYSTEM, app=other)
    client = ApiClient("bound", "", f"Bearer {secret}" if kind == "bearer" else basic(key.lookup, secret))

    body = {"name": "Taken over"} if operation.method in {"POST", "PUT", "PATCH"} else None
    response = client.request(operation.method, operation.template.format(**ids), body=body)

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
