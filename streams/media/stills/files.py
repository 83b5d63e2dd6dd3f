"""What pictures are called and where they are, within a session's folder."""

import re
from pathlib import Path

FOLDER = "pictures"
STORYBOARD_NAME = "storyboard.vtt"
# ffmpeg puts in when it is shown, by the stream's own clock, in hundredths of a second.
_TIME = "%d"
_NAME = re.compile(r"(?P<epoch>[0-9]+)-(?P<shown_cs>[0-9]+)\.(?P<suffix>[a-z]+)")


def pattern(folder: Path, *, epoch: int, suffix: str) -> str:
    """Return what ffmpeg makes names of."""
    return f"{str(folder).replace('%', '%%')}/{epoch}-{_TIME}.{suffix}"


def name_of(*, epoch: int, shown_cs: int, suffix: str) -> str:
    return f"{epoch}-{shown_cs}.{suffix}"


def parse_name(name: str, *, suffix: str) -> tuple[int, int] | None:
    """Return the epoch and when it is shown in hundredths of a second, None for what is something else."""
    found = _NAME.fullmatch(name)
    return (int(found["epoch"]), int(found["shown_cs"])) if found and found["suffix"] == suffix else None


def replace(path: Path, data: bytes, *, drafts: Path) -> None:
    """Write a file, or write it anew, in one step; what is half done stays in `drafts` if we are killed."""
    draft = drafts / f".{path.name}"
    draft.write_bytes(data)
    draft.replace(path)
