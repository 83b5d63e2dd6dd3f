"""How the broadcasts of a livestream are recorded, where somebody has said so."""

from django.db import models

from streams.livestreams.models import Livestream
from streams.recordings.models.storage import StorageTarget
from streams.recordings.states import SlateRecording

PREFIX_MAX_LENGTH = 128


class RecordingPolicy(models.Model):
    """What holds for recordings that begin with the livestream's broadcasts; without a row the instance's own words."""

    livestream = models.OneToOneField(
        Livestream, on_delete=models.CASCADE, primary_key=True, related_name="recording_policy", editable=False
    )
    # None: as the instance has it. 0: until it is deleted.
    retention_s = models.PositiveIntegerField(null=True)
    file_name_prefix = models.CharField(max_length=PREFIX_MAX_LENGTH, blank=True)
    # None: on this instance.
    storage = models.ForeignKey(StorageTarget, on_delete=models.RESTRICT, null=True, related_name="+")
    # Whatever stands above; where the app has no storage for all of its own, on this instance.
    uses_app_storage = models.BooleanField(default=True, db_default=True)
    max_seconds = models.PositiveIntegerField(null=True)
    slate = models.CharField(max_length=8, choices=SlateRecording.choices, default=SlateRecording.CUT)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.livestream_id)
