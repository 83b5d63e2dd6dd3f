"""The dashboard's pages of figures."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from analytics.csv_files import csv_of
from analytics.forms import DaysForm, WatchedFileForm
from analytics.screens import get_analytics_screen, get_organization_breakdown
from analytics.session_reports import get_session_report, look_at_now
from livehub.core import clock
from streams.dashboard.pages import MemberView
from streams.livestreams.selectors import get_session_screen


class AnalyticsView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        form = DaysForm(request.GET)
        screen = get_analytics_screen(organization=self.member.organization, during=form.during())
        return self.page("analytics/overview.html", screen=screen, form=form)


class AnalyticsFileView(MemberView):
    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        form = WatchedFileForm(request.GET)
        organization = self.member.organization
        return csv_of(get_organization_breakdown(organization=organization, during=form.during(), by=form.grouping()))


class SessionReportPage(MemberView):
    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        session = get_session_screen(organization=owner, livestream_id=livestream_id, session_id=session_id).session
        report = get_session_report(session, app_ids=[session.livestream.app_id])
        template = "_session_report" if self.request.htmx else "session_report"
        return self.page(f"analytics/{template}.html", report=report)


class WatchingNowView(MemberView):
    """How many watch at this moment, for the chart that goes on: asked once a second by pages in the foreground."""

    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        is_live, now = look_at_now(organization=owner, livestream_id=livestream_id, session_id=session_id)
        told = {"at_ms": clock.epoch_ms(now.at), "counted": now.counted, "estimated": now.estimated} if now else None
        return JsonResponse({"is_live": is_live, "now": told})
