"""What clients may ask figures of."""

from datetime import UTC, date, datetime
from typing import TypedDict, cast

from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers

from analytics.ranges import DAYS_MAX, DEFAULT_DAYS, TimeRange, range_between, range_of_days
from livehub.core import clock
from livehub.core.errors import ValidationFailedError

# Beyond lies nothing that anybody has figures of; the days around it can still be reckoned with.
_YEAR_FIRST, _YEAR_LAST = 1970, 2200
_SECONDS_MOST = 10**11
_NO_SUCH_TIME = f"Send a time between {_YEAR_FIRST} and {_YEAR_LAST}."


class MomentField(serializers.CharField):
    """A moment, as Unix seconds or as ISO 8601; without an offset it is in UTC."""

    default_error_messages = {
        "moment": "Send seconds since 1970, such as 1795291200, or ISO 8601, such as 2026-11-21T20:00:00Z.",
        "range": _NO_SUCH_TIME,
    }

    def to_internal_value(self, data: str) -> datetime:  # type: ignore[override]  # Reads no text.
        moment = self._parse(super().to_internal_value(data))
        if not _YEAR_FIRST <= moment.year <= _YEAR_LAST:
            self.fail("range")
        return moment.astimezone(UTC)

    def _parse(self, text: str) -> datetime:
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdecimal():
            if len(digits) > len(str(_SECONDS_MOST)):
                self.fail("range")
            return datetime.fromtimestamp(max(-1, min(int(text), _SECONDS_MOST)), UTC)
        try:
            found = parse_datetime(text)
        except ValueError:
            found = None
        if found is None:
            self.fail("moment")
        return found if found.tzinfo else found.replace(tzinfo=UTC)


class UtcDayField(serializers.CharField):
    """A day, as YYYY-MM-DD."""

    default_error_messages = {
        "day": "Send a day as YYYY-MM-DD, such as 2026-11-21.",
        "range": _NO_SUCH_TIME,
    }

    def to_internal_value(self, data: str) -> date:  # type: ignore[override]  # Reads no text.
        try:
            found = parse_date(super().to_internal_value(data))
        except ValueError:
            found = None
        if found is None:
            self.fail("day")
        if not _YEAR_FIRST <= found.year <= _YEAR_LAST:
            self.fail("range")
        return found


class _Moments(TypedDict):
    start_time: datetime | None
    end_time: datetime | None


class _Days(TypedDict):
    start_date: date | None
    end_date: date | None


class MomentsQuery(serializers.Serializer[None]):
    """From when until when."""

    start_time = MomentField(
        default=None,
        allow_blank=True,
        help_text="From then on: Unix seconds, or ISO 8601. By default the last "
        f"{DEFAULT_DAYS} days, of which that of end_time is one.",
    )
    end_time = MomentField(
        default=None, allow_blank=True, help_text="Until just before then, as start_time; by default now."
    )

    def validate(self, attrs: _Moments) -> _Moments:
        # Without a value a parameter asks for nothing, here as elsewhere.
        start, end = attrs["start_time"] or None, attrs["end_time"] or None
        if start and end and end < start:
            raise serializers.ValidationError({"end_time": ["Choose a time that is not before start_time."]})
        return {**attrs, "start_time": start, "end_time": end}


class LivestreamTotalsQuery(MomentsQuery):
    """The same; what the vendors do not describe is taken and changes nothing."""

    filters = serializers.CharField(default="", allow_blank=True, help_text="Changes nothing.")


class DatesQuery(serializers.Serializer[None]):
    """From which day to which day."""

    start_date = UtcDayField(
        default=None,
        allow_blank=True,
        help_text="The first day (UTC), YYYY-MM-DD. By default the last "
        f"{DEFAULT_DAYS} days, of which end_date is one.",
    )
    end_date = UtcDayField(
        default=None, allow_blank=True, help_text="The last day (UTC), which counts as a whole; by default today."
    )

    def validate(self, attrs: _Days) -> _Days:
        first, last = attrs["start_date"] or None, attrs["end_date"] or None
        if first and last and last < first:
            raise serializers.ValidationError({"end_date": ["Choose a day that is not before start_date."]})
        return {**attrs, "start_date": first, "end_date": last}


def times_asked(checked: object) -> TimeRange:
    """Return what a checked `MomentsQuery` asks for."""
    asked = cast(_Moments, checked)
    return range_between(asked["start_time"], asked["end_time"], now=clock.now())


def each_day_asked(checked: object) -> TimeRange:
    """Return the same where each day is told by itself.

    :raises ValidationFailedError: when it is too many days.
    """
    return _within_bounds(times_asked(checked), field="start_time")


def dates_asked(checked: object) -> TimeRange:
    """Return what a checked `DatesQuery` asks for.

    :raises ValidationFailedError: when it is too many days.
    """
    asked = cast(_Days, checked)
    return _within_bounds(range_of_days(asked["start_date"], asked["end_date"], now=clock.now()), field="start_date")


def _within_bounds(during: TimeRange, *, field: str) -> TimeRange:
    if during.days > DAYS_MAX:
        complaint = f"Ask for {DAYS_MAX} days at most; these are {during.days}."
        raise ValidationFailedError("The range is too long.", fields={field: [complaint]})
    return during
