"""Presets: what participants may do, and what they see."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from streams.organizations.models import App

# How many a preset may have settings of its own for.
PLUGINS_MAX = 100


class PresetQuerySet(models.QuerySet["Preset"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)

    def matching(self, search: str) -> Self:
        return self.filter(name__icontains=search.replace("\x00", ""))


class Preset(models.Model):
    """A named set of permissions and looks of an app; a participant has one.

    A deleted one keeps its row for those who have it already; nobody is given it any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="presets")
    name = models.CharField(max_length=255)
    # Whole, in the words of the API: checked before they are stored.
    config = models.JSONField()
    permissions = models.JSONField()
    ui = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = PresetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app", "name"], condition=Q(deleted_at=None), name="preset_name_once_per_app"
            ),
        ]
        indexes = [
            # The list of an app, newest first.
            models.Index(fields=["app", "-created_at", "-id"], condition=Q(deleted_at=None), name="preset_list"),
        ]

    def __str__(self) -> str:
        return self.name
