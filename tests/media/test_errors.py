"""What people are told of an error, and what only the log says."""

import pytest

from streams.media.errors import (
    FeedFailedError,
    IngestSilentError,
    MediaError,
    NoPictureError,
    PullFailedError,
    SourceLostError,
    SourceRefusedError,
    StorageFullError,
    TranscoderFailedError,
)
from streams.media.nginx_rtmp import IngestUnavailableError

_WORDS = "[hls @ 0x55] failed to open /var/lib/livehub/playback/x.m4s"


class TestTold:
    @pytest.mark.parametrize(
        "kind",
        [
            FeedFailedError,
            IngestSilentError,
            IngestUnavailableError,
            PullFailedError,
            StorageFullError,
            TranscoderFailedError,
        ],
    )
    def test_is_a_sentence_where_the_message_is_for_the_log(self, kind: type[MediaError]) -> None:
        error = kind(_WORDS)

        assert str(error) == _WORDS
        assert error.told.endswith(".")
        assert "/" not in error.told

    @pytest.mark.parametrize("kind", [NoPictureError, SourceLostError, SourceRefusedError])
    def test_is_the_message_where_that_says_what_to_do(self, kind: type[MediaError]) -> None:
        assert kind("Set the encoder's video codec to H.264.").told == "Set the encoder's video codec to H.264."
