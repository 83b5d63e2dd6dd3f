"""Celery: a queue per promise, and where only one node can do the work, per node."""

import os

from celery import Celery
from celery.signals import worker_init

from livehub.heartbeat import show_life

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")

app = Celery("livehub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "analytics",
        "streams.account",
        "streams.livestreams",
        "streams.meetings",
        "streams.organizations",
        "streams.recordings",
        "streams.self_tests",
        "webhooks",
    ]
)


def _show_life(**_: object) -> None:
    show_life()


worker_init.connect(_show_life)
