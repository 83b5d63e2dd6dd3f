"""What the dashboard asks for about livestreams."""

from typing import Self, cast
from uuid import UUID

from django import forms
from django.http import QueryDict

from livehub.core import clock
from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.changing import ChangeForm
from streams.dashboard.paging import PAGE_SIZE, PageForm
from streams.livestreams.embedding import PlayerOptions
from streams.livestreams.models import Output, PullSource
from streams.livestreams.models.output import KEY_MAX_LENGTH, URI_MAX_LENGTH
from streams.livestreams.outputs import OutputChanges
from streams.livestreams.playback_forms import LATENCY_CHOICES, POLICY_CHOICES
from streams.livestreams.playback_settings import PlaybackSettings
from streams.livestreams.pulls import PullChange
from streams.livestreams.selectors import LivestreamFilter, LivestreamOrder
from streams.livestreams.states import DISABLED, LIVESTREAM_STATES, LatencyMode, PlaybackPolicy
from streams.media.pulling.source import URL_MAX_LENGTH

# Of the pictures that a platform may be given at most.
_LINES = (1080, 720, 540, 360)
_STATUS_CHOICES = [
    ("", "Any status"),
    *((shown.value, shown.label) for shown in (*LIVESTREAM_STATES.values(), DISABLED)),
]


class LivestreamForm(forms.Form):
    """The name; whether its characters can be used, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the livestream a name, so that you find it again."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Autumn keynote"}),
    )

    @classmethod
    def suggesting(cls) -> Self:
        """Return the form with a name for now; a browser writes its reader's day and time into it."""
        suggested = f"Livestream of {clock.now():%-d %b, %H:%M}"
        form = cls(initial={"name": suggested})
        form.fields["name"].widget.attrs["data-suggested"] = suggested
        return form


class NewLivestreamForm(LivestreamForm):
    """The same, and what is better known from the first broadcast on; all else of playback can wait."""

    playback_policy = forms.ChoiceField(
        choices=POLICY_CHOICES, initial=PlaybackPolicy.PUBLIC, required=False, widget=forms.RadioSelect
    )
    latency_mode = forms.ChoiceField(
        choices=LATENCY_CHOICES, initial=LatencyMode.LOW, required=False, widget=forms.RadioSelect
    )

    def settings(self) -> PlaybackSettings:
        """Return what was chosen; where nothing was, it is as it comes."""
        chosen = {name: self.cleaned_data[name] for name in ("playback_policy", "latency_mode")}
        return cast(PlaybackSettings, {name: value for name, value in chosen.items() if value})


class SimulcastForm(ChangeForm):
    """Another platform that broadcasts are to go to; what can be an address, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "YouTube"}),
    )
    uri = forms.CharField(
        label="Server",
        max_length=URI_MAX_LENGTH,
        error_messages={"required": "Paste the server that the platform gives you."},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autofocus": True,
                "placeholder": "rtmp://a.rtmp.youtube.com/live2",
                "inputmode": "url",
            }
        ),
    )
    stream_key = forms.CharField(
        max_length=KEY_MAX_LENGTH,
        required=False,
        help_text="The platform's, not the one of this livestream. Nobody is shown it again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    most_lines = forms.ChoiceField(
        label="Picture",
        choices=[(0, "The best there is"), *((lines, f"Up to {lines}p") for lines in _LINES)],
        initial=0,
        required=False,
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Send broadcasts there")

    @classmethod
    def of(cls, output: Output, values: QueryDict | None = None) -> "SimulcastForm":
        """Return the form of a simulcast that is there: without a key it keeps the one that it has."""
        initial = {"name": output.name, "uri": output.uri, "enabled": output.enabled, "most_lines": output.most_lines}
        form = cls(values, initial=initial)
        lines = form.fields["most_lines"]
        if output.most_lines not in {0, *_LINES} and isinstance(lines, forms.ChoiceField):
            # A program may say any number.
            lines.choices = [
                *cast(list[tuple[int, str]], lines.choices),
                (output.most_lines, f"Up to {output.most_lines}p"),
            ]
        if output.stream_key_encrypted:
            form.fields["stream_key"].help_text = "Leave it empty to keep the key that is there."
        form.show_what_is_there()
        return form

    def clean_most_lines(self) -> int:
        return int(self.cleaned_data["most_lines"] or 0)

    def changes(self) -> OutputChanges:
        """Return what the checked form says otherwise than it showed; an empty key says nothing."""
        return cast(OutputChanges, self.changed())


class PullForm(ChangeForm):
    """Where broadcasts are fetched from; what can be an address, the service decides."""

    url = forms.CharField(
        label="Address",
        max_length=URL_MAX_LENGTH,
        required=False,
        help_text="RTMP, RTMPS, RTSP, SRT, or HTTP(S) with HLS or a file. Its credentials are shown to nobody again.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autofocus": True,
                "placeholder": "rtmp://source.example.com/live/keynote",
                "inputmode": "url",
            }
        ),
    )
    enabled = forms.BooleanField(required=False, label="Fetch broadcasts from there")
    asks_again = False

    @classmethod
    def of(cls, pull: PullSource | None, values: QueryDict | None = None) -> "PullForm":
        """Return the form of a source that is there, or of a new one."""
        initial = {"url": pull.masked_url, "enabled": pull.enabled} if pull else {"enabled": True}
        form = cls(values, initial=initial)
        form.asks_again = pull is not None and pull.is_given_up
        form.show_what_is_there()
        return form

    def change(self) -> PullChange:
        """Return what the checked form says otherwise than it showed; an empty address takes the source away.

        One that nobody tries any more is asked for again, even if it stays what it was.
        """
        again = {"enabled": True} if self.asks_again and self.cleaned_data["enabled"] else {}
        return cast(PullChange, {**again, **self.changed()})


class LivestreamFilterForm(PageForm):
    """The list's search, filter and order, and which page of it."""

    q = forms.CharField(max_length=NAME_MAX_LENGTH, required=False)
    status = forms.ChoiceField(choices=_STATUS_CHOICES, required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(choices=LivestreamOrder.choices, required=False)

    # The ids that the asking page shows, in its order, each as 32 digits.
    shown = forms.CharField(max_length=33 * PAGE_SIZE, required=False)

    def shown_ids(self) -> list[UUID]:
        """Return what the page that asks for an update shows now; empty for one that is opened."""
        self.is_valid()
        try:
            return [UUID(digits) for digits in (self.cleaned_data.get("shown") or "").split()]
        except ValueError:
            return []

    def wanted(self) -> LivestreamFilter:
        """Return what was asked for."""
        self.is_valid()
        return LivestreamFilter(
            search=self.cleaned_data.get("q") or "",
            shown_as=self.cleaned_data.get("status") or "",
            order=LivestreamOrder(self.cleaned_data.get("sort") or ""),
        )


class ShareForm(forms.Form):
    """How a player on another site behaves; with nothing ticked as it does by itself."""

    audio_only = forms.BooleanField(label="Sound only", required=False)
    waits = forms.BooleanField(label="Wait until somebody presses play", required=False)
    with_sound = forms.BooleanField(
        label="Start with the sound on",
        required=False,
        help_text="where the browser lets it",
    )

    def options(self) -> PlayerOptions:
        """Return what is ticked: anything but nothing counts as a tick, so there is nothing to refuse."""
        self.full_clean()
        said = self.cleaned_data
        return PlayerOptions(
            is_audio_only=said["audio_only"], starts_alone=not said["waits"], is_muted=not said["with_sound"]
        )
