"""The sound of a recording as a file of its own, which is made while it is read: nothing is stored of it."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from streams.media.recording.clips import sound_alone
from streams.media.recording.movie import Movie
from streams.recordings.stores.base import Store


class SoundAlone:
    """An M4A whose bytes are those of the recording, behind a beginning of its own; `size` in bytes."""

    def __init__(self, movie: Movie, store: Store, name: str) -> None:
        """Compose the sound of the movie that is stored under that name.

        :raises MovieError: when it has none.
        """
        self._composition = sound_alone(movie)
        self._store = store
        self._name = name
        lengths = [len(self._composition.head), *(each.length for each in self._composition.ranges)]
        # Where each piece begins; the first is the beginning.
        self._places = [0, *accumulate(lengths)]

    @property
    def size(self) -> int:
        return self._places[-1]

    def read(self, offset: int, length: int) -> bytes:
        """Return those bytes of it.

        :raises StoreError: when the store does not give them.
        """
        return b"".join(self._pieces(offset, min(offset + length, self.size)))

    def _pieces(self, begin: int, end: int) -> Iterator[bytes]:
        number = bisect_right(self._places, begin) - 1
        while begin < end:
            until = min(end, self._places[number + 1])
            yield self._piece(number, begin - self._places[number], until - begin)
            begin, number = until, number + 1

    def _piece(self, number: int, at: int, length: int) -> bytes:
        if number == 0:
            return self._composition.head[at : at + length]
        found = self._composition.ranges[number - 1]
        return self._store.read(self._name, offset=found.offset + at, length=length)
