"""All small pictures of a session: looked at now and then, and never in the way of its media."""

import logging
from pathlib import Path

from streams.media.ffmpeg import Stills
from streams.media.stills import files, preview, scrubbing
from streams.media.stills.errors import StillError
from streams.media.stills.preview import Preview
from streams.media.stills.scrubbing import Scrubbing

logger = logging.getLogger(__name__)


class Gallery:
    """What ffmpeg writes into `<session>/pictures` becomes the storyboard, and the preview."""

    def __init__(self, folder: Path, *, epoch: int, dvr_window_s: int, preview_path: Path) -> None:
        """Go on with what is there of the session.

        :raises OSError: when files cannot be read or written.
        """
        self._epoch = epoch
        self._folder = folder / files.FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._scrubbing = Scrubbing(folder, epoch=epoch, window_s=dvr_window_s)
        self._preview = Preview(folder, preview_path)
        self._is_broken = False

    def stills(self, *, thumbnail_path: Path, thumbnail_s: int) -> Stills:
        """Return what ffmpeg is to write."""
        return Stills(
            thumbnail_path,
            thumbnail_s,
            frames=files.pattern(self._folder, epoch=self._epoch, suffix=preview.SUFFIX),
            small=files.pattern(self._folder, epoch=self._epoch, suffix=scrubbing.SUFFIX),
            small_s=self._scrubbing.every_s,
        )

    def look(self, *, clock_ms: float) -> None:
        """Take in what is new; `clock_ms` as in `Scrubbing.look`. Side effects: the storyboard, the preview.

        :raises OSError: when it cannot be read or written.
        """
        if self._is_broken:
            return
        try:
            names = [path.name for path in self._folder.iterdir()]
            self._scrubbing.look(names, clock_ms=clock_ms)
            self._preview.look(names)
        except FileNotFoundError:
            # Removed with its livestream: the run finds out when it checks in.
            logger.info("the pictures are gone folder=%s", self._folder)
        except StillError:
            # Another ffmpeg than we know. A broadcast without them is better than none.
            logger.exception("no more pictures of this run folder=%s", self._folder)
            self._is_broken = True
