from django.urls import path

from streams.ingest import views

urlpatterns = [
    path("publish", views.publish),
    path("publish-done", views.publish_done),
    path("update", views.update),
]
