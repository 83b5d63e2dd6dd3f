"""What the dashboard asks for about how broadcasts wait and end."""

from typing import cast

from django import forms
from django.http import QueryDict

from livehub.core.lengths import length_words
from streams.dashboard.changing import ChangeForm
from streams.livestreams.broadcast_settings import BroadcastSettings
from streams.livestreams.models import Livestream
from streams.livestreams.slate_images import IMAGE_MAX_BYTES
from streams.livestreams.states import DuplicatePublisher, WhileEncoderAway

_WINDOWS_S = [0, 10, 30, 60, 120, 300, 600, 1800]
_HOLDS_S = [0, 30, 60, 300, 900, 3600]
_HOUR_S = 3600
_RUNTIMES_S = [_HOUR_S, 2 * _HOUR_S, 4 * _HOUR_S, 8 * _HOUR_S, 12 * _HOUR_S, 24 * _HOUR_S]
_WHILE_AWAY = [
    (WhileEncoderAway.SLATE.value, "Show a slate: a picture, without sound"),
    (WhileEncoderAway.HOLD.value, "Hold the last picture, without sound"),
    (WhileEncoderAway.NOTHING.value, "Show nothing: players run out of video and wait"),
]
_SECOND_ENCODERS = [
    (DuplicatePublisher.REJECT.value, "It is refused: the first one goes on"),
    (DuplicatePublisher.REPLACE.value, "It takes over: for an encoder that moves, or hangs"),
]


class BroadcastForm(ChangeForm):
    """How long a broadcast waits for an encoder that dropped, what is seen meanwhile, and how final an end is."""

    reconnect_window_s = forms.TypedChoiceField(
        label="If the encoder drops",
        coerce=int,
        help_text="Meanwhile the broadcast stays on air under the same address.",
    )
    while_away = forms.ChoiceField(choices=_WHILE_AWAY, widget=forms.RadioSelect)
    duplicate_publisher = forms.ChoiceField(choices=_SECOND_ENCODERS, widget=forms.RadioSelect)
    end_hold_s = forms.TypedChoiceField(
        label="When you end a broadcast",
        coerce=int,
        help_text="Most encoders come back by themselves, and would begin another broadcast.",
    )

    max_runtime_s = forms.TypedChoiceField(
        label="Longest time on air",
        coerce=int,
        required=False,
        empty_value=None,
        help_text="Of a broadcast that is going on, too. Encoders are turned away for a minute then.",
    )

    @classmethod
    def of(cls, livestream: Livestream, values: QueryDict | None = None) -> "BroadcastForm":
        """Return the form of a livestream as it is now, or as somebody wants it."""
        names = ("reconnect_window_s", "while_away", "duplicate_publisher", "end_hold_s", "max_runtime_s")
        form = cls(values, initial={name: getattr(livestream, name) for name in names})
        # A program may have chosen others.
        windows, holds = {*_WINDOWS_S, livestream.reconnect_window_s}, {*_HOLDS_S, livestream.end_hold_s}
        runtimes = {*_RUNTIMES_S, livestream.max_runtime_s or _HOUR_S}
        choices: dict[str, list[tuple[int | str, str]]] = {
            "reconnect_window_s": [
                (length_s, f"Wait {length_words(length_s)} for it" if length_s else "End the broadcast at once")
                for length_s in sorted(windows)
            ],
            "end_hold_s": [
                (length_s, f"Turn encoders away for {length_words(length_s)}" if length_s else "Let encoders in again")
                for length_s in sorted(holds)
            ],
            "max_runtime_s": [
                ("", "No limit"),
                *((length_s, f"End after {length_words(length_s)}") for length_s in sorted(runtimes)),
            ],
        }
        for name, offered in choices.items():
            cast(forms.TypedChoiceField, form.fields[name]).choices = offered
        form.show_what_is_there()
        return form

    def changes(self) -> BroadcastSettings:
        """Return what the checked form says otherwise than it showed."""
        return cast(BroadcastSettings, self.changed())


class SlatePictureForm(forms.Form):
    """An image; what is in it is looked at when it is taken."""

    image = forms.FileField(
        label="Picture",
        help_text="PNG, JPEG or WebP, up to 5 MB. It is fitted into the broadcast's picture, on black.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp", "data-max-bytes": IMAGE_MAX_BYTES}),
        error_messages={"required": "Choose a picture first.", "empty": "The file is empty. Choose another one."},
    )
