"""The pictures of the scrub bar: each is fetched by itself while it is new, and later in a strip with others.

Files never change, so caches keep them; only the list of them does. The list is also what a later epoch goes on from.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from streams.media.stills import files, jpeg, preview, storyboard
from streams.media.stills.storyboard import Picture

SUFFIX = "jpg"
_LEAST_S = 10
# For the longest windows less often: nobody can point at more places than that.
_MOST_PICTURES = 720
_PER_STRIP = 25
# For how long files outlast their segments, or what else nobody is told of any more: players read the list again when
# somebody points at the bar.
_GRACE_MS = 60_000


class Scrubbing:
    """Takes what ffmpeg writes into the folder of pictures, and tells of it in the session's folder."""

    def __init__(self, folder: Path, *, epoch: int, window_s: int) -> None:
        """Go on with what earlier epochs have left.

        :raises OSError: when it cannot be read.
        """
        self.every_s = max(_LEAST_S, -(-window_s // _MOST_PICTURES))
        self._folder = folder
        self._epoch = epoch
        self._window_ms = window_s * 1000
        self._list = folder / files.STORYBOARD_NAME
        self._drafts = folder / files.FOLDER
        self._pictures = deque(storyboard.parse(self._list.read_text()) if self._list.exists() else ())
        # Of ours, those that are in no strip yet.
        self._loose: deque[Picture] = deque()
        self._newest_shown_cs: int | None = None
        # Files that only older lists name, and since when.
        self._unlisted = deque(self._left_unlisted())

    def look(self, names: Iterable[str], *, clock_ms: float) -> None:
        """Take what is new; `clock_ms` is what to add to the stream's own milliseconds for those since 1970.

        :raises OSError: when it cannot be read or written.
        :raises StillError: when it is not what we understand.
        """
        found = (files.parse_name(name, suffix=SUFFIX) for name in names)
        ours = sorted(shown_cs for epoch, shown_cs in filter(None, found) if epoch == self._epoch)
        new = [shown_cs for shown_cs in ours if self._newest_shown_cs is None or shown_cs > self._newest_shown_cs]
        for shown_cs in new:
            self._take(shown_cs, at_ms=round(shown_cs * 10 + clock_ms))
        if new:
            self._newest_shown_cs = new[-1]
            self._make_room()
            listed = storyboard.render(self._pictures, every_ms=self.every_s * 1000)
            files.replace(self._list, listed.encode(), drafts=self._drafts)

    def _take(self, shown_cs: int, *, at_ms: int) -> None:
        file = f"{files.FOLDER}/{files.name_of(epoch=self._epoch, shown_cs=shown_cs, suffix=SUFFIX)}"
        if self._pictures and at_ms <= self._pictures[-1].at_ms:
            # Another run's clock was ahead.
            (self._folder / file).unlink()
            return
        width, height = jpeg.size_of((self._folder / file).read_bytes())
        picture = Picture(at_ms, file, 0, width, height)
        self._pictures.append(picture)
        self._loose.append(picture)
        if len(self._loose) == _PER_STRIP:
            self._bind()

    def _bind(self) -> None:
        """Put what is loose into a strip; what it was in stays for those who have an older list."""
        loose = list(self._loose)
        first, count = Path(loose[0].file), len(loose)
        strip = f"{files.FOLDER}/{first.stem}-{count}.{SUFFIX}"
        data = jpeg.stack([(self._folder / picture.file).read_bytes() for picture in loose])
        files.replace(self._folder / strip, data, drafts=self._drafts)
        for number, picture in enumerate(loose):
            self._pictures[number - count] = replace(picture, file=strip, top=number * picture.height)
        self._unlisted += ((loose[-1].at_ms, picture.file) for picture in loose)
        self._loose.clear()

    def _make_room(self) -> None:
        """Forget what is out of the window, and remove a file when nothing in it is listed."""
        unread_ms = self._pictures[-1].at_ms - _GRACE_MS
        while self._unlisted and self._unlisted[0][0] < unread_ms:
            self._remove(self._unlisted.popleft()[1])
        while self._pictures[0].at_ms < unread_ms - self._window_ms:
            gone = self._pictures.popleft()
            if self._loose and self._loose[0] == gone:
                self._loose.popleft()
            if self._pictures[0].file != gone.file:
                self._remove(gone.file)

    def _left_unlisted(self) -> Iterator[tuple[int, str]]:
        """Yield what the last epoch has left and no list names."""
        listed = {picture.file for picture in self._pictures}
        since_ms = self._pictures[-1].at_ms if self._pictures else 0
        there = [path for path in (self._folder / files.FOLDER).iterdir() if path.suffix != f".{preview.SUFFIX}"]
        yield from ((since_ms, file) for path in there if (file := f"{files.FOLDER}/{path.name}") not in listed)

    def _remove(self, file: str) -> None:
        (self._folder / file).unlink(missing_ok=True)
