"""What the dashboard asks for about livestreams."""

from django import forms

from livehub.core.names import NAME_MAX_LENGTH
from streams.livestreams.screens import LivestreamQuery

STATUS_CHOICES = (
    ("", "Any status"),
    ("live", "Live"),
    ("connecting", "Connecting"),
    ("idle", "Offline"),
    ("errored", "Failed"),
    ("disabled", "Disabled"),
)
SORT_CHOICES = (
    ("", "Newest first"),
    ("oldest", "Oldest first"),
    ("last_live", "Last live first"),
    ("name", "By name"),
)


class LivestreamForm(forms.Form):
    """The name; whether its characters can be used, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the livestream a name, so that you find it again."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Autumn keynote"}),
    )


class LivestreamQueryForm(forms.Form):
    """The list's search, filter and order. What it cannot understand it leaves out: a list is never an error."""

    q = forms.CharField(max_length=NAME_MAX_LENGTH, required=False)
    status = forms.ChoiceField(choices=STATUS_CHOICES, required=False)
    sort = forms.ChoiceField(choices=SORT_CHOICES, required=False)
    page = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)

    def query(self) -> LivestreamQuery:
        """Return what was asked for."""
        self.is_valid()
        cleaned = self.cleaned_data
        return LivestreamQuery(
            search=cleaned.get("q") or "",
            status=cleaned.get("status") or "",
            sort=cleaned.get("sort") or "",
            page=cleaned.get("page") or 1,
        )
