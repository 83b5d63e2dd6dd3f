"""The vendors' figures of an app."""

from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import UNACCEPTABLE, AnalyticsApi
from analytics.api.input import DatesQuery, LivestreamTotalsQuery, dates_asked, each_day_asked, times_asked
from analytics.api.serializers import AppTotalsSerializer, LivestreamDaySerializer, LivestreamTotalsSerializer
from analytics.totals import get_app_totals, get_livestream_totals
from livehub.api.operations import Answer, Paging, operation


class LivestreamTotalsView(AnalyticsApi):
    """/analytics/livestreams/overall"""

    @operation(
        "get_livestream_totals",
        "Get what livestreams came to in a range",
        query=LivestreamTotalsQuery,
        answer=Answer(LivestreamTotalsSerializer),
        failures=UNACCEPTABLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        during = times_asked(self.read_query(LivestreamTotalsQuery))
        totals = get_livestream_totals(app_ids=[self.caller.app.pk], during=during)
        return self.answer(LivestreamTotalsSerializer().to_representation(totals))


class LivestreamDaysView(AnalyticsApi):
    """/analytics/livestreams/daywise"""

    @operation(
        "list_livestream_days",
        "Get what livestreams came to on each day of a range",
        query=LivestreamTotalsQuery,
        answer=Answer(LivestreamDaySerializer, is_list=True, paging=Paging.NONE),
        failures=UNACCEPTABLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        during = each_day_asked(self.read_query(LivestreamTotalsQuery))
        totals = get_livestream_totals(app_ids=[self.caller.app.pk], during=during)
        shape = LivestreamDaySerializer()
        return self.answer([shape.to_representation(day) for day in totals.each_day(during)])


class AppTotalsView(AnalyticsApi):
    """/analytics/daywise"""

    @operation(
        "get_app_totals",
        "Get what meetings and recordings came to on each day of a range",
        query=DatesQuery,
        answer=Answer(AppTotalsSerializer),
        failures=UNACCEPTABLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        during = dates_asked(self.read_query(DatesQuery))
        totals = get_app_totals(app_ids=[self.caller.app.pk], during=during)
        return self.answer(AppTotalsSerializer().to_representation(totals))
