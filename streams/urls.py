"""The dashboard's addresses. Integrators' are in the dialects; nobody but a person with a browser comes here."""

from collections.abc import Callable
from typing import cast

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from streams.account import api_key_views as api_keys
from streams.account import app_views as apps
from streams.account import entry_views as entry
from streams.account import member_views as members
from streams.account import person_views as person
from streams.account import views as account
from streams.livestreams import broadcast_views as broadcasts
from streams.livestreams import output_views as outputs
from streams.livestreams import playback_views as playback
from streams.livestreams import pull_views as pulls
from streams.livestreams import set_up_views as set_up
from streams.livestreams import slate_views as slates
from streams.livestreams import views as livestreams
from streams.livestreams.consumers import (
    FragmentConsumer,
    LivestreamConsumer,
    LivestreamListConsumer,
    OverviewConsumer,
    SessionConsumer,
)
from streams.livestreams.embed_views import embedded_player, watch_page
from streams.livestreams.oembed_views import oembed
from streams.livestreams.share_views import ShareView
from streams.livestreams.streamer_views import (
    StreamerLinkView,
    StreamerLinkWithdrawView,
    streamer_page,
    streamer_state,
)
from streams.meetings import participant_views as participants
from streams.meetings import preset_views as presets
from streams.meetings import views as meetings
from streams.meetings.consumers import MeetingConsumer, MeetingListConsumer
from streams.recordings import clip_file_views as clip_files
from streams.recordings import clip_views as clips
from streams.recordings import file_views as recording_files
from streams.recordings import policy_views as recording_policies
from streams.recordings import storage_views as storages
from streams.recordings import views as recordings
from streams.system.consumers import SystemConsumer
from streams.system.views import SelfTestStartView, SystemView

app_name = "streams"
_LIVESTREAM = "livestreams/<uuid:livestream_id>"
_MEETING = "meetings/<uuid:meeting_id>"
_PARTICIPANT = f"{_MEETING}/participants/<uuid:participant_id>"
_PRESET = "meetings/presets/<uuid:preset_id>"
_RECORDING = "recordings/<uuid:recording_id>"
_CLIP = "clips/<uuid:clip_id>"
_APP = "account/apps/<uuid:app_id>"
_STORAGE = "account/storages/<uuid:target_id>"
_INVITATION = "account/invitations/<uuid:invitation_id>"
_MEMBER = "account/members/<uuid:member_id>"

