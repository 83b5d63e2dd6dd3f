"""Celery: queue `live` carries one task per live session, queue `default` everything short."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")

app = Celery("livehub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["streams.ingest", "streams.livestreams"])
