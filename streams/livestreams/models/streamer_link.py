"""Links for who sends a livestream and has no account."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from livehub.core import clock
from streams.livestreams.models.livestream import Livestream
from streams.organizations.models import User


class StreamerLinkQuerySet(models.QuerySet["StreamerLink"]):
    def open(self) -> Self:
        """Keep those that open something now."""
        lasts = Q(expires_at=None) | Q(expires_at__gt=clock.now())
        return self.filter(lasts, revoked_at=None, livestream__deleted_at=None)


class StreamerLink(models.Model):
    """What a livestream's streamer looks at it with; one at a time. It is signed (`core.links`), not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="streamer_links")
    # Whoever has it can send as well.
    shows_key = models.BooleanField(default=False)
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # None for one that works until it is withdrawn.
    expires_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = StreamerLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream"], condition=Q(revoked_at=None), name="streamer_link_one_present_per_livestream"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
