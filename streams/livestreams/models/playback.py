"""Who may play: the keys that sign viewers' tokens, and the viewers whose tokens are worth nothing any more."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import crypto
from streams.livestreams.models.livestream import Livestream
from streams.media.viewer_tokens import VIEWER_ID_MAX_LENGTH
from streams.organizations.models import App


class PlaybackKeyQuerySet(models.QuerySet["PlaybackKey"]):
    def valid(self) -> Self:
        """Keep those whose tokens play now, by the database's clock."""
        return self.filter(Q(revoked_at=None) | Q(revoked_at__gt=Now()))


class PlaybackKey(models.Model):
    """A secret that signs the tokens of an app's viewers; an app has one present key at most, and older ones run out.

    Whoever has it may let anybody play the app's livestreams, and nothing else. Tokens name it by its id.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="playback_keys")
    encrypted = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # In the future while the key overlaps with the one that takes its place.
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = PlaybackKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app"], condition=Q(revoked_at=None), name="playback_key_one_present_per_app"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def secret(self) -> str:
        return crypto.decrypt(self.encrypted)


class RevokedViewer(models.Model):
    """A viewer whose tokens of up to a moment play nothing; one made later does."""

    id = models.BigAutoField(primary_key=True)
    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="revoked_viewers")
    viewer_id = models.CharField(max_length=VIEWER_ID_MAX_LENGTH, editable=False)
    revoked_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["livestream", "viewer_id"], name="revoked_viewer_once_per_livestream"),
        ]

    def __str__(self) -> str:
        return self.viewer_id
