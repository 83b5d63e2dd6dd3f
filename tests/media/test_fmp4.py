import pytest

from streams.media.fmp4 import Fmp4Error, codec_strings


class TestCodecStrings:
    @pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x08free", b"\x00\x00\x00\x00moov"])
    def test_refuses_what_holds_no_track(self, data: bytes) -> None:
        with pytest.raises(Fmp4Error):
            codec_strings(data)
