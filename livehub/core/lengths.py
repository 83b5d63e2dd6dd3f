"""Lengths of time in words, as people choose and read them."""

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def length_words(seconds: int) -> str:
    """Return a length of time: 30 minutes, 1 hour, 90 seconds, 7 days; a long one to the minute."""
    if seconds > _DAY_S and seconds % _DAY_S == 0:
        return _counted(seconds // _DAY_S, "day")
    if seconds and seconds % _HOUR_S == 0:
        return _counted(seconds // _HOUR_S, "hour")
    if seconds and seconds % _MINUTE_S == 0:
        return _counted(seconds // _MINUTE_S, "minute")
    minutes, rest_s = divmod(seconds, _MINUTE_S)
    if minutes < 2:
        return _counted(seconds, "second")
    if minutes < 2 * _MINUTE_S:
        return f"{_counted(minutes, 'minute')} {_counted(rest_s, 'second')}"
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{_counted(hours, 'hour')} {_counted(minutes, 'minute')}" if minutes else _counted(hours, "hour")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
