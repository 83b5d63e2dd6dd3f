"""What people ask figures of."""

from datetime import date, timedelta
from typing import ClassVar

from django import forms

from analytics.breakdowns import Grouping
from analytics.ranges import DAYS_MAX, TimeRange, range_of_days
from livehub.core import clock


class DaysForm(forms.Form):
    """From which day to which; what makes no sense is told, and the usual days are shown."""

    # How many days, today with them, and what people call that.
    presets: ClassVar[dict[int, str]] = {7: "7 days", 30: "30 days", 90: "90 days", 365: "12 months"}

    start_date = forms.DateField(
        required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    end_date = forms.DateField(
        required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, date | None]:
        first, last = self.cleaned_data.get("start_date"), self.cleaned_data.get("end_date")
        if first and last and last < first:
            self.add_error("end_date", "Choose a day that is not before the first one.")
        elif first and self._between(first, last).days > DAYS_MAX:
            self.add_error("start_date", f"Choose {DAYS_MAX} days at most.")
        return self.cleaned_data

    def during(self) -> TimeRange:
        """Return the days that are asked for, else the last thirty."""
        asked = self.cleaned_data if self.is_valid() else {}
        return self._between(asked.get("start_date"), asked.get("end_date"))

    def _between(self, first: date | None, last: date | None) -> TimeRange:
        return range_of_days(first, last, now=clock.now())


class WatchedForm(DaysForm):
    """The same, and by what; by livestream, unless it is told."""

    group_by = forms.ChoiceField(choices=Grouping.choices, required=False)

    def grouping(self) -> Grouping:
        """Return by what it is asked for."""
        self.is_valid()
        return Grouping(self.cleaned_data.get("group_by") or Grouping.LIVESTREAM)


def preset_days(days: int) -> tuple[date, date]:
    """Return the first and the last one of so many days, of which today is the last."""
    today = clock.now().date()
    return today - timedelta(days=days - 1), today
