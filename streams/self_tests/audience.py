"""Whether one viewer, who says who it is, is counted as that."""

from streams.livestreams.watching import SessionViewers


def is_one(seen: SessionViewers) -> bool:
    """Tell whether that is what is said of who watches now."""
    return (seen.counted, seen.estimated) == (1, 0)


def what_is_wrong(seen: SessionViewers) -> str:
    """Return what is said instead, for people."""
    if seen.now is None:
        return "Nobody knows who watches: a collector has not been heard of for some seconds."
    if seen.now == 0:
        return "One watches, and the collector counts nobody."
    if seen.counted:
        return f"One watches, and {seen.now} are counted."
    return "The viewer says who it is, and is counted by its address: something took its CMCD-Session header away."
