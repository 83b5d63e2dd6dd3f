"""A recording's task is killed, wherever it is: the file is the same, and hardly anything is sent twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.db import connection
from pytest_django import Settings

from livehub.core import clock
from streams.media.played_file import probe_file
from streams.models import Recording, RecordingPart, Session
from streams.organizations.services import SYSTEM
from streams.recordings import services, storing
from streams.recordings.advancing import advance_recording
from streams.recordings.renditions import FileForm
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.services import HANG_S

pytestmark = pytest.mark.django_db(transaction=True)
_PART = 60_000


class Killing:
    """A broadcast that is over, with two recordings of the same: one is taken on in peace, the other is not.

    `sent_live`: parts were sent while it was on air, by nobody who was killed.
    """

    def __init__(
        self, session: Session, folder: Path, *, rendition: FileForm | None = None, sent_live: bool = False
    ) -> None:
        self._folder = folder
        self._renderings = 2 if rendition is not None else 0
        lease = went_live(session)
        broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
        broadcast.add(8)
        (self.peaceful,) = Recording.objects.all()
        livestream = self.peaceful.livestream
        assert livestream is not None
        new = services.NewRecording(allows_multiple=True, rendition=rendition)
        self.killed = services.start_recording(livestream=livestream, new=new, actor=SYSTEM)
        Recording.objects.update(from_ms=None, part_size=_PART)
        if sent_live:
            advance_recording(recording_id=self.peaceful.pk)
            advance_recording(recording_id=self.killed.pk)
        self._sent = self.killed.parts.count()
        broadcast.add(4 if sent_live else 0)
        broadcast.end()
        is_over(lease)
        advance_recording(recording_id=self.peaceful.pk)

    def run(self, *moments: int, counts_statements: bool = False) -> list[dict[str, Any]]:
        """Take the other on in as many processes as there are moments, which are killed then; 0: not killed."""
        asked = {
            "recording_id": str(self.killed.pk),
            "folder": str(self._folder),
            "moments": moments,
            "counts_statements": counts_statements,
            "renderings": self._renderings,
            "database": connection.settings_dict["NAME"],
            "settings": {
                "PLAYBACK_DIR": str(live_settings.PLAYBACK_DIR),
                "RECORDING_SPOOL_DIR": str(live_settings.RECORDING_SPOOL_DIR),
                "RECORDINGS_DIR": str(live_settings.RECORDINGS_DIR),
                "RECORDINGS_PLAYED_DIR": str(live_settings.RECORDINGS_PLAYED_DIR),
                "DISK_STOP_PERCENT": 100,
                "DISK_STOP_MB": 0,
            },
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.recordings.killed"],
            input=json.dumps(asked),
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * HANG_S,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check(self, told: list[dict[str, Any]], *, kills: int) -> None:
        """Check that both files are one, and how much was sent for that."""
        self.peaceful.refresh_from_db()
        self.killed.refresh_from_db()
        store = storing.folder_store()
        assert self.peaceful.is_verified
        assert (self.killed.status, self.killed.is_verified, self.killed.problem) == ("uploaded", True, "")
        assert store.path(self.killed.object_name).read_bytes() == store.path(self.peaceful.object_name).read_bytes()
        sent = self._sent + sum(each["sent"] for each in told)
        parts = RecordingPart.objects.filter(recording=self.killed).count()
        # What was sent before its size was known begins otherwise then.
        again = 1 if self._sent else 0
        assert parts + again <= sent <= parts + again + kills


@pytest.fixture
def killing(session: Session, tmp_path: Path, settings: Settings) -> Killing:
    return Killing(session, tmp_path)


def test_every_few_operations(killing: Killing) -> None:
    # The later ones find less to do: the last few are not killed any more.
    moments = (3, 12, 20, 3, 2, 9, 0)

    told = killing.run(*moments)

    killing.check(told, kills=len(moments) - 1)


def test_while_its_first_part_is_sent_again(session: Session, tmp_path: Path) -> None:
    killing = Killing(session, tmp_path, sent_live=True)
    assert killing.killed.parts.count() > 1
    # The first sends all that is left of it; the others come to its first part again, and some statements further.
    moments = (94, *range(19, 26))

    told = killing.run(*moments, 0, counts_statements=True)

    killing.check(told, kills=len(moments))


def test_while_other_files_are_made_of_it(session: Session, tmp_path: Path) -> None:
    wanted = FileForm(codec="VP8", width=160, height=90, sound_codec="VORBIS", has_sound_file=True)
    killing = Killing(session, tmp_path, rendition=wanted)

    # Each of the first has come as far as to be stored as it was broadcast.
    killing.run(60, 62, 64, 66, 0)

    killing.killed.refresh_from_db()
    assert (killing.killed.problem, killing.killed.status) == ("", "uploaded")
    assert [*killing.killed.renderings.values_list("status", flat=True)] == ["stored", "stored"]
    for made in killing.killed.renderings.all():
        path = storing.folder_store().path(made.object_name)
        assert path.stat().st_size == made.size
        assert probe_file(path).duration_us > 6_000_000
    assert not [*Path(live_settings.RECORDING_SPOOL_DIR).glob(f"{killing.killed.pk.hex}/*")]


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("step", "counts_statements"), [(1, False), (2, False), (3, False), (5, False), (3, True), (7, True), (10, True)]
)
@pytest.mark.parametrize("sent_live", [False, True])
def test_at_many_moments(session: Session, tmp_path: Path, sent_live: bool, step: int, counts_statements: bool) -> None:
    killing = Killing(session, tmp_path, sent_live=sent_live)
    # A process may not come further than the one before: each next one is let do a little more.
    moments = [1 + number * step for number in range(20)]

    told = killing.run(*moments, 0, counts_statements=counts_statements)

    killing.check(told, kills=len(moments))
