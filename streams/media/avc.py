"""What an encoder announces of its H.264 picture: its size, read before anything is decoded.

Source: ISO/IEC 14496-15 5.3.3.1 (the record), ITU-T H.264 7.3.2.1.1 (the sequence parameter set).
"""

import re
from dataclasses import dataclass

# From the record's version up to its parameter sets: version, profile, constraints, level, lengths, number of sets.
_FIRST_SET_AT = 6
_LENGTHS_AT = 4
_LENGTH_SIZE = 4
_SET_TYPE = 7
_DELIMITER = 9
# Of pictures: a slice, its partitions, a slice of an IDR picture.
_SLICES = frozenset({1, 2, 3, 4, 5})
# Profiles that say more of their colours, with other fields in between.
_PROFILES_WITH_CHROMA = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 138, 139, 134, 135, 244})
_CHROMA_420, _CHROMA_422, _CHROMA_444 = 1, 2, 3
_MACROBLOCK = 16
# A picture's slices come after a few units that describe it; who sends thousands of others means harm.
_MOST_DESCRIBING = 64
# Nothing in a parameter set needs more; a number that begins with more zeros is nonsense.
_LONGEST_PREFIX = 31


@dataclass(frozen=True)
class PictureSize:
    """In pixels: what is shown, and the whole macroblocks that have to be decoded for it."""

    width: int
    height: int
    coded_width: int
    coded_height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def find_picture_size(record: bytes) -> PictureSize | None:
    """Return what an AVCDecoderConfigurationRecord announces, None when it is not readable."""
    size = int.from_bytes(record[_FIRST_SET_AT : _FIRST_SET_AT + 2])
    parameter_set = record[_FIRST_SET_AT + 2 : _FIRST_SET_AT + 2 + size]
    if len(parameter_set) < 4 or parameter_set[0] & 0x1F != _SET_TYPE:
        return None
    try:
        return _size(parameter_set)
    except EOFError:
        return None


def find_parameter_sets(record: bytes) -> tuple[bytes, ...]:
    """Return the sequence and picture parameter sets of an AVCDecoderConfigurationRecord, none when it is torn."""
    found: list[bytes] = []
    position = _FIRST_SET_AT - 1
    for is_sequence in (True, False):
        count = record[position] & (0x1F if is_sequence else 0xFF) if position < len(record) else 0
        position += 1
        for _ in range(count):
            size = int.from_bytes(record[position : position + 2])
            unit = record[position + 2 : position + 2 + size]
            if not unit or len(unit) < size:
                return ()
            found.append(unit)
            position += 2 + size
    return tuple(found)


def length_size(record: bytes) -> int:
    """Return in how many bytes the length of each unit is told, 0 when the record is torn."""
    return (record[_LENGTHS_AT] & 3) + 1 if len(record) > _LENGTHS_AT else 0


def with_parameter_sets(units: bytes, sets: tuple[bytes, ...]) -> bytes:
    """Return a key frame that can be decoded by itself; lengths take four bytes, in it as well.

    One that has its own sequence parameter set is left as it is. A delimiter stays the first unit.
    """
    begins_at = position = 0
    for _ in range(_MOST_DESCRIBING):
        if position + _LENGTH_SIZE >= len(units):
            break
        kind = units[position + _LENGTH_SIZE] & 0x1F
        if kind == _SET_TYPE:
            return units
        if kind in _SLICES:
            break
        position += _LENGTH_SIZE + int.from_bytes(units[position : position + _LENGTH_SIZE])
        if kind == _DELIMITER:
            begins_at = position
    added = b"".join(len(unit).to_bytes(_LENGTH_SIZE) + unit for unit in sets)
    return units[:begins_at] + added + units[begins_at:]


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        """:raises EOFError: when there are not so many."""
        word = self._text[self._at : self._at + count]
        if len(word) < count:
            raise EOFError
        self._at += count
        return int(word or "0", 2)

    def number(self) -> int:
        """Return an Exp-Golomb number: as many zeros as digits follow the first one."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_PREFIX:
                raise EOFError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        number = self.number()
        return (number + 1) // 2 if number % 2 else -number // 2


def _size(parameter_set: bytes) -> PictureSize:
    profile, chroma = parameter_set[1], _CHROMA_420
    # A 3 after two zeros only keeps the bytes from looking like a start code.
    bits = _Bits(re.sub(rb"\x00\x00\x03", b"\x00\x00", parameter_set[4:]))
    bits.number()
    if profile in _PROFILES_WITH_CHROMA:
        chroma = _take_chroma(bits)
    bits.number()
    _skip_order(bits)
    bits.number()
    bits.take(1)
    width_in_blocks, height_in_units = bits.number() + 1, bits.number() + 1
    rows_per_unit = 2 - bits.take(1)
    bits.take(rows_per_unit)  # Of pairs of fields one more is said.
    width, height = width_in_blocks * _MACROBLOCK, height_in_units * rows_per_unit * _MACROBLOCK
    cut_width, cut_height = _cut_off(bits, chroma=chroma, rows_per_unit=rows_per_unit)
    return PictureSize(width - cut_width, height - cut_height, width, height)


def _cut_off(bits: _Bits, *, chroma: int, rows_per_unit: int) -> tuple[int, int]:
    if not bits.take(1):
        return 0, 0
    left, right, top, bottom = (bits.number() for _ in range(4))
    unit_width = 2 if chroma in {_CHROMA_420, _CHROMA_422} else 1
    unit_height = (2 if chroma == _CHROMA_420 else 1) * rows_per_unit
    return (left + right) * unit_width, (top + bottom) * unit_height


def _take_chroma(bits: _Bits) -> int:
    """Return how finely colours are sampled."""
    chroma = bits.number()
    if chroma == _CHROMA_444:
        bits.take(1)
    bits.number()
    bits.number()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == _CHROMA_444 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, length=16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, *, length: int) -> None:
    last = following = 8
    for _ in range(length):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """Skip in which order pictures are shown."""
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.number()):
            bits.signed()
