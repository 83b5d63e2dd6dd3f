"""Support staff's view of recordings, simulcasts and fetched sources: whose they are, what is wrong, and no secret."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from livehub.core import clock
from streams.livestreams import outputs
from streams.livestreams.outputs import NewOutput
from streams.livestreams.services import change_livestream, create_livestream
from streams.livestreams.states import OutputType
from streams.models import Livestream, Output, PullSource, PushEvent, Recording
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.services import NewRecording, make_recording
from tests.stores.storages import storage_of

_KEY, _PASSWORD, _REASON = "yt-s3cr3t-key", "s3cr3t", "The other side answered that it takes nothing."


@pytest.fixture
def used(livestream: Livestream) -> Livestream:
    """Fetched, sent on and recorded, and nothing of it goes well."""
    _use(livestream)
    return livestream


def _use(livestream: Livestream) -> None:
    new = NewOutput(type=OutputType.SIMULCAST, name="Channel 4", uri="rtmp://a.example.com/live", stream_key=_KEY)
    output = outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)
    PushEvent.objects.create(output=output, at=clock.now(), state="errored", message=_REASON)
    Output.objects.filter(pk=output.pk).update(push_state="errored", push_message=_REASON, push_since=clock.now())
    change_livestream(
        livestream=livestream, actor=SYSTEM, pull={"url": f"rtmp://ann:{_PASSWORD}@source.example.com/live"}
    )
    PullSource.objects.filter(livestream=livestream).update(state="errored", reason=_REASON)
    new_recording = NewRecording(storage=storage_of(livestream.app))
    recording = make_recording(livestream, None, new=new_recording, actor=SYSTEM)
    Recording.objects.filter(pk=recording.pk).update(status="uploading", problem=_REASON)


def _list(model: type) -> str:
    return reverse(f"admin:streams_{model.__name__.lower()}_changelist")


@pytest.mark.parametrize("model", [Recording, Output, PushEvent, PullSource])
@pytest.mark.parametrize("search", ["id", "name"])
def test_one_is_found_with_its_organization_and_its_trouble(
    desk: Client, used: Livestream, model: type, search: str
) -> None:
    asked = {"id": str(used.pk), "name": used.name}[search]
    answer = desk.get(_list(model), {"q": asked})

    html = answer.content.decode()
    assert "Northwind Events" in html
    assert _REASON in html
    assert {row for row in answer.context["cl"].result_list if getattr(row, "type", "simulcast") == "simulcast"}
    assert not desk.get(_list(model), {"q": "nothing is called so"}).context["cl"].result_list


@pytest.mark.parametrize("model", [Recording, Output, PushEvent, PullSource])
def test_no_page_shows_a_secret(desk: Client, used: Livestream, model: type) -> None:
    for row in model.objects.all():  # type: ignore[attr-defined]  # All have objects.
        page = reverse(f"admin:streams_{model.__name__.lower()}_change", args=[row.pk])
        html = desk.get(page).content.decode()

        assert "Northwind Events" in html
        assert _KEY not in html
        assert _PASSWORD not in html


def test_a_simulcast_leads_to_its_history(desk: Client, used: Livestream) -> None:
    output = Output.objects.get(type="simulcast")
    page = desk.get(reverse("admin:streams_output_change", args=[output.pk])).content.decode()

    link = f"{_list(PushEvent)}?output__id__exact={output.pk}"
    assert link in page
    assert [event.output for event in desk.get(link).context["cl"].result_list] == [output]


@pytest.mark.parametrize("model", [Recording, Output, PushEvent, PullSource])
def test_a_list_costs_the_same_however_many(desk: Client, home: NewOrganization, used: Livestream, model: type) -> None:
    with CaptureQueriesContext(connection) as few:
        desk.get(_list(model))
    for number in range(5):
        other = create_livestream(app=home.app, name=f"Stream {number}", actor=SYSTEM)
        _use(other)
    Recording.objects.update(invoked_at=clock.now() - timedelta(minutes=1))

    with CaptureQueriesContext(connection) as many:
        desk.get(_list(model))

    assert len(many) == len(few)
