"""What the dashboard asks for about livestreams."""

from uuid import UUID

from django import forms

from livehub.core import clock
from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.paging import PAGE_SIZE, PageForm
from streams.livestreams.selectors import LivestreamFilter, LivestreamOrder
from streams.livestreams.states import DISABLED, LIVESTREAM_STATES

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
    def suggesting(cls) -> "LivestreamForm":
        """Return the form with a name for now; a browser writes its reader's day and time into it."""
        suggested = f"Livestream of {clock.now():%-d %b, %H:%M}"
        form = cls(initial={"name": suggested})
        form.fields["name"].widget.attrs["data-suggested"] = suggested
        return form


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
