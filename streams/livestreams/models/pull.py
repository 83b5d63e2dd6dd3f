"""Where a livestream's broadcasts are fetched from, for those that no encoder publishes to."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import crypto
from streams.livestreams.models.livestream import Livestream
from streams.livestreams.states import PullState, Shown, show_pull
from streams.media.pulling.source import PullUrl


class PullSourceQuerySet(models.QuerySet["PullSource"]):
    def wanted(self) -> Self:
        """Keep those that somebody is to fetch: not those whose address is refused, or that have come to an end."""
        return self.filter(
            enabled=True,
            finished_at=None,
            livestream__deleted_at=None,
            livestream__stopped_at=None,
            livestream__disabled=False,
        ).exclude(state=PullState.ERRORED)

    def claimable(self) -> Self:
        """Keep those that nobody fetches, by the database's clock."""
        return self.wanted().filter(Q(lease_until=None) | Q(lease_until__lt=Now()))


class PullSource(models.Model):
    """A source, whether it is to be fetched, how that goes, and which worker does it."""

    livestream = models.OneToOneField(
        Livestream, on_delete=models.CASCADE, primary_key=True, related_name="pull_source"
    )
    # It may hold credentials, in any part of it.
    url_encrypted = models.TextField(editable=False)
    enabled = models.BooleanField(default=True, editable=False)
    # Of what was asked for: a worker that fetches an earlier one stops.
    revision = models.PositiveIntegerField(default=0, editable=False)
    state = models.CharField(max_length=16, choices=PullState.choices, default=PullState.IDLE, editable=False)
    # Why it is not fetched, as a sentence; empty while all is well.
    reason = models.CharField(max_length=500, blank=True, editable=False)
    since = models.DateTimeField(editable=False)
    # In a row without success.
    tries = models.PositiveIntegerField(default=0, editable=False)
    # When a source that has an end came to it: it is not fetched again until somebody asks for it.
    finished_at = models.DateTimeField(null=True, editable=False)
    worker = models.CharField(max_length=255, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PullSourceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_until"], condition=Q(enabled=True, finished_at=None), name="pull_source_wanted"
            ),
            # The overview: which do not come.
            models.Index(
                fields=["-since"],
                condition=Q(state__in=[PullState.ERRORED, PullState.RETRYING]),
                name="pull_source_in_trouble",
            ),
        ]

    def __str__(self) -> str:
        return self.masked_url

    @classmethod
    def of(cls, livestream: Livestream) -> "PullSource | None":
        """Return where a livestream is fetched from; lists read it along (`select_related("pull_source")`)."""
        try:
            return livestream.pull_source
        except cls.DoesNotExist:
            return None

    @staticmethod
    def note_none(livestream: Livestream) -> None:
        """Let nobody ask the database again where a livestream is fetched from that is fetched from nowhere."""
        livestream._state.fields_cache["pull_source"] = None

    @property
    def is_given_up(self) -> bool:
        """Nobody tries it any more until somebody asks for it."""
        return self.state == PullState.ERRORED or self.finished_at is not None

    @property
    def shown(self) -> Shown:
        return show_pull(self.state, is_finished=self.finished_at is not None)

    @property
    def url(self) -> PullUrl:
        return PullUrl.parse(crypto.decrypt(self.url_encrypted))

    @property
    def masked_url(self) -> str:
        """The address for people and programs: nobody is told its credentials again."""
        return self.url.masked
