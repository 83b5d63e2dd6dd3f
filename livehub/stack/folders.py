"""The folders of an instance, and files that only its user may read."""

import os
import stat
from pathlib import Path

from livehub.stack.errors import StartError
from livehub.stack.instance import Instance

# What no quoting of nginx's and supervisor's configuration lets through unchanged.
_UNUSABLE = frozenset("\"'\\$;{}%#:")


def prepare_folders(instance: Instance) -> None:
    """Make every folder, mode 0700.

    :raises StartError: when one cannot be made or is not ours.
    """
    check_path(instance.data_dir)
    folders = [
        instance.data_dir,
        instance.runtime_dir,
        instance.playback_dir,
        instance.recordings_dir,
        instance.played_dir,
        instance.static_root,
        instance.log_dir,
        instance.nginx_temp_dir,
        instance.redis_socket.parent,
        instance.tls_dir,
        instance.counts_dir,
        *([instance.relayed_dir] if instance.is_edge_node else []),
    ]
    for folder in folders:
        _make(folder)
        # Not one in /tmp, which another user could have put in place of ours.
        if folder.is_relative_to(instance.data_dir):
            _close(folder)
    _check_is_ours(instance.runtime_dir)


def forget_counts(instance: Instance) -> None:
    """Begin counting anew: the data folder is ours alone now."""
    for path in instance.counts_dir.iterdir():
        path.unlink()


def check_path(path: Path) -> None:
    """Accept a data folder whose name can stand in the servers' configuration.

    :raises StartError: when it cannot.
    """
    found = sorted({character for character in str(path) if character in _UNUSABLE or not character.isprintable()})
    if found:
        raise StartError(
            f"The data folder {str(path)!r} has characters in its path that nginx cannot be told of: "
            f"{' '.join(map(repr, found))}. Set LIVEHUB_DATA_DIR to another folder."
        )


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: whoever reads it sees the old content or the new."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.rename(path)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartError(
            f"Cannot make {folder}: {error.strerror}. Set LIVEHUB_DATA_DIR to a folder that you may write to."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"Cannot write to {folder}. Give it to the user that runs LiveHub, or set LIVEHUB_DATA_DIR.")


def _close(folder: Path) -> None:
    """Let nobody else in, also to a folder that was there before."""
    if not stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return
    try:
        folder.chmod(0o700)
    except PermissionError as error:
        raise StartError(
            f"Other users may enter {folder}, and it is another user's. Give it to the user that runs LiveHub."
        ) from error


def _check_is_ours(folder: Path) -> None:
    # It may lie in /tmp, where another user could have made it first.
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise StartError(f"{folder} must be a folder of mode 0700 that belongs to you. Remove it and start again.")
