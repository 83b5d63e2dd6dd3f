"""What an encoder announces of its AAC sound.

Source: ISO/IEC 14496-3 1.6.2.1 (AudioSpecificConfig), table 1.18 (rates).
"""

from dataclasses import dataclass

_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_LOW_COMPLEXITY = 2
# Of every frame.
SAMPLES = 1024
# Rates that sound may be passed through at: parts that are whole frames of others would be too short.
PASSABLE_RATES = (48_000, 44_100)


@dataclass(frozen=True)
class AacConfig:
    """`rate` in Hz; no channels where a program says it in the stream itself."""

    object_type: int
    rate: int
    channels: int

    @property
    def is_low_complexity(self) -> bool:
        return self.object_type == _LOW_COMPLEXITY

    @property
    def is_passable(self) -> bool:
        """Every browser decodes it, and parts of it are long enough."""
        return self.is_low_complexity and self.channels in {1, 2} and self.rate in PASSABLE_RATES


def parse_aac_config(config: bytes) -> AacConfig | None:
    """Return what an AudioSpecificConfig says, None when it is torn or says it in a way that encoders do not."""
    if len(config) < 2:
        return None
    bits = int.from_bytes(config[:2])
    index = bits >> 7 & 0xF
    if index >= len(_RATES):
        return None
    return AacConfig(bits >> 11, _RATES[index], bits >> 3 & 0xF)


def aac_config(*, rate: int, channels: int) -> bytes:
    """Return the AudioSpecificConfig of AAC-LC; 48 kHz where that rate is none of AAC's."""
    index = _RATES.index(rate if rate in _RATES else 48_000)
    return (_LOW_COMPLEXITY << 11 | index << 7 | channels << 3).to_bytes(2)
