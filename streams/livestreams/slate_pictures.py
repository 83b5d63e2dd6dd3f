"""The pictures that viewers see while an encoder is away: taking them from people, handing them to runs.

The row is the picture; a node's file is a copy that a run can have while the database is away.
"""

import hashlib
import logging
import os
import time
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

from django.conf import settings
from django.db import transaction

from livehub.core import clock, events
from streams.livestreams.events import LivestreamChanged
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, SlatePicture
from streams.livestreams.slate_images import read_slate_image
from streams.media.slates import DEFAULT_PICTURE
from streams.organizations.services import Actor, record

logger = logging.getLogger(__name__)

# Files of a node, newest used first. Others go when nobody has used them for a day, or there are too many of them, and
# no broadcast on air may: each is a few megabytes, and whoever has a key may begin with another one every second.
_MOST_KEPT = 64
_KEPT_S = 86_400
_MOST_AT_ALL = 128


def set_slate_picture(*, livestream: Livestream, sent: bytes, actor: Actor) -> SlatePicture:
    """Show this image while the livestream's encoder is away, from its next broadcast on, and return what is kept.

    :raises SlateImageError: when it cannot be used.
    :raises SlateImageBusyError: when others are being read.
    :raises NotFoundError: when the livestream is deleted.
    """
    # Before anything is locked: it may take a second.
    image = read_slate_image(sent)
    kept = {
        "image": image.content,
        "content_type": image.content_type,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
    }
    with transaction.atomic():
        livestream = lock_livestream(livestream.pk)
        before = SlatePicture.objects.filter(livestream=livestream).values_list("sha256", flat=True).first()
        picture, _ = SlatePicture.objects.without_image().update_or_create(livestream=livestream, defaults=kept)
        if before != image.sha256:
            _tell(livestream, "livestream.slate_picture_set", actor=actor, sha256=image.sha256)
    return picture


@transaction.atomic
def remove_slate_picture(*, livestream: Livestream, actor: Actor) -> None:
    """Show the usual picture again; removing none changes nothing.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    removed, _ = SlatePicture.objects.filter(livestream=livestream).delete()
    if removed:
        _tell(livestream, "livestream.slate_picture_removed", actor=actor)


@cache
def default_sha256() -> str:
    """Return the digest of the picture that is shown where nobody has chosen one."""
    return hashlib.sha256(DEFAULT_PICTURE.read_bytes()).hexdigest()


def slate_picture_path(livestream_id: UUID) -> Path:
    """Return a file of this node with the picture to show while the livestream's encoder is away.

    It is written once, and kept as long as it is used. Where that fails the usual picture has to do: it is no reason to
    end a broadcast.
    """
    pictures = SlatePicture.objects.filter(livestream=livestream_id)
    sha256 = pictures.values_list("sha256", flat=True).first()
    if sha256 is None:
        return DEFAULT_PICTURE
    path = Path(settings.SLATE_PICTURES_DIR) / sha256
    try:
        if not _is_used_again(path):
            # By its digest: it may have been replaced meanwhile.
            image = pictures.filter(sha256=sha256).values_list("image", flat=True).first()
            if image is None:
                return slate_picture_path(livestream_id)
            _write(path, bytes(image))
            _remove_unused(path.parent)
    except OSError:
        logger.warning("slate picture not kept livestream=%s, the usual one is shown", livestream_id, exc_info=True)
        return DEFAULT_PICTURE
    return path


def _is_used_again(path: Path) -> bool:
    try:
        # What is used stays.
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, image: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under a name of its own: another livestream with the same picture may begin in the same moment.
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as draft:
        draft.write(image)
    Path(draft.name).replace(path)


def _remove_unused(folder: Path) -> None:
    used_at = {path: _used_at(path) for path in folder.iterdir()}
    newest_first = sorted(used_at, key=used_at.__getitem__, reverse=True)
    before = time.time() - _KEPT_S
    old = [path for path in newest_first[_MOST_KEPT:_MOST_AT_ALL] if used_at[path] < before]
    unused = old + newest_first[_MOST_AT_ALL:]
    if unused:
        on_air = SlatePicture.objects.filter(livestream__in=Livestream.objects.on_air())
        needed = set(on_air.values_list("sha256", flat=True))
        for path in unused:
            if path.name not in needed:
                path.unlink(missing_ok=True)


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _tell(livestream: Livestream, action: str, *, actor: Actor, **detail: object) -> None:
    record(organization=livestream.app.organization, actor=actor, action=action, target=livestream, **detail)
    events.publish(LivestreamChanged.of(livestream, at=clock.now(), actor=actor, changed=("slate_picture",)))
