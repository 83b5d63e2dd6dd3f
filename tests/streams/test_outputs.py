"""Where a livestream goes: what may be said of outputs, who hears of them, and two at the same moment."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from livehub.core import events
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.livestreams import outputs, services
from streams.livestreams.events import OutputChanged, OutputCreated, OutputDeleted, OutputEvent
from streams.livestreams.outputs import LivestreamActiveError, NewOutput, OutputExistsError, TooManyOutputsError
from streams.livestreams.selectors import list_outputs, read_outputs_of
from streams.livestreams.services import create_livestream
from streams.livestreams.states import LivestreamStatus
from streams.models import AuditEntry, Livestream, Output
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.overtaking import overtaken
from tests.runs import connected

_KINDS: tuple[type[OutputEvent], ...] = (OutputCreated, OutputChanged, OutputDeleted)
_URI = "rtmp://a.rtmp.example/live2"


@pytest.fixture
def heard() -> Iterator[list[OutputEvent]]:
    found: list[OutputEvent] = []

    def hear(event: OutputEvent) -> None:
        found.append(event)

    for kind in _KINDS:
        events.subscribe(kind, hear)
    yield found
    for kind in _KINDS:
        events._subscribers[kind].remove(hear)  # type: ignore[arg-type]  # Kept apart by the key.


def _simulcast(livestream: Livestream, **values: Any) -> Output:
    new = NewOutput(type="simulcast", **{"uri": _URI, **values})
    return outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)


class TestNewLivestream:
    def test_has_one_for_viewers_and_one_that_is_kept(self, livestream: Livestream) -> None:
        hls, archive = list_outputs(livestream)

        assert (hls.type, hls.name, hls.uri, hls.enabled) == ("hls", "default hls", "", True)
        assert (archive.type, archive.name) == ("archive", "default archive")
        assert archive.public_id == f"live_stream_{livestream.pk.hex}_archive"


class TestCreateOutput:
    def test_keeps_the_key_of_the_other_platform_encrypted(self, livestream: Livestream) -> None:
        output = _simulcast(livestream, name=" Stage ", stream_key="abcd-efgh", vendor="youtube")

        stored = Output.objects.get(pk=output.pk)
        assert (stored.name, stored.uri, stored.stream_key, stored.vendor) == ("Stage", _URI, "abcd-efgh", "youtube")
        assert "abcd-efgh" not in str(Output.objects.filter(pk=output.pk).values())

    def test_is_told_and_written_down_without_the_key(
        self, home: NewOrganization, livestream: Livestream, heard: list[OutputEvent]
    ) -> None:
        new = NewOutput(type="simulcast", name="Stage", uri=_URI, stream_key="abcd-efgh")

        output = outputs.create_output(livestream=livestream, new=new, actor=Actor(user=home.owner))

        (event,) = heard
        assert isinstance(event, OutputCreated)
        assert (event.livestream_id, event.output_id, event.output_type) == (livestream.pk, output.pk, "simulcast")
        entry = AuditEntry.objects.get(action="output.created")
        assert (entry.target_type, entry.target_id, entry.user) == ("output", output.pk, home.owner)
        assert entry.detail == {"livestream": str(livestream.pk), "type": "simulcast", "name": "Stage"}

    @pytest.mark.parametrize("kind", ["hls", "archive"])
    def test_refuses_a_second_one_of_its_kind(self, livestream: Livestream, kind: str) -> None:
        with pytest.raises(OutputExistsError) as refused:
            outputs.create_output(livestream=livestream, new=NewOutput(type=kind), actor=SYSTEM)

        assert refused.value.http_status == 400
        assert livestream.outputs.count() == 2

    @pytest.mark.parametrize("kind", ["hls", "archive"])
    def test_takes_one_again_once_it_is_deleted(self, livestream: Livestream, kind: str) -> None:
        first = livestream.outputs.get(type=kind)
        outputs.delete_output(livestream=livestream, output_id=first.pk, actor=SYSTEM)

        made = outputs.create_output(livestream=livestream, new=NewOutput(type=kind), actor=SYSTEM)

        assert made.public_id == first.public_id

    def test_takes_many_simulcasts_each_to_another_channel(self, livestream: Livestream) -> None:
        _simulcast(livestream, stream_key="one")
        _simulcast(livestream, uri=f"{_URI}/backup", stream_key="one")
        _simulcast(livestream, stream_key="another")

        with pytest.raises(OutputExistsError):
            _simulcast(livestream, stream_key="another")
        assert livestream.outputs.filter(type="simulcast").count() == 3

    def test_takes_the_same_address_for_another_livestream(self, home: NewOrganization, livestream: Livestream) -> None:
        _simulcast(livestream)

        assert _simulcast(create_livestream(app=home.app, name="Other", actor=SYSTEM)).uri == _URI

    def test_has_a_limit(self, livestream: Livestream, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outputs, "MOST_SIMULCASTS", 2)
        _simulcast(livestream)
        _simulcast(livestream, uri=f"{_URI}/backup")

        with pytest.raises(TooManyOutputsError):
            _simulcast(livestream, uri=f"{_URI}/third")

    @pytest.mark.parametrize(
        ("values", "fields"),
        [
            ({"type": "simulcast"}, {"uri"}),
            ({"type": "simulcast", "uri": "http://a.example/x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp:///x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp://[::1/x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp://a.example:99999/x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp://a b.example/x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp://ä.example/x"}, {"uri"}),
            ({"type": "simulcast", "uri": "rtmp://a.example/" + "x" * 1024}, {"uri"}),
            ({"type": "simulcast", "uri": _URI, "public_id": "x"}, {"public_id"}),
            ({"type": "simulcast", "uri": _URI, "stream_key": "a\nb", "name": "a\nb"}, {"stream_key", "name"}),
            ({"type": "simulcast", "uri": _URI, "stream_key": "x" * 1025}, {"stream_key"}),
            ({"type": "archive", "uri": _URI, "stream_key": "x"}, {"uri", "stream_key"}),
            ({"type": "simulcast", "uri": _URI, "vendor": "x" * 65}, {"vendor"}),
            ({"type": "simulcast", "uri": _URI, "vendor": "you\ntube"}, {"vendor"}),
            ({"type": "archive", "public_id": "x" * 256}, {"public_id"}),
            ({"type": "archive", "vendor": "youtube"}, {"vendor"}),
            ({"type": "hls", "uri": _URI}, {"uri"}),
        ],
    )
    def test_refuses_what_cannot_be_and_says_all_of_it(
        self, livestream: Livestream, values: dict[str, str], fields: set[str]
    ) -> None:
        livestream.outputs.all().delete()

        with pytest.raises(ValidationFailedError) as refused:
            outputs.create_output(livestream=livestream, new=NewOutput(**values), actor=SYSTEM)  # type: ignore[arg-type]  # Texts only.

        assert refused.value.fields.keys() == fields
        assert not livestream.outputs.exists()


class TestChangeOutput:
    def test_changes_what_is_given(self, livestream: Livestream, heard: list[OutputEvent]) -> None:
        made = _simulcast(livestream, name="Stage", stream_key="old", vendor="youtube")
        heard.clear()

        changed = outputs.change_output(livestream=livestream, output_id=made.pk, stream_key="new", actor=SYSTEM)

        assert (changed.name, changed.uri, changed.stream_key, changed.vendor) == ("Stage", _URI, "new", "youtube")
        assert [type(event) for event in heard] == [OutputChanged]
        assert AuditEntry.objects.get(action="output.changed").detail["changed"] == ["stream_key"]

    def test_without_a_change_is_no_deed(self, livestream: Livestream, heard: list[OutputEvent]) -> None:
        made = livestream.outputs.get(type="hls")

        assert outputs.change_output(livestream=livestream, output_id=made.pk, actor=SYSTEM) == made
        assert not heard

    def test_takes_the_key_away(self, livestream: Livestream) -> None:
        made = _simulcast(livestream, stream_key="old")

        outputs.change_output(livestream=livestream, output_id=made.pk, stream_key="", actor=SYSTEM)

        assert Output.objects.get(pk=made.pk).stream_key_encrypted == ""

    def test_gives_an_archive_its_own_name_back(self, livestream: Livestream) -> None:
        archive = livestream.outputs.get(type="archive")
        outputs.change_output(livestream=livestream, output_id=archive.pk, public_id="keynote", actor=SYSTEM)

        changed = outputs.change_output(livestream=livestream, output_id=archive.pk, public_id="", actor=SYSTEM)

        assert changed.public_id == archive.public_id

    def test_refuses_an_address_that_another_one_has(self, livestream: Livestream) -> None:
        _simulcast(livestream)
        second = _simulcast(livestream, uri=f"{_URI}/backup")

        with pytest.raises(OutputExistsError):
            outputs.change_output(livestream=livestream, output_id=second.pk, uri=_URI, actor=SYSTEM)
        assert outputs.change_output(livestream=livestream, output_id=second.pk, uri=second.uri, actor=SYSTEM)

    def test_takes_no_empty_address(self, livestream: Livestream) -> None:
        made = _simulcast(livestream)

        with pytest.raises(ValidationFailedError):
            outputs.change_output(livestream=livestream, output_id=made.pk, uri="", actor=SYSTEM)


class TestDeleteOutput:
    def test_takes_it_away_and_says_so(self, livestream: Livestream, heard: list[OutputEvent]) -> None:
        made = _simulcast(livestream)

        outputs.delete_output(livestream=livestream, output_id=made.pk, actor=SYSTEM)

        assert not Output.objects.filter(pk=made.pk).exists()
        assert (type(heard[-1]), heard[-1].output_id) == (OutputDeleted, made.pk)
        assert AuditEntry.objects.get(action="output.deleted").target_id == made.pk


class TestWhoseOutputs:
    def test_are_no_other_livestreams(self, livestream: Livestream, foreign_livestream: Livestream) -> None:
        theirs = foreign_livestream.outputs.get(type="hls")

        with pytest.raises(NotFoundError):
            outputs.change_output(livestream=livestream, output_id=theirs.pk, name="Ours", actor=SYSTEM)
        with pytest.raises(NotFoundError):
            outputs.delete_output(livestream=livestream, output_id=theirs.pk, actor=SYSTEM)
        assert foreign_livestream.outputs.count() == 2

    def test_of_a_deleted_livestream_do_not_change(self, livestream: Livestream) -> None:
        made = livestream.outputs.get(type="hls")
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            _simulcast(livestream)
        with pytest.raises(NotFoundError):
            outputs.change_output(livestream=livestream, output_id=made.pk, name="Late", actor=SYSTEM)
        with pytest.raises(NotFoundError):
            outputs.delete_output(livestream=livestream, output_id=made.pk, actor=SYSTEM)


class TestWhileItIsActive:
    @pytest.mark.parametrize("is_connected", [False, True])
    def test_outputs_that_need_it_idle_stay_as_they_are(self, livestream: Livestream, is_connected: bool) -> None:
        made = livestream.outputs.get(type="hls")
        if is_connected:
            connected(livestream)
        else:
            services.activate_livestream(livestream=livestream, actor=SYSTEM)
        given: dict[str, Any] = {"livestream": livestream, "actor": SYSTEM, "must_be_idle": True}

        with pytest.raises(LivestreamActiveError):
            outputs.create_output(new=NewOutput(type="simulcast", uri=_URI), **given)
        with pytest.raises(LivestreamActiveError):
            outputs.change_output(output_id=made.pk, name="Late", **given)
        with pytest.raises(LivestreamActiveError):
            outputs.delete_output(output_id=made.pk, **given)
        assert outputs.change_output(livestream=livestream, output_id=made.pk, name="Late", actor=SYSTEM)


class TestWords:
    def test_tell_what_becomes_of_a_broadcast(self, livestream: Livestream, settings: Settings) -> None:
        settings.RECORD_AUTOMATICALLY = True
        made = {"simulcast": _simulcast(livestream), **{each.type: each for each in list_outputs(livestream)}}

        assert {kind: each.shown.label for kind, each in made.items()} == {
            "hls": "Ready",
            "archive": "Ready",
            "simulcast": "Ready",
        }
        made["hls"].livestream.status = LivestreamStatus.LIVE
        assert made["hls"].shown.label == "Live"
        made["archive"].livestream.status = LivestreamStatus.LIVE
        assert made["archive"].shown.label == "Recording"
        settings.RECORD_AUTOMATICALLY = False
        assert made["archive"].shown.label == "Off"
        made["hls"].enabled = False
        assert made["hls"].shown.label == "Off"


class TestOrder:
    def test_is_that_in_which_they_were_added(self, livestream: Livestream) -> None:
        _simulcast(livestream, name="first")
        _simulcast(livestream, name="second", uri=f"{_URI}/backup")

        with CaptureQueriesContext(connection) as asked:
            (found,) = Livestream.objects.all()
            outputs = read_outputs_of([found])[found.pk]
            assert [each.name for each in outputs] == ["default hls", "default archive", "first", "second"]
        assert len(asked) == 2

    def test_begins_with_hls_for_those_of_the_same_moment(self, livestream: Livestream) -> None:
        Output.objects.update(created_at=livestream.created_at)

        assert [each.type for each in list_outputs(livestream)] == ["hls", "archive"]


@pytest.mark.django_db(transaction=True)
class TestTwoAtTheSameMoment:
    def test_of_equal_ones_the_second_is_refused_in_words(self, livestream: Livestream) -> None:
        with pytest.raises(OutputExistsError):
            overtaken(partial(_simulcast, livestream), by=partial(_simulcast, livestream))

        assert livestream.outputs.filter(type="simulcast").count() == 1

    def test_neither_comes_to_a_livestream_that_is_being_deleted(self, livestream: Livestream) -> None:
        delete = partial(services.delete_livestream, livestream=livestream, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            overtaken(partial(_simulcast, livestream), by=delete)
        assert livestream.outputs.count() == 2

    def test_changes_of_different_values_both_hold(self, livestream: Livestream) -> None:
        made = _simulcast(livestream)
        change = partial(outputs.change_output, livestream=livestream, output_id=made.pk, actor=SYSTEM)

        overtaken(partial(change, name="Stage"), by=partial(change, stream_key="new"))

        made.refresh_from_db()
        assert (made.name, made.stream_key) == ("Stage", "new")


class TestRows:
    @pytest.mark.parametrize(
        "values", [{"type": "hls"}, {"type": "archive"}, {"type": "simulcast"}, {"type": "hls", "uri": _URI}]
    )
    def test_that_cannot_be_are_refused_by_the_database_too(
        self, livestream: Livestream, values: dict[str, str]
    ) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Output.objects.create(livestream=livestream, **values)

    def test_of_two_simulcasts_to_one_address_are_refused(self, livestream: Livestream) -> None:
        _simulcast(livestream)

        with pytest.raises(IntegrityError), transaction.atomic():
            Output.objects.create(livestream=livestream, type="simulcast", uri=_URI)
