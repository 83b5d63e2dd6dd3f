"""Recordings: what was taken of a broadcast, in which order, and which parts of the file are stored."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from livehub.core import clock
from streams.livestreams.models import Livestream, Session
from streams.livestreams.states import Shown
from streams.organizations.models import App, Organization
from streams.recordings.models.storage import StorageTarget
from streams.recordings.models.upload import Uploaded
from streams.recordings.states import (
    ACTIVE,
    EXPLANATIONS,
    GAP_WORDS,
    INCOMPLETE,
    RECORDING_STATES,
    RENDERING,
    STORED_LATER,
    UNFINISHED,
    VERIFIED,
    RecordingOrigin,
    RecordingStatus,
    SlateRecording,
    StartReason,
    StillsStatus,
    StopReason,
)

_NODE_MAX_LENGTH = 32
SLOT_MAX_LENGTH = 16
REASON_MAX_LENGTH = 32
# Of a sentence for people.
PROBLEM_MAX_LENGTH = 500
# As the contract has it.
MAX_SECONDS_LEAST, MAX_SECONDS_MOST = 60, 86400


class RecordingQuerySet(models.QuerySet["Recording"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)

    def for_organization(self, organization: Organization) -> Self:
        return self.existing().filter(app__organization=organization)

    def active(self) -> Self:
        """Keep those that take what is broadcast, or will."""
        return self.filter(status__in=ACTIVE)

    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)

    def newest_first(self) -> Self:
        return self.order_by("-invoked_at", "-id")


class Recording(Uploaded):
    """One file of a broadcast, or of a part of one, across all that interrupted it.

    Its bytes follow from its segments' rows and files alone, so whoever goes on with it sends the same.
    A deleted one keeps its row, for what it says of the past; no interface shows it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="recordings")
    livestream = models.ForeignKey(Livestream, on_delete=models.SET_NULL, null=True, related_name="recordings")
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="recordings")
    meeting = models.ForeignKey("streams.Meeting", on_delete=models.SET_NULL, null=True, related_name="recordings")
    # What the livestream was called.
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=16, choices=RecordingStatus.choices, default=RecordingStatus.INVOKED, editable=False
    )
    origin = models.CharField(max_length=16, choices=RecordingOrigin.choices, editable=False)
    # The one of a broadcast that is found by it; those that were asked for beside it are further ones.
    is_further = models.BooleanField(default=False, editable=False)
    start_reason = models.CharField(max_length=16, choices=StartReason.choices, editable=False)
    stop_reason = models.CharField(max_length=16, choices=StopReason.choices, blank=True, editable=False)
    # Who, in words; empty for what nobody asked for.
    started_by = models.CharField(max_length=255, blank=True, editable=False)
    stopped_by = models.CharField(max_length=255, blank=True, editable=False)

    invoked_at = models.DateTimeField(default=clock.now, editable=False)
    # From when and until when it takes what is broadcast, in milliseconds since 1970; None: from the beginning, and to
    # the end. Pauses are pairs of the same, whose last end may be None.
    from_ms = models.BigIntegerField(null=True, editable=False)
    until_ms = models.BigIntegerField(null=True, editable=False)
    pauses = models.JSONField(default=list, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    uploaded_at = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField(null=True, editable=False)
    max_seconds = models.PositiveIntegerField(null=True, editable=False)
    # How long it is kept once it is stored; 0 for ever.
    retention_s = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    slate = models.CharField(max_length=8, choices=SlateRecording.choices, default=SlateRecording.CUT, editable=False)
    # As the caller configured it, in the dialects' words.
    config = models.JSONField(default=dict, editable=False)
    # What its file is to be like, as `renditions.FileForm` has it; None: as it was broadcast.
    rendition = models.JSONField(null=True, editable=False)
    # To where it is sent as long as it is recorded.
    push = models.ForeignKey("streams.Output", on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    # Its answers in the vendors' words hold links to its files.
    has_links = models.BooleanField(default=True, db_default=True, editable=False)

    output_file_name = models.CharField(max_length=512, editable=False)
    # Where it is kept; None: in the folder of its node.
    storage = models.ForeignKey(StorageTarget, on_delete=models.RESTRICT, null=True, related_name="recordings")
    # In its store.
    object_name = models.CharField(max_length=1024, unique=True, editable=False)
    # Which node has the broadcast's files, and so reads and sends them.
    node = models.CharField(max_length=_NODE_MAX_LENGTH, editable=False)
    part_size = models.PositiveIntegerField(default=0, editable=False)
    # How many bytes its head and all that was taken come to.
    taken_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    # Nothing more will be: all until its end has been.
    is_taken = models.BooleanField(default=False, editable=False)
    # What the broadcast had before the first and behind the last that was taken: objects of `length_us` and `reason`.
    lost_at_begin = models.JSONField(default=list, editable=False)
    lost_at_end = models.JSONField(default=list, editable=False)
    # Who has it in hand, for how long.
    advancing_until = models.DateTimeField(null=True, editable=False)

    size = models.PositiveBigIntegerField(null=True, editable=False)
    duration_us = models.PositiveBigIntegerField(null=True, editable=False)
    # Of the list of its parts' digests, in hexadecimal digits, and of the whole file.
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    crc32 = models.BigIntegerField(null=True, editable=False)
    etag = models.CharField(max_length=255, blank=True, editable=False)
    is_verified = models.BooleanField(default=False, editable=False)
    has_sound = models.BooleanField(default=True, editable=False)
    # What of the broadcast is not in it: objects of `at_us`, `length_us` and `reason`, in order.
    gaps = models.JSONField(default=list, editable=False)
    # Why it is not stored yet, or not at all; empty while nothing is wrong.
    problem = models.CharField(max_length=PROBLEM_MAX_LENGTH, blank=True, editable=False)
    # The poster and the strips of small pictures that lie beside it once it is stored; why there are none, and when
    # that is tried again.
    stills_status = models.CharField(
        max_length=8, choices=StillsStatus.choices, default=StillsStatus.WAITING, editable=False
    )
    stills_problem = models.CharField(max_length=PROBLEM_MAX_LENGTH, blank=True, editable=False)
    stills_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    stills_due_at = models.DateTimeField(null=True, editable=False)
    stills_strips = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # Its object is gone, or there never was one; of a deleted one only.
    is_erased = models.BooleanField(default=False, editable=False)

    objects = RecordingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["livestream"],
                condition=Q(status__in=ACTIVE, is_further=False, deleted_at=None),
                name="recording_one_active_per_livestream",
            ),
        ]
        indexes = [
            # The list of an app, newest first.
            models.Index(fields=["app", "-invoked_at", "-id"], condition=Q(deleted_at=None), name="recording_list"),
            # Those of a livestream.
            models.Index(
                fields=["livestream", "-invoked_at", "-id"],
                condition=Q(deleted_at=None),
                name="recording_of_livestream",
            ),
            # The sweep: what is to be done.
            models.Index(fields=["node"], condition=Q(status__in=UNFINISHED), name="recording_unfinished"),
            models.Index(fields=["expires_at"], condition=Q(deleted_at=None), name="recording_expires"),
            # Those whose pictures are to be made.
            models.Index(
                fields=["node", "uploaded_at"],
                condition=Q(status=RecordingStatus.UPLOADED, stills_status=StillsStatus.WAITING, deleted_at=None),
                name="recording_stills",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False, is_erased=False),
                name="recording_to_erase",
            ),
        ]

    def __str__(self) -> str:
        return self.output_file_name

    @property
    def subject(self) -> str:
        """What it is a recording of: its meeting or livestream, also where that is gone."""
        return str(self.meeting or self.livestream or self.name or "Livestream")

    @property
    def shown(self) -> Shown:
        if self.status == RecordingStatus.UPLOADED:
            return VERIFIED if self.is_verified else INCOMPLETE
        if self.is_rendered:
            return RENDERING
        return RECORDING_STATES[self.status]

    @property
    def explained(self) -> str:
        """What its state means, as a sentence or two for people."""
        is_waiting = self.status == RecordingStatus.UPLOADING and self.problem
        return STORED_LATER if is_waiting else EXPLANATIONS[self.shown.value]

    @property
    def is_active(self) -> bool:
        """It takes what is broadcast, or will."""
        return self.status in ACTIVE

    @property
    def is_over(self) -> bool:
        """Nothing of it changes by itself any more."""
        return self.status not in UNFINISHED

    @property
    def is_stored(self) -> bool:
        return self.status == RecordingStatus.UPLOADED

    @property
    def has_file(self) -> bool:
        """What was broadcast can be fetched: also where no other file could be made of it."""
        return self.is_stored or (self.status == RecordingStatus.ERRORED and self.size is not None)

    @property
    def is_rendered(self) -> bool:
        """What was broadcast is stored, and another file is being made of it."""
        return self.status == RecordingStatus.UPLOADING and self.size is not None

    @property
    def has_stills(self) -> bool:
        """Its poster can be shown."""
        return self.stills_status == StillsStatus.MADE

    @property
    def duration_s(self) -> float | None:
        return None if self.duration_us is None else self.duration_us / 1_000_000

    @property
    def duration_ms(self) -> int | None:
        return None if self.duration_us is None else self.duration_us // 1000

    @property
    def told_gaps(self) -> list[dict[str, object]]:
        """What is not in it, as people are told it; times in milliseconds."""
        return [
            {
                "at_ms": gap["at_us"] // 1000,
                "length_ms": gap["length_us"] / 1000,
                "why": GAP_WORDS.get(gap["reason"], "Lost"),
            }
            for gap in self.gaps
        ]


