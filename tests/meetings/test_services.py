"""Changing meetings, participants and presets."""

from typing import cast

import pytest

from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.meetings.services import meetings, participants, presets
from streams.meetings.services.presets import PresetNameTakenError, PresetValues
from streams.meetings.storage import read_secrets
from streams.models import AuditEntry, Meeting, Participant, Preset
from streams.organizations.services import SYSTEM, NewOrganization
from tests.overtaking import overtaken

STORAGE = {"type": "aws", "bucket": "films", "region": "eu-1", "access_key": "AKIA", "secret": "s3cret"}
CONFIGS: meetings.MeetingValues = {
    "recording_config": {"max_seconds": 90, "storage_config": STORAGE},
    "ai_config": {"summarization": {"word_limit": 150}},
}


class TestMeeting:
    def test_begins_with_the_defaults(self, meeting: Meeting) -> None:
        meeting.refresh_from_db()

        assert (meeting.status, meeting.session_keep_alive_s, meeting.recording_config) == ("active", 60, {})
        assert AuditEntry.objects.get(target_id=meeting.pk).action == "meeting.created"

    def test_change_keeps_what_it_does_not_name_at_any_depth(self, meeting: Meeting) -> None:
        video = {"codec": "VP8", "watermark": {"url": "https://a.example/a.png", "size": {"width": 10}}}
        meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"max_seconds": 60, "video_config": video}}, actor=SYSTEM
        )

        meetings.change_meeting(
            meeting=meeting,
            changes={"recording_config": {"video_config": {"watermark": {"size": {"height": 9}}}}, "ai_config": {}},
            actor=SYSTEM,
        )

        meeting.refresh_from_db()
        assert meeting.title == "Backend standup"
        assert meeting.recording_config == {
            "max_seconds": 60,
            "video_config": {
                "codec": "VP8",
                "watermark": {"url": "https://a.example/a.png", "size": {"width": 10, "height": 9}},
            },
        }

    def test_replacement_forgets_what_it_does_not_name_but_the_status(self, meeting: Meeting) -> None:
        meetings.change_meeting(
            meeting=meeting,
            changes={"record_on_start": True, "status": "inactive", "recording_config": {"storage_config": STORAGE}},
            actor=SYSTEM,
        )

        meetings.replace_meeting(meeting=meeting, values={"persist_chat": True}, actor=SYSTEM)

        meeting.refresh_from_db()
        assert (meeting.title, meeting.record_on_start, meeting.persist_chat) == ("", False, True)
        assert (meeting.recording_config, meeting.storage_secrets_encrypted) == ({}, "")
        assert meeting.status == "inactive"

    def test_replacement_keeps_nothing_of_settings_that_it_names(self, meeting: Meeting) -> None:
        meetings.change_meeting(meeting=meeting, changes=CONFIGS, actor=SYSTEM)

        after: meetings.MeetingValues = {
            "recording_config": {"file_name_prefix": "standup"},
            "ai_config": {"transcription": {"language": "de"}},
        }
        replaced = meetings.replace_meeting(meeting=meeting, values=after, actor=SYSTEM)

        assert (replaced.recording_config, replaced.ai_config) == (after["recording_config"], after["ai_config"])
        assert replaced.storage_secrets_encrypted == ""

    def test_change_to_nothing_takes_settings_away_as_a_whole(self, meeting: Meeting) -> None:
        meetings.change_meeting(meeting=meeting, changes=CONFIGS, actor=SYSTEM)

        nothing: meetings.MeetingValues = {"recording_config": None, "ai_config": None}
        changed = meetings.change_meeting(meeting=meeting, changes=nothing, actor=SYSTEM)

        assert (changed.recording_config, changed.ai_config) == ({}, {})
        assert changed.storage_secrets_encrypted == ""

    def test_keeps_a_private_key_apart(self, meeting: Meeting) -> None:
        storage = {"type": "sftp", "host": "h", "auth_method": "KEY", "private_key": "-----BEGIN", "password": "p4ss"}

        changed = meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"storage_config": storage}}, actor=SYSTEM
        )

        kept = changed.recording_config["storage_config"]
        assert kept == {"id": kept["id"], "type": "sftp", "host": "h", "auth_method": "KEY"}
        assert read_secrets(changed.storage_secrets_encrypted) == {"private_key": "-----BEGIN", "password": "p4ss"}

    def test_keeps_the_secrets_of_its_storage_apart(self, home: NewOrganization) -> None:
        made = meetings.create_meeting(
            app=home.app, values={"recording_config": {"storage_config": STORAGE}}, actor=SYSTEM
        )

        made.refresh_from_db()
        storage = made.recording_config["storage_config"]
        assert storage == {"id": storage["id"], "type": "aws", "bucket": "films", "region": "eu-1"}
        assert read_secrets(made.storage_secrets_encrypted) == {"access_key": "AKIA", "secret": "s3cret"}
        assert "s3cret" not in made.storage_secrets_encrypted

    def test_change_leaves_the_storage_alone_that_it_does_not_name(self, meeting: Meeting) -> None:
        meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"storage_config": STORAGE}}, actor=SYSTEM
        )

        changed = meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"max_seconds": 90}}, actor=SYSTEM
        )

        assert changed.recording_config["storage_config"]["bucket"] == "films"
        assert read_secrets(changed.storage_secrets_encrypted)["secret"] == "s3cret"

    def test_sends_no_earlier_secret_to_another_storage(self, meeting: Meeting) -> None:
        meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"storage_config": STORAGE}}, actor=SYSTEM
        )
        elsewhere = {"type": "sftp", "host": "evil.example", "password": "other"}

        changed = meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"storage_config": elsewhere}}, actor=SYSTEM
        )
        assert "bucket" not in changed.recording_config["storage_config"]
        assert read_secrets(changed.storage_secrets_encrypted) == {"password": "other"}

        changed = meetings.change_meeting(
            meeting=meeting, changes={"recording_config": {"storage_config": None}}, actor=SYSTEM
        )
        assert (changed.recording_config, changed.storage_secrets_encrypted) == ({}, "")

    @pytest.mark.django_db(transaction=True)
    def test_loses_neither_of_two_changes_at_once(self, meeting: Meeting) -> None:
        # Both have read it before either changes it.
        stale, staler = Meeting.objects.get(pk=meeting.pk), Meeting.objects.get(pk=meeting.pk)

        def change(read: Meeting, **changes: object) -> None:
            meetings.change_meeting(meeting=read, changes={"recording_config": changes}, actor=SYSTEM)

        overtaken(lambda: change(stale, max_seconds=60), by=lambda: change(staler, file_name_prefix="standup"))

        meeting.refresh_from_db()
        assert meeting.recording_config == {"max_seconds": 60, "file_name_prefix": "standup"}


