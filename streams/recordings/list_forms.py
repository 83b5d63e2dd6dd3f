"""What the dashboard asks for of the list of recordings."""

from django import forms

from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.paging import PageForm
from streams.recordings.listing import KINDS, RecordingListFilter


class RecordingListForm(PageForm):
    """The list's search and filter, and which page of it."""

    q = forms.CharField(max_length=NAME_MAX_LENGTH, required=False)
    status = forms.ChoiceField(choices=KINDS, required=False, widget=forms.HiddenInput)

    def wanted(self) -> RecordingListFilter:
        """Return what was asked for."""
        self.is_valid()
        return RecordingListFilter(search=self.cleaned_data.get("q") or "", kind=self.cleaned_data.get("status") or "")
