"""A broadcast's files as a run leaves them, made of a short clip: no encoder, no worker."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from streams.livestreams import leases
from streams.livestreams.states import EndReason
from streams.livestreams.storage import local_storage
from streams.media.fmp4 import codec_strings
from streams.media.fragments import Fragment, FragmentReader, Init, render_fragment
from streams.media.journal import SlotBegan
from streams.media.shelf import Made, Shelf, end_session
from streams.models import Lease, Recording, Session
from streams.recordings import taking
from tests.media.clips import made_once
from tests.runs import claimed

CLIP_S = 6
SEGMENT_S = 1.0
_MOVFLAGS = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1"]
_PICTURE = ["-f", "lavfi", "-i", f"testsrc2=s=320x180:r=30:d={CLIP_S}", "-c:v", "libx264", "-preset", "veryfast"]
_SOUND = ["-f", "lavfi", "-i", f"sine=r=48000:d={CLIP_S}", "-c:a", "aac", "-ac", "2", "-frag_duration", "1000000"]
_GOP = ["-g", "30", "-bf", "2", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]


class MadeBroadcast:
    """Writes segments of picture and sound, as long as it is told to; times go on from `began_ms`.

    They are those of `tracks`, over and over, by slot; of a short clip, a second each, where none are given.
    """

    def __init__(
        self,
        session: Session,
        *,
        began_ms: int,
        epoch: int = 1,
        tracks: Mapping[str, tuple[Init, tuple[Fragment, ...]]] | None = None,
        window_s: int = 3600,
    ) -> None:
        self.folder = folder_of(session)
        self._shelf = Shelf(
            self.folder, epoch=epoch, part_target_s=0.3, target_s=4, dvr_window_s=window_s, told=lambda: None
        )
        self._tracks = tracks or {slot: clip(slot) for slot in ("v0", "a0")}
        slots = {slot: _slot(slot, init) for slot, (init, _) in self._tracks.items()}
        self._shelf.begin_run(slots, {slot: init.data for slot, (init, _) in self._tracks.items()}, zero_ms=began_ms)
        self._next = dict.fromkeys(self._tracks, 0)
        self._at_us = dict.fromkeys(self._tracks, began_ms * 1000)
        self._sequence = 0
        self._cuts = 0

    def add(self, count: int) -> None:
        """Close so many segments more."""
        for _ in range(count):
            for slot in self._tracks:
                self._add(slot)

    def _add(self, slot: str) -> None:
        init, fragments = self._tracks[slot]
        number = self._next[slot]
        fragment, rounds = fragments[number % len(fragments)], number // len(fragments)
        length = fragments[-1].end_time - fragments[0].decode_time
        decode_time = fragment.decode_time - fragments[0].decode_time + rounds * length
        duration_us = (fragment.end_time - fragment.decode_time) * 1_000_000 // init.timescale
        self._sequence += 1
        head = render_fragment(self._sequence, decode_time, fragment.samples)
        made = Made(
            at_ms=self._at_us[slot] // 1000,
            duration_us=duration_us,
            is_independent=True,
            is_hidden=False,
            key_size=len(head) + fragment.samples[0].size if slot == "v0" else 0,
            content=head + bytes(fragment.payload),
        )
        self._shelf.add(slot, made)
        self._shelf.close_segment(slot)
        self._next[slot] += 1
        self._at_us[slot] += duration_us

    def cut(self, *, shows_slate: bool) -> None:
        """Go on behind a splice: with the slate, or with an encoder's picture again."""
        self._cuts += 1
        for slot, (init, _) in self._tracks.items():
            self._shelf.cut(_slot(slot, init), init.data, number=self._cuts, shows_slate=shows_slate)

    def end(self) -> None:
        """Say that nothing will follow, as the run's end does."""
        self._shelf.close()
        end_session(self.folder)


def folder_of(session: Session) -> Path:
    return local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)


def went_live(session: Session) -> Lease:
    """Have a worker take the session, and viewers be able to play it."""
    lease = claimed(session)
    leases.mark_live(lease)
    return lease


def is_over(lease: Lease) -> None:
    """End the session as its run does whose encoder has left."""
    leases.finish_session(lease, reason=EndReason.ENCODER_STOPPED)


def taken(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> Recording:
    """End the broadcast, and return the recording that has taken all of it, and has not been closed."""
    broadcast.end()
    is_over(lease)
    over = Recording.objects.get(pk=recording.pk)
    assert taking.take(over)
    over.is_taken = True
    over.save(update_fields=["is_taken"])
    return over


@cache
def clip(slot: str) -> tuple[Init, tuple[Fragment, ...]]:
    """Return a track of the clip, a fragment for each second."""
    how = [*_PICTURE, *_GOP] if slot == "v0" else _SOUND
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", *how, *_MOVFLAGS]
    found = list(FragmentReader().feed(made_once(argv)))
    (init,) = (each for each in found if isinstance(each, Init))
    # What is left of the sound at its end is no second.
    return init, tuple(each for each in found if isinstance(each, Fragment))[:CLIP_S]


def _slot(slot: str, init: Init) -> SlotBegan:
    width, height, millifps = (320, 180, 30_000) if slot == "v0" else (0, 0, 0)
    return SlotBegan(slot, codec_strings(init.data)[0], width, height, millifps)
