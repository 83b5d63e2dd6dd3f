"""One encoder's connection, from the ingest server up to us: the pull, what it reads, and why nothing comes."""

from contextlib import ExitStack

from streams.media import ffmpeg
from streams.media.encoder_watch import EncoderWatch
from streams.media.errors import SourceChangedError
from streams.media.intake import Intake
from streams.media.nginx_rtmp import IngestServer
from streams.media.outlet import Outlet
from streams.media.process import running
from streams.media.progress import AwakeClock

# What it may write to: measured with 4K on 2 cores, 125 MB (8K: 192). What needs several times that was made to.
_MEMORY_MB = 512


class Pull:
    """Pulls a stream into an outlet until it is closed; by the thread that made it."""

    def __init__(self, server: IngestServer, name: str, *, outlet: Outlet, clock: AwakeClock) -> None:
        self.name = name
        self._outlet = outlet
        self._stack = ExitStack()
        argv = ffmpeg.pull_argv(server.pull_url(name))
        self._child = self._stack.enter_context(
            running(argv, label=f"pull {name}", feeds=True, memory_mb=_MEMORY_MB, awaited=ffmpeg.LATE_SOUND)
        )
        self.intake = Intake(self._child.stdout)
        self._watch = EncoderWatch(server, name, clock)
        self._received_bytes = self._video_bytes = 0
        outlet.connect(self.intake)

    def look(self) -> tuple[bool, bool]:
        """Tell whether something came since the last look, and whether the encoder has left.

        :raises MediaError: when what comes cannot be used, or nothing does: see `EncoderWatch.look`.
        """
        if self.intake.failure is not None:
            raise self.intake.failure
        if self._child.has_said_what_was_awaited:
            raise SourceChangedError("The encoder has begun to send sound.")
        before, self._received_bytes = self._received_bytes, self.intake.received_bytes
        video_before, self._video_bytes = self._video_bytes, self.intake.video_bytes
        is_pushing, has_more = self._outlet.is_pushing, self._received_bytes > before
        # Pushing is part of the flow of sound, too; if nothing comes meanwhile, the transcoder takes nothing.
        has_input = has_more or is_pushing
        has_picture = self._video_bytes > video_before or (is_pushing and not has_more)
        has_left = self._watch.look(has_input=has_input, has_picture=has_picture, is_over=self.intake.is_over)
        return has_input, has_left

    def kill(self) -> None:
        """End what comes; what has come stays."""
        self._child.kill()

    def close(self) -> None:
        """Let the outlet go on without it."""
        self._outlet.disconnect()
        self._stack.close()
