"""What the description says of meetings is what comes, at every operation and in both dialects."""

import json
import re

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from streams.livestreams.services import create_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.access import expected
from tests.access.each import for_each
from tests.api.clients import dyte_client, realtimekit_client
from tests.api.test_schema import described, whole
from tests.meetings.home import body_of, furnish
from tests.runs import connected

_OURS = re.compile(r"/(meetings|presets|sessions)(/|$)")
OPERATIONS = [each for each in expected.OPERATIONS if _OURS.search(each) and "/livestreams/" not in each]


@pytest.fixture
def ids(home: NewOrganization) -> dict[str, str]:
    """What the arguments of paths are filled with."""
    ids = {"account_id": home.organization.pk.hex, "app_id": home.app.pk.hex, **furnish(home.app)}
    connected(Livestream.objects.get())
    create_livestream(app=home.app, name="", actor=SYSTEM)
    return ids


@for_each("operation", OPERATIONS)
def test_answer_is_as_described(operation: str, home: NewOrganization, ids: dict[str, str]) -> None:
    method, _, template = operation.partition(" ")
    client = dyte_client(home) if template.startswith("/v2/") else realtimekit_client(home)
    body = json.dumps(body_of(operation) or {}).encode() if method != "GET" else b""

    answer = Client().generic(
        method, template.format(**ids), body, "application/json", headers={"Authorization": client.authorization}
    )

    document = described(template.split("/")[1])
    responses = document["paths"][template][method.lower()]["responses"]
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    assert answer.status_code == expected.OPERATIONS[operation][1]
    complaints = list(Draft202012Validator(whole(document, schema)).iter_errors(json.loads(answer.content)))
    assert not complaints, complaints


def test_there_is_something_to_be_tried() -> None:
    assert len(OPERATIONS) == 66