class TestParticipant:
    @pytest.mark.django_db(transaction=True)
    def test_loses_neither_of_two_changes_at_once(self, mary: Participant) -> None:
        def change(**changes: object) -> None:
            values = cast(participants.ParticipantValues, changes)
            participants.change_participant(participant=mary, changes=values, actor=SYSTEM)

        overtaken(lambda: change(name="Mary Ann"), by=lambda: change(preset_name="webinar_viewer"))

        changed = Participant.objects.select_related("preset").get(pk=mary.pk)
        assert (changed.name, changed.preset.name) == ("Mary Ann", "webinar_viewer")

    def test_may_be_several_of_one_person(self, meeting: Meeting, mary: Participant) -> None:
        again, _ = participants.add_participant(
            meeting=meeting,
            values={"custom_participant_id": "mary", "preset_name": "group_call_participant"},
            actor=SYSTEM,
        )

        assert again.pk != mary.pk

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"custom_participant_id": "x", "preset_name": "no such"}, "preset_name"),
            ({"custom_participant_id": " ", "preset_name": "group_call_host"}, "custom_participant_id"),
            ({"custom_participant_id": "x", "preset_name": "group_call_host", "name": "a\nb"}, "name"),
        ],
    )
    def test_is_refused_with_what_is_wrong(
        self, meeting: Meeting, values: participants.ParticipantValues, field: str
    ) -> None:
        with pytest.raises(ValidationFailedError) as caught:
            participants.add_participant(meeting=meeting, values=values, actor=SYSTEM)

        assert list(caught.value.fields) == [field]
        assert not Participant.objects.exists()

    def test_gets_no_preset_of_another_tenant(self, meeting: Meeting, abroad: NewOrganization) -> None:
        Preset.objects.filter(app=abroad.app, name="group_call_host").update(name="theirs")

        with pytest.raises(ValidationFailedError):
            participants.add_participant(
                meeting=meeting, values={"custom_participant_id": "x", "preset_name": "theirs"}, actor=SYSTEM
            )

    def test_cannot_be_changed_once_deleted(self, mary: Participant) -> None:
        participants.delete_participant(participant=mary, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            participants.change_participant(participant=mary, changes={"name": "x"}, actor=SYSTEM)
        with pytest.raises(NotFoundError):
            participants.renew_token(participant=mary, revokes_earlier=False, actor=SYSTEM)
        with pytest.raises(NotFoundError):
            participants.delete_participant(participant=mary, actor=SYSTEM)


class TestPreset:
    def test_of_each_kind_is_there_for_every_new_app(self, home: NewOrganization) -> None:
        names = set(Preset.objects.for_app(home.app).values_list("name", flat=True))

        assert {
            "group_call_host",
            "group_call_participant",
            "webinar_presenter",
            "webinar_viewer",
            "livestream_viewer",
        } <= names

    def test_name_is_given_once(self, home: NewOrganization) -> None:
        preset = Preset.objects.for_app(home.app).get(name="group_call_host")
        content = _content(preset)

        with pytest.raises(PresetNameTakenError):
            presets.create_preset(app=home.app, values=content, actor=SYSTEM)
        with pytest.raises(PresetNameTakenError):
            presets.change_preset(preset=preset, changes={"name": "webinar_viewer"}, actor=SYSTEM)

    def test_name_is_free_again_once_it_is_deleted(self, home: NewOrganization, mary: Participant) -> None:
        preset = mary.preset
        presets.delete_preset(preset=preset, actor=SYSTEM)
        presets.create_preset(app=home.app, values=_content(preset), actor=SYSTEM)

        mary.refresh_from_db()
        assert mary.preset == preset

    @pytest.mark.django_db(transaction=True)
    def test_loses_neither_of_two_changes_at_once(self, home: NewOrganization) -> None:
        preset = Preset.objects.for_app(home.app).get(name="group_call_participant")

        def allow(read: Preset, name: str) -> None:
            presets.change_preset(preset=read, changes={"permissions": {"polls": {name: True}}}, actor=SYSTEM)

        presets.change_preset(preset=preset, changes={"permissions": {"polls": {"can_vote": False}}}, actor=SYSTEM)
        # Both have read it before either changes it.
        stale, staler = Preset.objects.get(pk=preset.pk), Preset.objects.get(pk=preset.pk)
        overtaken(lambda: allow(stale, "can_create"), by=lambda: allow(staler, "can_vote"))

        preset.refresh_from_db()
        assert preset.permissions["polls"] == {"can_create": True, "can_view": True, "can_vote": True}


def _content(preset: Preset) -> PresetValues:
    return {"name": preset.name, "config": preset.config, "permissions": preset.permissions, "ui": preset.ui}
