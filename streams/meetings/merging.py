"""Settings within settings: a change of some leaves the others as they are."""

from collections.abc import Mapping

Settings = dict[str, object]
# Said anew as a whole or not at all: a password that was given for one host must not be sent to another.
_WHOLE = frozenset({"storage_config"})


def merge(settings: Mapping[str, object], changes: Mapping[str, object]) -> Settings:
    """Return the settings with the changes made, at any depth; null takes a setting away.

    Source: RFC 7396, JSON merge patch.
    """
    merged = {name: value for name, value in settings.items() if name not in changes}
    for name, change in changes.items():
        if change is not None:
            merged[name] = _merge_one(name, settings.get(name), change)
    return merged


def _merge_one(name: str, old: object, change: object) -> object:
    if not isinstance(change, Mapping) or name in _WHOLE:
        return change
    return merge(old if isinstance(old, Mapping) else {}, change)
