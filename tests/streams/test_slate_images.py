"""What becomes of the images that people send as slates."""

import random
import threading
from io import BytesIO

import pytest
from PIL import Image

from streams.livestreams import slate_images
from streams.livestreams.slate_images import (
    IMAGE_MAX_BYTES,
    SIDE_MAX,
    SlateImageBusyError,
    SlateImageError,
    read_slate_image,
)
from tests.services import HANG_S, wait_until
from tests.streams.images import claimed_png, image_bytes, opened

RED = (200, 30, 40)
# 96x80, of colours that it does not name.
_WITHOUT_PALETTE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000060000000500103000000dc2ce2d60000001649444154789c63fccf80004c0ca39c51ce2867"
    "047300544c019f9f1463660000000049454e44ae426082"
)


def _colour_at(content: bytes, x: int = 5, y: int = 5) -> tuple[int, ...]:
    colour = opened(content).getpixel((x, y))
    assert isinstance(colour, tuple)
    return colour


def _is_near(colour: tuple[int, ...], wanted: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(one - other) <= by for one, other in zip(colour, wanted, strict=True))


class TestKept:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_is_the_image_that_was_sent(self, kind: str) -> None:
        kept = read_slate_image(image_bytes(kind=kind, colour=RED))

        assert (kept.width, kept.height, kept.content_type) == (320, 180, "image/png")
        assert _is_near(_colour_at(kept.content), RED)

    def test_is_the_same_for_the_same_image(self) -> None:
        assert read_slate_image(image_bytes()).sha256 == read_slate_image(image_bytes()).sha256

    @pytest.mark.parametrize(
        ("sent", "kept"), [((3840, 2160), (1920, 1080)), ((4000, 1000), (1920, 480)), ((1000, 4000), (270, 1080))]
    )
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_is_made_smaller_in_its_own_shape(self, sent: tuple[int, int], kept: tuple[int, int], kind: str) -> None:
        image = read_slate_image(image_bytes(sent, kind=kind))

        assert (image.width, image.height) == kept == opened(image.content).size

    def test_is_the_first_of_several_that_a_phone_puts_into_one(self) -> None:
        second = Image.new("RGB", (320, 180), (0, 0, 255))

        kept = read_slate_image(image_bytes(kind="MPO", colour=RED, save_all=True, append_images=[second]))

        assert _is_near(_colour_at(kept.content), RED)

    def test_is_not_made_larger(self) -> None:
        assert read_slate_image(image_bytes((64, 64))).width == 64

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_is_on_black_where_it_is_transparent(self, kind: str) -> None:
        half = read_slate_image(image_bytes(kind=kind, mode="RGBA", colour=(200, 100, 0, 128), lossless=True))

        assert _is_near(_colour_at(half.content), (100, 50, 0), by=2)

    def test_is_on_black_where_a_palette_is_transparent(self) -> None:
        image = Image.new("P", (100, 100), 0)
        image.putpalette([255, 255, 255, 0, 0, 255])
        into = BytesIO()
        image.save(into, "PNG", transparency=0)

        assert _colour_at(read_slate_image(into.getvalue()).content) == (0, 0, 0)

    def test_may_be_of_print(self) -> None:
        kept = read_slate_image(image_bytes(kind="JPEG", mode="CMYK", colour=(0, 255, 255, 0)))

        assert _is_near(_colour_at(kept.content), (255, 0, 0), by=4)

    @pytest.mark.parametrize(("mode", "colour"), [("I;16", 0x8000), ("L", 128), ("LA", (128, 255))])
    def test_may_be_grey_and_of_16_bits(self, mode: str, colour: object) -> None:
        kept = read_slate_image(image_bytes(mode=mode, colour=colour))

        assert _colour_at(kept.content) == (128, 128, 128)

    def test_may_be_black_and_white(self) -> None:
        assert _colour_at(read_slate_image(image_bytes(mode="1", colour=1)).content) == (255, 255, 255)

    def test_is_the_first_frame_of_an_animation(self) -> None:
        others = [Image.new("RGB", (320, 180), (0, 0, 255))]
        for kind in ("PNG", "WEBP"):
            moving = image_bytes(kind=kind, colour=RED, save_all=True, append_images=others, duration=100)

            assert _is_near(_colour_at(read_slate_image(moving).content), RED)

    def test_stands_upright_without_what_a_camera_wrote(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # To be turned by 90 degrees.
        exif[0x010F] = "Secret Camera"
        sent = image_bytes((400, 200), kind="JPEG", exif=exif, comment=b"Secret place")
        assert b"Secret Camera" in sent

        kept = read_slate_image(sent)

        assert (kept.width, kept.height) == (200, 400)
        assert b"Secret" not in kept.content
        assert set(opened(kept.content).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}

    def test_is_a_jpeg_where_it_would_take_much_as_a_png(self) -> None:
        noise = Image.effect_noise((1600, 900), 90).convert("RGB")
        into = BytesIO()
        noise.save(into, "JPEG", quality=80)

        kept = read_slate_image(into.getvalue())

        assert kept.content_type == "image/jpeg"
        assert opened(kept.content).size == (1600, 900)


class TestRefused:
    @pytest.mark.parametrize(
        "sent",
        [
            b"GIF89a",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"hello",
            image_bytes(kind="GIF"),
            image_bytes()[:60],
        ],
    )
    def test_is_what_is_no_image(self, sent: bytes) -> None:
        with pytest.raises(SlateImageError, match=r"no image that can be read\. Choose a PNG, a JPEG or a WebP"):
            read_slate_image(sent)

    def test_is_one_whose_palette_is_missing(self) -> None:
        with pytest.raises(SlateImageError, match="no image that can be read"):
            read_slate_image(_WITHOUT_PALETTE)

    def test_is_nothing(self) -> None:
        with pytest.raises(SlateImageError, match="empty"):
            read_slate_image(b"")

    def test_is_one_of_too_many_bytes(self) -> None:
        with pytest.raises(SlateImageError, match=r"has 5\.1 MB. Choose one of at most 5 MB"):
            read_slate_image(bytes(IMAGE_MAX_BYTES + 100_000))

    @pytest.mark.parametrize("size", [(SIDE_MAX + 1, 100), (100, SIDE_MAX + 1), (8000, 8000), (65535, 65535)])
    def test_is_one_of_too_many_pixels_before_it_is_decoded(self, size: tuple[int, int]) -> None:
        # Decoded, it would be found to be cut short.
        with pytest.raises(SlateImageError, match=rf"has {size[0]} x {size[1]} pixels\. Choose one of at most 8192"):
            read_slate_image(claimed_png(*size))

    def test_is_one_that_is_too_small(self) -> None:
        with pytest.raises(SlateImageError, match=r"has 200 x 63 pixels\. Choose one of at least 64 a side"):
            read_slate_image(image_bytes((200, 63)))

    # Pillow tells of each damage that it has read past.
    @pytest.mark.filterwarnings("ignore::UserWarning")
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_is_whatever_is_damaged_in_any_way(self, kind: str) -> None:
        chance = random.Random(kind)  # noqa: S311  # The same damages each time.
        exif = Image.Exif()
        exif[0x0112] = 6
        whole = image_bytes((64, 64), kind=kind, exif=exif)
        for _ in range(400):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                read_slate_image(bytes(damaged[: chance.randint(1, len(damaged))]))
            except SlateImageError:
                continue

    def test_waits_for_others_no_longer_than_a_few_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(slate_images, "_DECODING_WAIT_S", 0.01)
        with slate_images._DECODING, pytest.raises(SlateImageBusyError):
            read_slate_image(image_bytes())
        assert read_slate_image(image_bytes()).width == 320

    def test_has_no_more_than_one_wait(self) -> None:
        busy: list[bool] = []

        def read() -> None:
            try:
                read_slate_image(image_bytes())
            except SlateImageBusyError:
                busy.append(True)

        with slate_images._DECODING:
            waiting = [threading.Thread(target=read) for _ in range(6)]
            for thread in waiting:
                thread.start()
            # Two places are taken by those who came first, and the others know at once.
            wait_until(lambda: len(busy) == 4, what="the others to be told")
        for thread in waiting:
            thread.join(HANG_S)
        assert len(busy) == 4
        assert read_slate_image(image_bytes()).width == 320

    @pytest.mark.parametrize("others", [b"", b"\xff\x01", b"\xff\xfe\x00\x04\xff\xda"])
    def test_is_not_drawn_in_a_thousand_steps(self, others: bytes) -> None:
        usual = image_bytes(kind="JPEG", progressive=True)
        assert read_slate_image(usual).width == 320
        last = usual[usual.rindex(b"\xff\xda") : -2]

        with pytest.raises(SlateImageError, match="more than 64 steps"):
            read_slate_image(usual[:-2] + (others + last) * 1000 + usual[-2:])

    def test_may_hold_what_looks_like_steps(self) -> None:
        sent = image_bytes(kind="JPEG", progressive=True, comment=b"\xff\xda" * 1000)

        assert read_slate_image(sent).width == 320
