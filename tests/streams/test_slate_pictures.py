"""The pictures of livestreams: taken, told of, and handed to the runs of a node."""

import os
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from streams.livestreams import services, slate_pictures
from streams.livestreams.services import create_livestream
from streams.livestreams.slate_images import SlateImageError
from streams.livestreams.slate_pictures import (
    remove_slate_picture,
    set_slate_picture,
    slate_picture_path,
)
from streams.livestreams.states import LivestreamStatus
from streams.media.slates import DEFAULT_PICTURE
from streams.models import AuditEntry, Livestream, SlatePicture
from streams.organizations.services import SYSTEM, NewOrganization
from tests.streams.images import image_bytes, opened

pytestmark = pytest.mark.django_db
_TWO_DAYS_S = 2 * 86_400


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.SLATE_PICTURES_DIR = tmp_path / "pictures"
    return tmp_path / "pictures"


def _set(livestream: Livestream, colour: tuple[int, int, int] = (200, 30, 40)) -> SlatePicture:
    return set_slate_picture(livestream=livestream, sent=image_bytes(colour=colour), actor=SYSTEM)


def _told(livestream: Livestream) -> list[str]:
    entries = AuditEntry.objects.filter(target_id=str(livestream.pk), action__contains="slate")
    return list(entries.order_by("id").values_list("action", flat=True))


class TestSet:
    def test_is_kept_and_told_of_once(self, livestream: Livestream) -> None:
        picture = _set(livestream)
        _set(livestream)

        row = SlatePicture.objects.get(livestream=livestream)
        assert (row.sha256, row.width, row.height, row.content_type) == (picture.sha256, 320, 180, "image/png")
        assert opened(bytes(row.image)).size == (320, 180)
        assert _told(livestream) == ["livestream.slate_picture_set"]

    def test_replaces_the_one_before(self, livestream: Livestream) -> None:
        first = _set(livestream)
        second = _set(livestream, (0, 0, 255))

        assert SlatePicture.objects.get().sha256 == second.sha256 != first.sha256
        assert _told(livestream) == ["livestream.slate_picture_set"] * 2

    def test_leaves_the_one_before_where_the_new_one_is_none(self, livestream: Livestream) -> None:
        first = _set(livestream)

        with pytest.raises(SlateImageError):
            set_slate_picture(livestream=livestream, sent=b"hello", actor=SYSTEM)

        assert SlatePicture.objects.get().sha256 == first.sha256

    def test_is_removed_and_told_of_once(self, livestream: Livestream) -> None:
        _set(livestream)

        remove_slate_picture(livestream=livestream, actor=SYSTEM)
        remove_slate_picture(livestream=livestream, actor=SYSTEM)

        assert not SlatePicture.objects.exists()
        assert _told(livestream) == ["livestream.slate_picture_set", "livestream.slate_picture_removed"]

    def test_goes_with_its_livestream(self, livestream: Livestream) -> None:
        _set(livestream)

        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        assert not SlatePicture.objects.exists()


class TestFile:
    def test_is_the_usual_one_where_nobody_chose(self, livestream: Livestream) -> None:
        assert slate_picture_path(livestream.pk) == DEFAULT_PICTURE
        assert opened(DEFAULT_PICTURE.read_bytes()).width >= 1280

    def test_is_written_once(
        self, livestream: Livestream, folder: Path, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        _set(livestream)
        path = slate_picture_path(livestream.pk)
        assert path.read_bytes() == bytes(SlatePicture.objects.get().image)
        os.utime(path, (1, 1))

        with django_assert_num_queries(1):
            assert slate_picture_path(livestream.pk) == path

        assert list(folder.iterdir()) == [path]
        # It counts as used now.
        assert path.stat().st_mtime > 1

    def test_is_one_for_livestreams_with_the_same_picture(self, livestream: Livestream, home: NewOrganization) -> None:
        other = create_livestream(app=home.app, name="Other", actor=SYSTEM)
        _set(livestream)
        _set(other)

        assert slate_picture_path(livestream.pk) == slate_picture_path(other.pk)

    def test_is_another_one_after_a_change(self, livestream: Livestream) -> None:
        _set(livestream)
        first = slate_picture_path(livestream.pk)
        _set(livestream, (0, 0, 255))

        second = slate_picture_path(livestream.pk)

        assert second != first
        # A run that began with it may still show it.
        assert first.exists()

    def test_is_the_usual_one_where_it_cannot_be_written(
        self, livestream: Livestream, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        _set(livestream)
        folder.write_text("No folder.")

        assert slate_picture_path(livestream.pk) == DEFAULT_PICTURE
        assert "the usual one is shown" in caplog.text


class TestOldFiles:
    @pytest.fixture
    def old(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(slate_pictures, "_MOST_KEPT", 1)
        folder.mkdir()
        old = folder / "old"
        old.write_bytes(b"x")
        os.utime(old, (old.stat().st_mtime - _TWO_DAYS_S,) * 2)
        return old

    def test_go_when_another_one_comes(self, livestream: Livestream, old: Path) -> None:
        _set(livestream)

        assert slate_picture_path(livestream.pk).exists()
        assert not old.exists()

    def test_stay_for_a_day_after_they_were_used(self, livestream: Livestream, old: Path) -> None:
        os.utime(old)
        _set(livestream)

        assert slate_picture_path(livestream.pk).exists()
        assert old.exists()

    def test_stay_as_long_as_a_broadcast_may_show_them(
        self, livestream: Livestream, home: NewOrganization, old: Path
    ) -> None:
        other = create_livestream(app=home.app, name="Other", actor=SYSTEM)
        _set(other)
        path = slate_picture_path(other.pk)
        Livestream.objects.filter(pk=other.pk).update(status=LivestreamStatus.LIVE)
        os.utime(path, (path.stat().st_mtime - _TWO_DAYS_S,) * 2)
        _set(livestream, (0, 0, 255))

        assert slate_picture_path(livestream.pk).exists()
        assert path.exists()

    def test_go_at_once_where_there_are_too_many(
        self, livestream: Livestream, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever has a key could fill the disk in a day otherwise."""
        monkeypatch.setattr(slate_pictures, "_MOST_AT_ALL", 3)
        used_at, paths = old.stat().st_mtime + _TWO_DAYS_S - 1000, []
        for blue in range(5):
            _set(livestream, (0, 0, 50 * blue))
            paths.append(slate_picture_path(livestream.pk))
            os.utime(paths[-1], (used_at + blue,) * 2)

        assert [path.exists() for path in paths] == [False, False, True, True, True]
