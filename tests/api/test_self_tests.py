"""Self-tests over `/v2`."""

from datetime import timedelta

from livehub.core import clock
from streams.models import SelfTest
from streams.organizations.services import NewOrganization
from streams.self_tests.states import SelfTestState
from tests.api.clients import ApiClient, read

MEMBERS = {
    *("id", "node", "state", "advice", "steps", "encoder_to_fetchable_ms", "glass_to_fetchable_ms", "carries_more"),
    *("duration_ms", "created_at", "finished_at"),
}


def test_is_started_and_read_as_far_as_it_is(dyte: ApiClient) -> None:
    started = dyte.post("/self-tests")

    assert started.status_code == 201
    made = read(started)["data"]
    assert made.keys() == MEMBERS
    assert (made["state"], made["node"], made["finished_at"]) == ("running", "main", None)
    assert {step["state"] for step in made["steps"]} == {"waiting"}
    assert read(dyte.get(f"/self-tests/{made['id']}"))["data"] == made
    listed = read(dyte.get("/self-tests"))
    assert (listed["data"], listed["paging"]["total_count"]) == ([made], 1)


def test_a_second_one_is_refused_in_words(dyte: ApiClient) -> None:
    dyte.post("/self-tests")

    answer = dyte.post("/self-tests")

    assert answer.status_code == 409
    assert read(answer)["error"]["message"].startswith("A self-test is running.")


def test_one_that_nobody_runs_is_over_for_whoever_reads_it(dyte: ApiClient) -> None:
    """With the urgent worker down, nobody sweeps either."""
    there = f"/self-tests/{read(dyte.post('/self-tests'))['data']['id']}"
    SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))

    found = read(dyte.get(there))["data"]

    assert found["state"] == "broken_off"
    assert "urgent worker" in found["advice"]
    assert {step["state"] for step in found["steps"]} == {"skipped"}
    assert SelfTest.objects.get().state == SelfTestState.BROKEN_OFF


def test_the_list_ends_it_as_well(dyte: ApiClient) -> None:
    dyte.post("/self-tests")
    SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))

    assert [row["state"] for row in read(dyte.get("/self-tests"))["data"]] == ["broken_off"]


def test_an_unknown_one_is_not_found(dyte: ApiClient) -> None:
    assert dyte.get("/self-tests/00000000-0000-4000-8000-000000000000").status_code == 404
    assert dyte.get("/self-tests/first").status_code == 404


def test_is_for_nobody_where_others_use_the_instance(dyte: ApiClient, abroad: NewOrganization) -> None:
    made = SelfTest.objects.create(node="main", state=SelfTestState.PASSED, until=clock.now())

    refused = dyte.post("/self-tests")

    assert refused.status_code == 403
    assert "several organizations" in read(refused)["error"]["message"]
    assert dyte.get("/self-tests").status_code == 403
    assert dyte.get(f"/self-tests/{made.pk}").status_code == 404
    assert SelfTest.objects.count() == 1
