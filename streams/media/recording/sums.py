"""Sums over files whose beginning has changed, without the rest of them.

Source: Ross N. Williams, A painless guide to CRC error detection algorithms; the arithmetic is that of polynomials
modulo 2, where adding and taking away are the same.
"""

import zlib

# Of CRC-32 (ISO/IEC 13239), without its highest term; the highest bit is the term without x.
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_X_TO_8 = _ONE >> 8


def crc32_with_other_head(crc32: int, *, size: int, before: bytes, after: bytes) -> int:
    """Return the crc32 of a file of `size` bytes that begins with `after`, given its crc32 when it began with `before`.

    :raises ValueError: when one of the two is longer than the other, or than the file.
    """
    if len(before) != len(after) or len(after) > size:
        raise ValueError("A file's head can be told in another way only if it keeps its size.")
    changed = zlib.crc32(before) ^ zlib.crc32(after)
    return crc32 ^ _times(changed, _power(size - len(after)))


def _power(size: int) -> int:
    """Return what so many bytes behind something do to its remainder: x to the power of 8 for each."""
    made, factor = _ONE, _X_TO_8
    while size:
        if size & 1:
            made = _times(made, factor)
        factor = _times(factor, factor)
        size >>= 1
    return made


def _times(left: int, right: int) -> int:
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
