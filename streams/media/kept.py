"""Where, in a long journal, what is still kept begins.

A broadcast may last for weeks, and nearly all that its journal says by then is of segments that are gone. Lines are as
`journal` writes them: a slot's segments stand there in the order of their numbers, and what run they are of stands at
the beginning, or before each of them.
"""

import os
from pathlib import Path
from typing import BinaryIO

# Looked at in one go. Each slot has several lines in it, and at the end its newest `D`.
_PIECE = 128 * 1024


def beginning(path: Path, *, end: int | None) -> tuple[bytes, int]:
    """Return what to read of a journal first, and the place from which on to read on; it counts up to `end`, if given.

    Nothing and 0 where all of it is kept, perhaps with some of what another journal says before. Else no other journal
    is needed: what was dropped tells where each slot's first segment is.
    """
    with path.open("rb") as journal:
        until = os.fstat(journal.fileno()).st_size if end is None else end
        head = _lines(journal, 0, until=until)
        slots = {line.split()[1] for line in head if line.startswith(b"I ")}
        dropped = _dropped(journal, until=until)
        if not slots or slots - dropped.keys():
            return b"", 0
        place = min(_place_of(journal, slot, dropped[slot], until=until) for slot in slots)
        if not place:
            return b"", 0
        # Of the segments that are told of between the two, none is kept.
        return b"".join(line for line in head if line[:2] in {b"O ", b"R ", b"I ", b"A "}), _line_end(journal, place)


def _dropped(journal: BinaryIO, *, until: int) -> dict[bytes, int]:
    """Return of each slot that had any dropped lately which segment is the first that is kept."""
    lines = (line.split() for line in _lines(journal, max(0, until - _PIECE), until=until) if line.startswith(b"D "))
    return {words[1]: int(words[2]) for words in lines}


def _place_of(journal: BinaryIO, slot: bytes, msn: int, *, until: int) -> int:
    """Return a place before everything that is told of the slot's segments from that number on, and not far before."""
    begin, end = 0, until
    while end - begin > _PIECE:
        middle = (begin + end) // 2
        number = _number_at(journal, slot, middle, until=until)
        if number is not None and number < msn:
            begin = middle
        else:
            end = middle
    return begin


def _number_at(journal: BinaryIO, slot: bytes, place: int, *, until: int) -> int | None:
    """Return which of the slot's segments the first line after a place is about, None where none is near."""
    told = (line.split() for line in _lines(journal, place, until=until) if line[:2] in {b"P ", b"S "})
    return next((int(words[2]) for words in told if words[1] == slot), None)


def _lines(journal: BinaryIO, place: int, *, until: int) -> list[bytes]:
    """Return the whole lines of a piece, without the rest of one that it begins within."""
    journal.seek(place)
    lines = journal.read(max(0, min(_PIECE, until - place))).splitlines(keepends=True)
    return [line for line in lines[1 if place else 0 :] if line.endswith(b" ;\n")]


def _line_end(journal: BinaryIO, place: int) -> int:
    journal.seek(place)
    return place + len(journal.readline(_PIECE))
