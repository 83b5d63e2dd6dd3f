"""Who watched what, and for how long: rows that collectors write, each batch in one transaction with its cursor.

Rows name broadcasts by their ids and refer to none: what was counted stays when a livestream goes, and no batch waits
for a row of a broadcast but once, at its end (`analytics.batches`). Times are media milliseconds; those of a UTC day
add up to exactly what its rows say, whichever are summed.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CompositePrimaryKey, Q

EDGE_MAX_LENGTH, RENDITION_MAX_LENGTH, ERROR_CODE_MAX_LENGTH, KIND_MAX_LENGTH = 32, 8, 32, 9


class ViewIdentity(models.TextChoices):
    """What a viewer was told from others by, the best first."""

    # The viewer id of a token that the origin has checked.
    TOKEN = "token", "Signed viewer id"  # No password.
    # `sid` of Common Media Client Data. Source: CTA-5004.
    CMCD = "cmcd", "CMCD session id"
    # X-Playback-Session-Id of Apple's players.
    APPLE = "apple", "Apple's session id"
    # Address and software: several behind one address are told apart by what they fetch. An estimate.
    ADDRESS = "address", "Address and software"
    # By its player's own word, behind a CDN.
    REPORTED = "reported", "Reported by its player"


class Device(models.TextChoices):
    """What a player says that it runs on."""

    DESKTOP = "desktop", "Desktop"
    MOBILE = "mobile", "Mobile"
    TABLET = "tablet", "Tablet"
    TV = "tv", "TV"
    OTHER = "other", "Other"


class LogCursor(models.Model):
    """How far an edge's log is counted: the next batch has to begin there."""

    # Name of the edge's node.
    edge = models.CharField(max_length=EDGE_MAX_LENGTH, primary_key=True, editable=False)
    # The id in the file's first line, and the bytes of it that are counted; empty before its first line.
    file_id = models.CharField(max_length=32, editable=False)
    offset = models.BigIntegerField(editable=False)
    # Lines of the log that were counted so far, and that were not, by why.
    lines = models.BigIntegerField(default=0, editable=False)
    rejected = models.JSONField(default=dict, editable=False)
    # When its collector was heard of last: what it says of now is older by a second or two.
    heard_at = models.DateTimeField(editable=False)
    # It has said that it ends: nobody watches there, and nobody misses it.
    has_left = models.BooleanField(default=False, editable=False)

    def __str__(self) -> str:
        return f"{self.edge} at {self.offset}"


