"""Another tenant's things answer exactly like things that do not exist, at every operation there is."""

import uuid
from dataclasses import dataclass

import pytest
from django.http import HttpResponse

from streams.livestreams.services import create_livestream
from streams.models import App, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, dyte_client, read
from tests.api.operations import WITH_KEY, Operation

WITH_IDS = [operation for operation in WITH_KEY if operation.arguments]


@dataclass(frozen=True)
class Ids:
    """What the arguments of a path are filled with."""

    account_id: str
    app_id: str
    livestream_id: str
    session_id: str


@pytest.fixture
def victim(home: NewOrganization, livestream: Livestream, session: Session) -> Ids:
    return Ids(home.organization.pk.hex, home.app.pk.hex, str(livestream.pk), str(session.pk))


@pytest.fixture
def intruder(abroad: NewOrganization, foreign_livestream: Livestream) -> Ids:
    return Ids(abroad.organization.pk.hex, abroad.app.pk.hex, str(foreign_livestream.pk), str(uuid.uuid4()))


@pytest.mark.parametrize(
    ("operation", "argument"),
    [(operation, argument) for operation in WITH_IDS for argument in operation.arguments],
    ids=lambda value: str(value),
)
def test_a_foreign_id_answers_like_an_unknown_one(
    operation: Operation, argument: str, victim: Ids, intruder: Ids, abroad: NewOrganization
) -> None:
    foreign, unknown = getattr(victim, argument), _another_id(argument)
    before = _state(victim)

    of_foreign = _call(operation, {**vars(intruder), argument: foreign}, caller=abroad)
    of_unknown = _call(operation, {**vars(intruder), argument: unknown}, caller=abroad)

    assert of_foreign.status_code == of_unknown.status_code
    assert of_foreign.status_code in {401, 404}
    assert _without(of_foreign, foreign) == _without(of_unknown, unknown)
    assert dict(of_foreign.headers) == dict(of_unknown.headers)
    assert _state(victim) == before


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_all_ids_of_a_tenant_answer_like_unknown_ones(
    operation: Operation, victim: Ids, abroad: NewOrganization
) -> None:
    unknown = {argument: _another_id(argument) for argument in vars(victim)}

    of_foreign = _call(operation, vars(victim), caller=abroad)
    of_unknown = _call(operation, unknown, caller=abroad)

    assert of_foreign.status_code == of_unknown.status_code
    assert _without(of_foreign, *vars(victim).values()) == _without(of_unknown, *unknown.values())


@pytest.mark.parametrize("operation", [operation for operation in WITH_IDS if not operation.is_dyte], ids=str)
def test_a_key_of_one_app_reaches_no_other(operation: Operation, victim: Ids, home: NewOrganization) -> None:
    other = App.objects.create(organization=home.organization, name="Second")
    _, token = create_api_key(organization=home.organization, name="Bound", kind="bearer", actor=SYSTEM, app=other)

    response = _call(operation, vars(victim), caller=home, authorization=f"Bearer {token}")

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


def _another_id(argument: str) -> str:
    """Return an unknown id that is spelt as the known ones are."""
    return uuid.uuid4().hex if argument in {"account_id", "app_id"} else str(uuid.uuid4())


def _without(response: HttpResponse, *ids: str) -> str:
    """Return the body with the ids that the request itself held taken out."""
    text = str(read(response))
    for text_of_id in ids:
        text = text.replace(text_of_id, "ID").replace(str(uuid.UUID(text_of_id)), "ID")
    return text


def _state(ids: Ids) -> list[object]:
    """Return every column of the victim's rows."""
    rows = (Livestream.objects.filter(pk=ids.livestream_id), Session.objects.filter(pk=ids.session_id))
    return [row for table in rows for row in table.values_list()]
