"""Reading what ffmpeg's filters print, as soon as it is there: nobody makes ffmpeg wait, and nobody waits for it."""

import os
import select
import threading

from streams.media.doctor.doctor import Doctor
from streams.media.ffmpeg import Looks

_READ_SIZE = 1 << 16


class Ears:
    """Two pipes for ffmpeg to write to, and a thread that reads them until both are closed, or `close`."""

    def __init__(self, doctor: Doctor) -> None:
        (picture, *pictures), (sound, *sounds) = os.pipe(), os.pipe()
        # The ends to write to: of the picture and the sound.
        self.pipes = (*pictures, *sounds)
        self._told = {picture: doctor.hear_picture, sound: doctor.hear_sound}
        self._stopping, self._stops = os.pipe()
        self._is_handed_over = False
        self._thread = threading.Thread(target=self._run, name="ears", daemon=True)
        self._thread.start()

    @property
    def looks(self) -> Looks:
        """What ffmpeg is told of them."""
        return Looks(*self.pipes)

    def hand_over(self) -> None:
        """Let ffmpeg alone have the writing ends, so that its end is theirs."""
        if not self._is_handed_over:
            self._is_handed_over = True
            for pipe in self.pipes:
                os.close(pipe)

    def join(self) -> None:
        """Return when both are at their end."""
        self._thread.join()

    def close(self) -> None:
        """End the thread at once, whatever has not been read."""
        self.hand_over()
        os.close(self._stops)
        self._thread.join()

    def _run(self) -> None:
        poll = select.poll()
        for descriptor in (self._stopping, *self._told):
            poll.register(descriptor, select.POLLIN)
        try:
            self._read(poll)
        finally:
            # Whoever still writes is told that nobody reads, and goes on.
            for descriptor in (self._stopping, *self._told):
                os.close(descriptor)

    def _read(self, poll: "select.poll") -> None:
        left = set(self._told)
        while left:
            for descriptor, _ in poll.poll():
                if descriptor == self._stopping:
                    return
                if piece := os.read(descriptor, _READ_SIZE):
                    self._told[descriptor](piece)
                else:
                    poll.unregister(descriptor)
                    left.discard(descriptor)
