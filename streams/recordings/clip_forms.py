"""What the dashboard's pages ask for of clips: marks that were set on a player, or the last seconds."""

from typing import cast

from django import forms

from livehub.core.errors import ValidationFailedError
from livehub.core.names import NAME_MAX_LENGTH
from streams.recordings.clips.wishes import FURTHEST_S, Wish

# Seconds that are offered.
LAST_S = (15, 30, 60)
# Minutes of a window that are offered.
LAST_MINUTES = (5, 15, 60)


class _TitledForm(forms.Form):
    title = forms.CharField(required=False, max_length=NAME_MAX_LENGTH)

    def checked(self) -> dict[str, object]:
        """Return what was sent.

        :raises ValidationFailedError: when it makes no sense.
        """
        if not self.is_valid():
            fields = {name: [str(said) for said in complaints] for name, complaints in self.errors.items()}
            raise ValidationFailedError("The clip cannot be like this.", fields=fields)
        return self.cleaned_data

    def text(self) -> str:
        return str(self.checked()["title"])


class MarkedBroadcastForm(_TitledForm):
    """Marks in milliseconds since 1970, or the last seconds."""

    last_s = forms.IntegerField(required=False, min_value=1)
    from_ms = forms.IntegerField(required=False, min_value=0)
    until_ms = forms.IntegerField(required=False, min_value=0)

    def wish(self) -> Wish:
        """Return what is wanted; marks come before seconds.

        :raises ValidationFailedError: when it makes no sense.
        """
        sent = self.checked()
        from_ms, until_ms, last_s = sent["from_ms"], sent["until_ms"], sent["last_s"]
        if from_ms is None and until_ms is None and isinstance(last_s, int):
            return Wish(last_ms=last_s * 1000)
        return Wish(from_ms=_whole(from_ms), until_ms=_whole(until_ms))


class MarkedRecordingForm(_TitledForm):
    """Marks in seconds of the file."""

    start_s = forms.FloatField(min_value=0, max_value=FURTHEST_S)
    end_s = forms.FloatField(min_value=0, max_value=FURTHEST_S)

    def stretch(self) -> tuple[int, int]:
        """Return them in microseconds.

        :raises ValidationFailedError: when they make no sense.
        """
        sent = self.checked()
        start_s, end_s = (cast(float, sent[name]) for name in ("start_s", "end_s"))
        return round(start_s * 1_000_000), round(end_s * 1_000_000)


class WindowForm(forms.Form):
    """How much of the window."""

    minutes = forms.IntegerField(min_value=1)

    def wish(self) -> Wish:
        """Return what is wanted.

        :raises ValidationFailedError: when it makes no sense.
        """
        if not self.is_valid():
            raise ValidationFailedError("Say how many minutes.", fields={})
        return Wish(last_ms=self.cleaned_data["minutes"] * 60_000)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