urlpatterns = [
    path("log-in", account.LoginView.as_view(), name="login"),
    path("log-in/code", entry.CodeView.as_view(), name="login_code"),
    path("log-in/forgotten", entry.ForgottenView.as_view(), name="password_forgotten"),
    path("password-reset", entry.PasswordResetView.as_view(), name="password_reset"),
    path("invitation", entry.InvitationAcceptView.as_view(), name="invitation_accept"),
    path("log-out", account.LogoutView.as_view(), name="logout"),
    path("", livestreams.OverviewView.as_view(), name="overview"),
    path("system", SystemView.as_view(), name="system"),
    path("system/self-tests/start", SelfTestStartView.as_view(), name="self_test_start"),
    path("livestreams", livestreams.LivestreamListView.as_view(), name="livestream_list"),
    path("livestreams/create", livestreams.LivestreamCreateView.as_view(), name="livestream_create"),
    path(_LIVESTREAM, recordings.RecordedLivestreamView.as_view(), name="livestream_detail"),
    path(f"{_LIVESTREAM}/sessions", livestreams.SessionListView.as_view(), name="session_list"),
    path(f"{_LIVESTREAM}/sessions/<uuid:session_id>", livestreams.SessionDetailView.as_view(), name="session_detail"),
    path(f"{_LIVESTREAM}/stream-key", set_up.StreamKeyView.as_view(), name="stream_key_show"),
    path(f"{_LIVESTREAM}/test-picture/start", set_up.TestPictureStartView.as_view(), name="test_picture_start"),
    path(f"{_LIVESTREAM}/test-picture/stop", set_up.TestPictureStopView.as_view(), name="test_picture_stop"),
    path(f"{_LIVESTREAM}/dismiss-refusals", set_up.RefusalsDismissView.as_view(), name="refusals_dismiss"),
    path(f"{_LIVESTREAM}/reset-stream-key", livestreams.StreamKeyResetView.as_view(), name="stream_key_reset"),
    path(f"{_LIVESTREAM}/rename", livestreams.LivestreamRenameView.as_view(), name="livestream_rename"),
    path(f"{_LIVESTREAM}/disable", livestreams.LivestreamDisableView.as_view(), name="livestream_disable"),
    path(f"{_LIVESTREAM}/enable", livestreams.LivestreamEnableView.as_view(), name="livestream_enable"),
    path(f"{_LIVESTREAM}/start", broadcasts.BroadcastStartView.as_view(), name="broadcast_start"),
    path(f"{_LIVESTREAM}/end", livestreams.BroadcastEndView.as_view(), name="broadcast_end"),
    path(f"{_LIVESTREAM}/let-in", broadcasts.EncoderLetInView.as_view(), name="encoder_let_in"),
    path(f"{_LIVESTREAM}/broadcast", broadcasts.BroadcastChangeView.as_view(), name="broadcast_change"),
    path(f"{_LIVESTREAM}/pull", pulls.PullChangeView.as_view(), name="pull_change"),
    path(f"{_LIVESTREAM}/slate", slates.SlatePictureView.as_view(), name="slate_picture"),
    path(f"{_LIVESTREAM}/slate/remove", slates.SlatePictureRemoveView.as_view(), name="slate_picture_remove"),
    path(f"{_LIVESTREAM}/slate/image", slates.SlateImageView.as_view(), name="slate_image"),
    path(f"{_LIVESTREAM}/playback", playback.PlaybackChangeView.as_view(), name="playback_change"),
    path(f"{_LIVESTREAM}/viewer-link", playback.ViewerLinkView.as_view(), name="viewer_link"),
    path(f"{_LIVESTREAM}/viewer-dismissal", playback.ViewerDismissalView.as_view(), name="viewer_dismissal"),
    path(f"{_LIVESTREAM}/signing-key", playback.PlaybackKeyView.as_view(), name="playback_key"),
    path(f"{_LIVESTREAM}/signing-key/rotate", playback.PlaybackKeyRotateView.as_view(), name="playback_key_rotate"),
    path(f"{_LIVESTREAM}/outputs/create", outputs.OutputCreateView.as_view(), name="output_create"),
    path(f"{_LIVESTREAM}/outputs/<uuid:output_id>", outputs.OutputChangeView.as_view(), name="output_change"),
    path(f"{_LIVESTREAM}/outputs/<uuid:output_id>/retry", outputs.OutputRetryView.as_view(), name="output_retry"),
    path(f"{_LIVESTREAM}/outputs/<uuid:output_id>/switch", outputs.OutputSwitchView.as_view(), name="output_switch"),
    path(f"{_LIVESTREAM}/outputs/<uuid:output_id>/delete", outputs.OutputDeleteView.as_view(), name="output_delete"),
    path(f"{_LIVESTREAM}/delete", livestreams.LivestreamDeleteView.as_view(), name="livestream_delete"),
    path(f"{_LIVESTREAM}/share", ShareView.as_view(), name="livestream_share"),
    path(f"{_LIVESTREAM}/streamer-link", StreamerLinkView.as_view(), name="streamer_link"),
    path(f"{_LIVESTREAM}/streamer-link/withdraw", StreamerLinkWithdrawView.as_view(), name="streamer_link_withdraw"),
    path("streamer", streamer_page, name="streamer"),
    path("streamer/state", streamer_state, name="streamer_state"),
    path("recordings", recordings.RecordingListView.as_view(), name="recording_list"),
    path(f"{_LIVESTREAM}/recordings", recordings.LivestreamRecordingListView.as_view(), name="livestream_recordings"),
    path(f"{_LIVESTREAM}/recordings/newest", recordings.NewestRecordingsView.as_view(), name="newest_recordings"),
    path(f"{_LIVESTREAM}/recordings/start", recordings.RecordingStartView.as_view(), name="recording_start"),
    path(
        f"{_LIVESTREAM}/recording-settings",
        recording_policies.RecordingSettingsChangeView.as_view(),
        name="recording_settings",
    ),
    path(_RECORDING, recordings.RecordingDetailView.as_view(), name="recording_detail"),
    path(f"{_RECORDING}/stop", recordings.RecordingStopView.as_view(), name="recording_stop"),
    path(f"{_RECORDING}/pause", recordings.RecordingPauseView.as_view(), name="recording_pause"),
    path(f"{_RECORDING}/resume", recordings.RecordingResumeView.as_view(), name="recording_resume"),
    path(f"{_RECORDING}/delete", recordings.RecordingDeleteView.as_view(), name="recording_delete"),
    path(f"{_RECORDING}/clips", clips.RecordingClipsView.as_view(), name="recording_clips"),
    path(f"{_LIVESTREAM}/recordings/window", clips.WindowRecordingView.as_view(), name="recording_of_window"),
    path("clips", clips.ClipListView.as_view(), name="clip_list"),
    path(f"{_LIVESTREAM}/clips", clips.LivestreamClipsView.as_view(), name="livestream_clips"),
    path(f"{_CLIP}/delete", clips.ClipDeleteView.as_view(), name="clip_delete"),
    *(path(f"{_CLIP}/{name}", clip_files.clip_media, {"name": name}, name="clip_media") for name in clip_files.NAMES),
    path("watch/clips/<uuid:clip_id>", clip_files.clip_watch, name="clip_detail"),
    path("recordings/<uuid:recording_id>/file", recording_files.recording_file, name="recording_file"),
    path("watch/<slug:playback_id>", watch_page, name="watch"),
    path("embed/<slug:playback_id>", embedded_player, name="embed"),
    path("oembed", oembed, name="oembed"),
    path("meetings", meetings.MeetingListView.as_view(), name="meeting_list"),
    path("meetings/create", meetings.MeetingCreateView.as_view(), name="meeting_create"),
    path("meetings/presets", presets.PresetListView.as_view(), name="preset_list"),
    path(_PRESET, presets.PresetDetailView.as_view(), name="preset_detail"),
    path(f"{_PRESET}/replace", presets.PresetReplaceView.as_view(), name="preset_replace"),
    path(f"{_PRESET}/copy", presets.PresetCopyView.as_view(), name="preset_copy"),
    path(f"{_PRESET}/delete", presets.PresetDeleteView.as_view(), name="preset_delete"),
    path(_MEETING, meetings.MeetingDetailView.as_view(), name="meeting_detail"),
    path(f"{_MEETING}/change", meetings.MeetingChangeView.as_view(), name="meeting_change"),
    path(f"{_MEETING}/sessions", meetings.MeetingSessionListView.as_view(), name="meeting_session_list"),
    path(
        f"{_MEETING}/livestream/start",
        meetings.MeetingLivestreamStartView.as_view(),
        name="meeting_livestream_start",
    ),
    path(f"{_MEETING}/livestream/stop", meetings.MeetingLivestreamStopView.as_view(), name="meeting_livestream_stop"),
    path(f"{_MEETING}/participants/add", participants.ParticipantAddPage.as_view(), name="participant_add"),
    path(_PARTICIPANT, participants.ParticipantDetailPage.as_view(), name="participant_detail"),
    path(f"{_PARTICIPANT}/token", participants.ParticipantTokenPage.as_view(), name="participant_token"),
    path(f"{_PARTICIPANT}/remove", participants.ParticipantRemovePage.as_view(), name="participant_remove"),
    path("account", account.AccountView.as_view(), name="account_detail"),
    path("account/api-keys/create", api_keys.ApiKeyCreateView.as_view(), name="api_key_create"),
    path("account/api-keys/created", api_keys.ApiKeyCreatedView.as_view(), name="api_key_created"),
    path("account/api-keys/<uuid:api_key_id>/revoke", api_keys.ApiKeyRevokeView.as_view(), name="api_key_revoke"),
    path("account/apps", apps.AppListView.as_view(), name="app_list"),
    path("account/apps/create", apps.AppCreateView.as_view(), name="app_create"),
    path(_APP, apps.AppDetailView.as_view(), name="app_detail"),
    path(f"{_APP}/rename", apps.AppRenameView.as_view(), name="app_rename"),
    path("account/storages", storages.StorageListView.as_view(), name="storage_list"),
    path("account/storages/create", storages.StorageCreateView.as_view(), name="storage_create"),
    path(_STORAGE, storages.StorageDetailView.as_view(), name="storage_detail"),
    path(f"{_STORAGE}/change", storages.StorageChangeView.as_view(), name="storage_change"),
    path(f"{_STORAGE}/test", storages.StorageTestView.as_view(), name="storage_test"),
    path(f"{_STORAGE}/delete", storages.StorageDeleteView.as_view(), name="storage_delete"),
    path("account/invitations/create", members.InvitationCreateView.as_view(), name="invitation_create"),
    path(_INVITATION, members.InvitationDetailView.as_view(), name="invitation_detail"),
    path(f"{_INVITATION}/withdraw", members.InvitationWithdrawView.as_view(), name="invitation_withdraw"),
    path(_MEMBER, members.MemberDetailView.as_view(), name="member_detail"),
    path(f"{_MEMBER}/role", members.MemberRoleView.as_view(), name="member_role"),
    path(f"{_MEMBER}/remove", members.MemberRemoveView.as_view(), name="member_remove"),
    path(f"{_MEMBER}/reset-password", members.MemberResetView.as_view(), name="member_reset"),
    path("account/you", person.PersonDetailView.as_view(), name="person_detail"),
    path("account/you/password", person.PasswordChangeView.as_view(), name="password_change"),
    path("account/you/second-factor", person.SecondFactorStartView.as_view(), name="second_factor_start"),
    path("account/you/second-factor/confirm", person.SecondFactorConfirmView.as_view(), name="second_factor_confirm"),
    path("account/you/second-factor/off", person.SecondFactorOffView.as_view(), name="second_factor_off"),
    path("account/you/recovery-codes", person.RecoveryCodesView.as_view(), name="recovery_codes"),
    path("account/you/recovery-codes/new", person.RecoveryCodesRemakeView.as_view(), name="recovery_codes_remake"),
    path("account/you/log-ins/<uuid:log_in_id>/end", person.LogInEndView.as_view(), name="log_in_end"),
    path("account/you/leave", members.LeaveView.as_view(), name="leave"),
    path(
        "account/you/organizations/<uuid:member_id>/choose",
        person.OrganizationChooseView.as_view(),
        name="organization_choose",
    ),
    path("account/you/log-ins/end-others", person.OtherLogInsEndView.as_view(), name="other_log_ins_end"),
]


def _socket(route: str, consumer: type[FragmentConsumer]) -> URLPattern:
    # Channels routes its applications by Django's own `path`, which is typed for views.
    return path(route, cast(Callable[..., HttpResponseBase], consumer.as_asgi()))


websocket_urlpatterns = [
    _socket("ws/overview", OverviewConsumer),
    _socket("ws/system", SystemConsumer),
    _socket("ws/livestreams", LivestreamListConsumer),
    _socket("ws/livestreams/<uuid:livestream_id>", LivestreamConsumer),
    _socket("ws/livestreams/<uuid:livestream_id>/sessions/<uuid:session_id>", SessionConsumer),
    _socket("ws/meetings", MeetingListConsumer),
    _socket("ws/meetings/<uuid:meeting_id>", MeetingConsumer),
]