class RecordingInit(models.Model):
    """What segments are decoded with, at its place in the file."""

    id = models.BigAutoField(primary_key=True)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="inits", editable=False)
    slot = models.CharField(max_length=SLOT_MAX_LENGTH, editable=False)
    # As its file is called in the slot's folder.
    name = models.CharField(max_length=64, editable=False)
    offset = models.PositiveBigIntegerField(editable=False)
    # As that file has it, some hundred bytes.
    content = models.BinaryField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recording", "slot", "name"], name="recording_init_once"),
        ]

    def __str__(self) -> str:
        return f"{self.recording_id} {self.slot}/{self.name}"


class RecordedSegment(models.Model):
    """A segment of the broadcast at its place in the file; its bytes wait in the spool until they are stored."""

    id = models.BigAutoField(primary_key=True)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="segments", editable=False)
    init = models.ForeignKey(RecordingInit, on_delete=models.CASCADE, related_name="+", db_index=False, editable=False)
    slot = models.CharField(max_length=SLOT_MAX_LENGTH, editable=False)
    msn = models.PositiveIntegerField(editable=False)
    # As its file is called in the slot's folder.
    name = models.CharField(max_length=64, editable=False)
    # Of the session, over its epochs.
    run = models.PositiveIntegerField(editable=False)
    offset = models.PositiveBigIntegerField(editable=False)
    size = models.PositiveIntegerField(editable=False)
    # When its first picture was taken, and for how long it lasts, as the broadcast's journal has it.
    at_ms = models.BigIntegerField(editable=False)
    duration_us = models.PositiveBigIntegerField(editable=False)
    # Viewers saw something in the encoder's place, and that was to be kept.
    shows_slate = models.BooleanField(default=False, editable=False)
    # Why nothing of it is to be seen, and why something is missing before it; empty where all is as it was.
    left_out = models.CharField(max_length=REASON_MAX_LENGTH, blank=True, editable=False)
    gap_before = models.CharField(max_length=REASON_MAX_LENGTH, blank=True, editable=False)
    # `SegmentIndex.packed`.
    index = models.BinaryField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recording", "offset"], name="recorded_segment_place"),
            models.UniqueConstraint(fields=["recording", "slot", "msn"], name="recorded_segment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.recording_id} {self.slot}/{self.msn}"


class RecordingPart(models.Model):
    """A receipt: this part of the file is in the store."""

    id = models.BigAutoField(primary_key=True)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="parts", editable=False)
    # From 1.
    number = models.PositiveIntegerField(editable=False)
    offset = models.PositiveBigIntegerField(editable=False)
    size = models.PositiveIntegerField(editable=False)
    etag = models.CharField(max_length=255, blank=True, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    # Of the file up to its end, with the head that it has while it is recorded.
    crc32 = models.BigIntegerField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recording", "number"], name="recording_part_number"),
        ]

    def __str__(self) -> str:
        return f"{self.recording_id} part {self.number}"
