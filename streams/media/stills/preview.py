"""The preview: an animation of a broadcast's last pictures, for lists."""

from collections.abc import Iterable
from pathlib import Path

from streams.media.stills import files, webp

SUFFIX = "webp"
_FRAMES = 8
_FRAME_MS = 500


class Preview:
    """Puts together what ffmpeg writes into the folder of pictures, whichever epoch's it is."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder / files.FOLDER
        self._path = path
        self._shown: list[str] = []

    def look(self, names: Iterable[str]) -> None:
        """Make the preview anew when there is something new.

        :raises OSError: when it cannot be read or written.
        :raises StillError: when it is not what we understand.
        """
        dated = ((shown_at, name) for name in names if (shown_at := files.parse_name(name, suffix=SUFFIX)) is not None)
        frames = [name for _, name in sorted(dated)]
        shown, old = frames[-_FRAMES:], frames[:-_FRAMES]
        if shown != self._shown:
            pictures = [(self._folder / name).read_bytes() for name in shown]
            files.replace(self._path, webp.animate(pictures, frame_ms=_FRAME_MS), drafts=self._folder)
            self._shown = shown
        for name in old:
            (self._folder / name).unlink(missing_ok=True)
