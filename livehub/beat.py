"""Celery beat's own app: the schedule and the broker, without loading Django's apps into one more process."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")

app = Celery("livehub", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
