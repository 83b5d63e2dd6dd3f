"""What the dashboard asks for about playback."""

from datetime import timedelta
from typing import cast

from django import forms
from django.http import QueryDict

from livehub.core.lengths import length_words
from streams.dashboard.changing import ChangeForm
from streams.livestreams.models import Livestream
from streams.livestreams.playback_settings import PLAYBACK_SETTINGS, VIEWERS_MAX, PlaybackSettings
from streams.livestreams.states import LatencyMode, PlaybackPolicy
from streams.livestreams.viewers import VIEWER_ID_RULE
from streams.media.viewer_tokens import VIEWER_ID, VIEWER_ID_MAX_LENGTH

POLICY_CHOICES = [
    (PlaybackPolicy.PUBLIC.value, "Everybody who has the address"),
    (PlaybackPolicy.SIGNED.value, "Only viewers with a link of their own"),
]
LATENCY_CHOICES = [
    (LatencyMode.LOW.value, "Low: a second or two behind"),
    (LatencyMode.STANDARD.value, "Standard: some ten seconds behind, easier on slow networks"),
]
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_WINDOWS_S = [0, _HOUR_S // 2, _HOUR_S, 2 * _HOUR_S, 4 * _HOUR_S, 8 * _HOUR_S, 12 * _HOUR_S]
_LASTS = [
    (_HOUR_S, "An hour"),
    (12 * _HOUR_S, "12 hours"),
    (_DAY_S, "A day"),
    (7 * _DAY_S, "A week"),
    (30 * _DAY_S, "30 days"),
]
_OVERLAPS = [
    (0, "Stop at once: whoever watches with one is cut within 10 seconds"),
    (_HOUR_S, "Work for another hour"),
    (_DAY_S, "Work for another day"),
    (7 * _DAY_S, "Work for another week"),
]


class LinesField(forms.CharField):
    """A list of short texts, each on a line of its own."""

    widget = forms.Textarea

    def to_python(self, value: object) -> list[str]:  # type: ignore[override]  # Lines are the point.
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def prepare_value(self, value: object) -> object:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: object, data: object) -> bool:
        before = initial if isinstance(initial, list) else self.to_python(initial)
        return before != self.to_python(data)


class PlaybackForm(ChangeForm):
    """How a livestream is played and by whom; what goes together, the service decides."""

    playback_policy = forms.ChoiceField(choices=POLICY_CHOICES, widget=forms.RadioSelect)
    max_viewers = forms.IntegerField(
        label="Viewers at once",
        min_value=1,
        max_value=VIEWERS_MAX,
        required=False,
        help_text="Only those with a link of their own can be counted. Empty for as many as come.",
        widget=forms.NumberInput(attrs={"placeholder": "No limit"}),
    )
    allowed_origins = LinesField(
        label="On which sites",
        required=False,
        help_text="Sites that can embed the player, or play it with one of their own: one on each line. Empty for all.",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://example.com", "spellcheck": "false"}),
    )
    latency_mode = forms.ChoiceField(choices=LATENCY_CHOICES, widget=forms.RadioSelect)
    dvr_window_s = forms.TypedChoiceField(label="Viewers can go back", coerce=int)

    @classmethod
    def of(cls, livestream: Livestream, values: QueryDict | None = None) -> "PlaybackForm":
        """Return the form of a livestream as it is now, or as somebody wants it."""
        form = cls(values, initial={name: getattr(livestream, name) for name in PLAYBACK_SETTINGS})
        # A program may have chosen another one.
        windows = sorted({*_WINDOWS_S, livestream.dvr_window_s})
        choices = [(seconds, f"Up to {length_words(seconds)}" if seconds else "Not at all") for seconds in windows]
        cast(forms.TypedChoiceField, form.fields["dvr_window_s"]).choices = choices
        form.show_what_is_there()
        return form

    def changes(self) -> PlaybackSettings:
        """Return what the checked form says otherwise than it showed."""
        return cast(PlaybackSettings, self.changed())


class ViewerLinkForm(forms.Form):
    """Whom a link is for, and how long it lasts."""

    viewer_id = forms.CharField(
        label="For whom",
        max_length=VIEWER_ID_MAX_LENGTH,
        required=False,
        help_text="A name without blanks, or an e-mail address. Empty for anybody.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "ann@example.com"}),
    )
    lasts_s = forms.TypedChoiceField(label="Works for", choices=_LASTS, coerce=int, initial=_DAY_S)

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.cleaned_data["lasts_s"])


class ViewerDismissalForm(forms.Form):
    """Who is to be sent away; nobody knows which viewers there are."""

    viewer_id = forms.CharField(
        label="Who",
        max_length=VIEWER_ID_MAX_LENGTH,
        help_text="The name that their link was made for.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "ann@example.com"}),
    )

    def clean_viewer_id(self) -> str:
        viewer_id: str = self.cleaned_data["viewer_id"]
        if not VIEWER_ID.fullmatch(viewer_id):
            raise forms.ValidationError(VIEWER_ID_RULE)
        return viewer_id


class PlaybackKeyRotateForm(forms.Form):
    """What becomes of what the old key has signed."""

    overlap_s = forms.TypedChoiceField(choices=_OVERLAPS, coerce=int, initial=0, widget=forms.RadioSelect)

    @property
    def overlap(self) -> timedelta:
        return timedelta(seconds=self.cleaned_data["overlap_s"])
