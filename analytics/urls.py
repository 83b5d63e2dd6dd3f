"""The dashboard's addresses that are about figures."""

from django.urls import path

from analytics import views

app_name = "analytics"
_SESSION = "livestreams/<uuid:livestream_id>/sessions/<uuid:session_id>"

urlpatterns = [
    path("analytics", views.AnalyticsView.as_view(), name="overview"),
    path("analytics.csv", views.AnalyticsFileView.as_view(), name="file"),
    path(f"{_SESSION}/report", views.SessionReportPage.as_view(), name="session_report"),
    path(f"{_SESSION}/viewers-chart", views.ViewersChartView.as_view(), name="viewers_chart"),
    path(f"{_SESSION}/watching-now", views.WatchingNowView.as_view(), name="watching_now"),
]
