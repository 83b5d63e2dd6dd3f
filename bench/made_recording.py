"""A broadcast of hours and its recording, made within a running stack (`manage.py shell`) in minutes.

Its segments are written as the packager writes them, by the minute, and taken on by the recorder's own task after each;
prints figures of that, and where the file is to be had, as JSON.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from livehub.core import clock
from streams.livestreams import leases
from streams.livestreams.services import create_livestream
from streams.media.fragments import Fragment, Init
from streams.models import App, Connection, Lease, Livestream, Recording, RecordingPart, Session
from streams.organizations.services import SYSTEM
from streams.recordings import services
from streams.recordings.advancing import advance_recording
from streams.recordings.links import download_link
from tests.media.clips import flv
from tests.media.shelved_clips import ShelvedTrack
from tests.recordings.broadcast import MadeBroadcast, is_over
from tests.runs import ENCODER, connected

_SEGMENT_S = 2
# In which whole frames of sound go.
_CLIP_S, _SOUND_FRAMES = 8, 375
_FRAMES_PER_S = 30
_LOOKS_PER_HOUR = 60
_LONG = timedelta(hours=1)
# A node that no worker of the stack serves.
_NODE = "bench"


def main(*, hours: int, kbps: int) -> None:
    began_ms = clock.epoch_ms(clock.now()) - hours * 3_600_000
    session, lease = _on_air(kbps=kbps)
    broadcast = MadeBroadcast(session, began_ms=began_ms, tracks=_tracks(kbps))
    assert session.livestream is not None
    recording = _recording_of(session.livestream)
    used_s = 0.0
    for _ in range(hours * _LOOKS_PER_HOUR):
        broadcast.add(3600 // _LOOKS_PER_HOUR // _SEGMENT_S)
        before_s = _used_s()
        advance_recording(recording_id=recording.pk)
        used_s += _used_s() - before_s
    broadcast.end()
    is_over(lease)
    found = _finished_by_another_process(recording)
    recording.refresh_from_db()
    link = download_link(recording)
    last = RecordingPart.objects.filter(recording=recording).order_by("number").last()
    found |= {
        "status": recording.status,
        "is_verified": recording.is_verified,
        "problem": recording.problem,
        "duration_s": recording.duration_s,
        "size_mb": (recording.size or 0) / 1e6,
        "moov_mb": ((recording.size or 0) - recording.taken_bytes) / 1e6,
        "parts": last.number if last else 0,
        "live_ms_per_s": used_s * 1000 / (hours * 3600),
        "url": link.url if link else "",
    }
    # Handed out by the stack, in whose folder it is.
    Recording.objects.filter(pk=recording.pk).update(node=settings.NODE)
    print(json.dumps(found))


def finish(pk: str) -> None:
    """Do what a worker's process does once a broadcast is over, and print what it took."""
    began_s, before_s, before_mb = time.monotonic(), _used_s(), _rss_mb()
    advance_recording(recording_id=UUID(pk))
    found = {"verified_in_s": time.monotonic() - began_s, "end_cpu_s": _used_s() - before_s}
    print(json.dumps(found | {"before_mb": before_mb, "rss_mb": _rss_mb()}))


def _finished_by_another_process(recording: Recording) -> dict[str, Any]:
    """Have it finished where nothing else takes memory: what makes the broadcast has its clip, and all its rows."""
    code = f"from bench.made_recording import finish; finish({str(recording.pk)!r})"
    run = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def _on_air(*, kbps: int) -> tuple[Session, Lease]:
    """Have a broadcast on air that no sweep ends and no worker runs."""
    livestream = create_livestream(app=App.objects.get(is_default=True), name="Marathon", actor=SYSTEM)
    session = connected(livestream, encoder=replace(ENCODER, node=_NODE))
    session.source = {"video_kbps": kbps}
    session.save(update_fields=["source"])
    lease = leases.claim_session(session_id=session.pk, worker="bench", node=_NODE)
    assert lease is not None  # Nobody else serves that node.
    leases.mark_live(lease)
    later = clock.now() + _LONG
    Connection.objects.filter(session=session).update(last_seen_at=later)
    Lease.objects.filter(session=session).update(until=later)
    return Session.objects.select_related("livestream").get(pk=session.pk), lease


def _recording_of(livestream: Livestream) -> Recording:
    """Begin one that takes all that there was, and that no worker of the stack takes on."""
    recording = services.start_recording(livestream=livestream, new=services.NewRecording(), actor=SYSTEM)
    Recording.objects.filter(pk=recording.pk).update(from_ms=None, node=_NODE)
    return recording


def _tracks(kbps: int) -> dict[str, tuple[Init, tuple[Fragment, ...]]]:
    """Return 8 s of 720p30 with sound, of so many kbit/s whatever it shows, a fragment for each segment."""
    rate = f"nal-hrd=cbr:bitrate={kbps}:vbv-maxrate={kbps}:vbv-bufsize={kbps}:bframes=2"
    clip = flv(size="1280x720", gop=_SEGMENT_S * _FRAMES_PER_S, seconds=_CLIP_S, x264=rate)
    frames = {"v0": _CLIP_S * _FRAMES_PER_S, "a0": _SOUND_FRAMES}
    return {slot: _track(ShelvedTrack(clip, slot[0]), count) for slot, count in frames.items()}


def _track(track: ShelvedTrack, count: int) -> tuple[Init, tuple[Fragment, ...]]:
    frames = track.frames[:count]
    segments = _CLIP_S // _SEGMENT_S
    bounds = [round(number * count / segments) for number in range(segments + 1)]
    made = []
    for begin, end in pairwise(bounds):
        group = frames[begin:end]
        payload = b"".join(frame.payload for frame in group)
        made.append(Fragment(group[0].at, tuple(frame.sample for frame in group), memoryview(payload)))
    return Init(track.init, track.timescale), tuple(made)


def _used_s() -> float:
    # With the programs that look at the file.
    return sum(os.times()[:4])


def _rss_mb() -> float:
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024