class View(models.Model):
    """One viewer's stay at one broadcast. Partitioned by the UTC day of `began_at` (`analytics.partitions`)."""

    pk = CompositePrimaryKey("id", "began_at")
    id = models.UUIDField(editable=False)
    began_at = models.DateTimeField(editable=False)
    last_at = models.DateTimeField(editable=False)
    app_id = models.UUIDField(editable=False)
    livestream_id = models.UUIDField(editable=False)
    session_id = models.UUIDField(editable=False)
    edge = models.CharField(max_length=EDGE_MAX_LENGTH, editable=False)
    # HMAC with the salt of the day on which it began: 16 bytes that nobody can undo once the salt is gone.
    viewer = models.BinaryField(editable=False)
    identity = models.CharField(max_length=8, choices=ViewIdentity.choices, editable=False)
    device = models.CharField(max_length=8, choices=Device.choices, editable=False)
    # ISO 3166-1 alpha-2, or None where it is not known.
    country = models.CharField(max_length=2, null=True, editable=False)  # noqa: DJ001  # Unknown is no country.
    # 0 until it counts as one: it begins with two seconds of media.
    watched_ms = models.BigIntegerField(default=0, editable=False)
    has_begun = models.BooleanField(default=False, editable=False)
    # What its collector goes on counting with after a restart (`analytics.counting`); None once it is over.
    state = models.BinaryField(null=True, editable=False)
    # What its player has reported of itself (CMCD v2); all None where it reports nothing. Claims, but bounded by the
    # wall clock. One to whom nothing was delivered by the same name has a row as well, which has not begun.
    # From asking for it until pictures move; None where none did yet, or it was not told.
    startup_ms = models.IntegerField(null=True, editable=False)
    # Of pictures moving; of waiting for more in the middle of that, and how often. Starting and seeking are neither.
    played_ms = models.BigIntegerField(null=True, editable=False)
    stalled_ms = models.BigIntegerField(null=True, editable=False)
    stalls = models.IntegerField(null=True, editable=False)
    # Mean from a picture's capture to the viewer, while live was watched; for how long that was measured.
    latency_ms = models.IntegerField(null=True, editable=False)
    latency_measured_ms = models.BigIntegerField(null=True, editable=False)
    dropped_frames = models.IntegerField(null=True, editable=False)
    # Its player gave up, and called that so. None: it reports nothing.
    failed = models.BooleanField(null=True, editable=False)
    error_code = models.CharField(max_length=ERROR_CODE_MAX_LENGTH, null=True, editable=False)  # noqa: DJ001
    # It was asked for, and left before the first picture without an error.
    exited_before_start = models.BooleanField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["session_id", "began_at"], name="view_by_session"),
            models.Index(fields=["app_id", "began_at"], name="view_by_app"),
            # What a collector that starts goes on with.
            models.Index(fields=["edge"], condition=Q(state__isnull=False), name="view_open"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Minute(models.Model):
    """What was watched of a broadcast in one minute, by rendition and device."""

    pk = CompositePrimaryKey("session_id", "minute", "rendition", "device")
    session_id = models.UUIDField(editable=False)
    # Its beginning.
    minute = models.DateTimeField(editable=False)
    # v0, v1...; a0 for who heard it alone.
    rendition = models.CharField(max_length=RENDITION_MAX_LENGTH, editable=False)
    device = models.CharField(max_length=8, choices=Device.choices, editable=False)
    viewer_ms = models.BigIntegerField(default=0, editable=False)
    # Those that began in it.
    views = models.IntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"{self.session_id} {self.minute}"


class DayKind(models.TextChoices):
    """What of a broadcast's day a row is about."""

    ALL = "all", "All of it"
    COUNTRY = "country", "A country"
    DEVICE = "device", "A kind of device"
    RENDITION = "rendition", "A rendition"


class Day(models.Model):
    """What was watched of a broadcast on one UTC day, in all, or of one country, kind of device or rendition.

    Stays for ever, and is written along with each minute. The rows of a kind sum to that of all of it; nobody asks for
    two kinds at once, so there is no row for each country on each device: that would be ten times as many to go
    through.
    """

    pk = CompositePrimaryKey("session_id", "day", "kind", "key")
    app_id = models.UUIDField(editable=False)
    livestream_id = models.UUIDField(editable=False)
    session_id = models.UUIDField(editable=False)
    day = models.DateField(editable=False)
    kind = models.CharField(max_length=KIND_MAX_LENGTH, choices=DayKind.choices, editable=False)
    # Which of them; empty of all of it, and of a country that is not known.
    key = models.CharField(max_length=RENDITION_MAX_LENGTH, blank=True, editable=False)
    viewer_ms = models.BigIntegerField(default=0, editable=False)
    views = models.IntegerField(default=0, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["app_id", "kind", "day"], name="day_of_app"),
            models.Index(fields=["livestream_id", "kind", "day"], name="day_of_livestream"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.day} {self.key}".rstrip()


class QualityDay(models.Model):
    """What players reported of views that began on one UTC day, of an app, a livestream or a broadcast.

    In all, or of one country or kind of device. Written along with the views, and stays when they are dropped: counts
    and histograms (`analytics.histograms`), which add up over whatever is asked for.
    """

    # Named for its query: one scope's days, of one kind, whoever it is.
    pk = CompositePrimaryKey("scope_id", "kind", "day", "key")
    # Of an app, of a livestream or of a session.
    scope_id = models.UUIDField(editable=False)
    app_id = models.UUIDField(editable=False)
    day = models.DateField(editable=False)
    kind = models.CharField(max_length=KIND_MAX_LENGTH, choices=DayKind.choices, editable=False)
    key = models.CharField(max_length=RENDITION_MAX_LENGTH, blank=True, editable=False)
    # Views that were reported of, and which of them were given up by their player, or by their viewer before a picture.
    reported = models.IntegerField(editable=False)
    failed = models.IntegerField(editable=False)
    exited = models.IntegerField(editable=False)
    played_ms = models.BigIntegerField(editable=False)
    stalled_ms = models.BigIntegerField(editable=False)
    stalls = models.BigIntegerField(editable=False)
    # How many views took how long to start, and how far behind they were.
    startup = ArrayField(models.IntegerField(), editable=False)
    latency = ArrayField(models.IntegerField(), editable=False)

    def __str__(self) -> str:
        return f"{self.scope_id} {self.day} {self.key}".rstrip()


class SessionNow(models.Model):
    """How many watch a broadcast through one edge, as of a time; a row that is not renewed says nothing any more."""

    pk = CompositePrimaryKey("session_id", "edge")
    session_id = models.UUIDField(editable=False)
    edge = models.CharField(max_length=EDGE_MAX_LENGTH, editable=False)
    # Told apart by an id; by address, which is an estimate.
    counted = models.IntegerField(editable=False)
    estimated = models.IntegerField(editable=False)
    at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return f"{self.session_id} at {self.edge}"


class SessionFigures(models.Model):
    """All of a broadcast so far, over all edges."""

    session_id = models.UUIDField(primary_key=True, editable=False)
    viewer_ms = models.BigIntegerField(default=0, editable=False)
    views = models.IntegerField(default=0, editable=False)
    # The most who watched at once, how many of them are an estimate, and when that was; None before anybody has.
    peak = models.IntegerField(default=0, editable=False)
    peak_estimated = models.IntegerField(default=0, editable=False)
    peak_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return str(self.session_id)


class DailySalt(models.Model):
    """What viewers of a UTC day are hashed with; removed after 48 hours, so that nobody can tell who it was."""

    day = models.DateField(primary_key=True, editable=False)
    salt = models.BinaryField(editable=False)

    def __str__(self) -> str:
        return str(self.day)


class UpkeepStep(models.Model):
    """How one of the things that are done regularly to these rows went last."""

    name = models.CharField(max_length=32, primary_key=True, editable=False)
    # None: it has never been done.
    done_at = models.DateTimeField(null=True, editable=False)
    # Since when it has gone wrong each time, and why the last time; None and empty while all is well.
    failing_since = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=255, blank=True, editable=False)

    def __str__(self) -> str:
        return self.name
