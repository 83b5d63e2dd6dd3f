"""The dashboard's pages of figures."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from analytics.breakdowns import Grouping
from analytics.csv_files import csv_of
from analytics.forms import WatchedForm
from analytics.glances import EncoderGlance, ViewersNow, look_at_now
from analytics.happenings import Band
from analytics.screens import get_analytics_screen, get_organization_breakdown
from analytics.session_reports import get_recent_curve, get_session_report
from livehub.core import clock
from streams.dashboard.pages import MemberView
from streams.livestreams.selectors import get_session_screen


class AnalyticsView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        form = WatchedForm(request.GET)
        during, by = form.during(), form.grouping()
        screen = get_analytics_screen(organization=self.member.organization, during=during, by=by)
        # Of a rendition no player says how it played.
        ways = [by for by in Grouping if by != Grouping.RENDITION]
        return self.page("analytics/overview.html", screen=screen, form=form, ways=ways)


class AnalyticsFileView(MemberView):
    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        form = WatchedForm(request.GET)
        organization = self.member.organization
        return csv_of(get_organization_breakdown(organization=organization, during=form.during(), by=form.grouping()))


class SessionReportPage(MemberView):
    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        session = get_session_screen(organization=owner, livestream_id=livestream_id, session_id=session_id).session
        report = get_session_report(session, app_ids=[session.livestream.app_id])
        template = "_session_report" if self.request.htmx else "session_report"
        return self.page(f"analytics/{template}.html", report=report)


class ViewersChartView(MemberView):
    """How many watched lately: what the page of a livestream draws from, beside its picture."""

    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        session = get_session_screen(organization=owner, livestream_id=livestream_id, session_id=session_id).session
        return self.page("analytics/_viewers_chart.html", curve=get_recent_curve(session))


class WatchingNowView(MemberView):
    """What is so at this moment, for charts that go on: asked once a second by pages in the foreground."""

    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        glance = look_at_now(organization=owner, livestream_id=livestream_id, session_id=session_id)
        return JsonResponse(
            {
                "is_live": glance.is_live,
                "at_ms": clock.epoch_ms(clock.now()),
                "now": _now_of(glance.now) if glance.now else None,
                "encoder": _encoder_of(glance.encoder) if glance.encoder else None,
                "interruptions": [_band_of(band) for band in glance.bands],
            }
        )


def _now_of(now: ViewersNow) -> dict[str, int]:
    return {"at_ms": clock.epoch_ms(now.at), "counted": now.counted, "estimated": now.estimated}


def _encoder_of(encoder: EncoderGlance) -> dict[str, float | None]:
    return {"at_ms": clock.epoch_ms(encoder.at), "video_kbps": encoder.video_kbps, "fps": encoder.fps}


def _band_of(band: Band) -> dict[str, str | int | None]:
    until_ms = clock.epoch_ms(band.ended_at) if band.ended_at else None
    return {"reason": band.label, "from_ms": clock.epoch_ms(band.began_at), "until_ms": until_ms}
