"""A logo is decoded and drawn anew: nothing of the uploaded file is kept."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from orgunits.logos import MOST_BYTES, NotALogo, TooLarge, as_png


def image(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **how) -> bytes:
    written = BytesIO()
    Image.new(mode, size, "red" if mode != "P" else 3).save(written, kind, **how)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_become_a_png(kind):
    logo = opened(as_png(image(kind)))

    assert (logo.format, logo.size, logo.mode) == ("PNG", (40, 30), "RGBA")


@pytest.mark.parametrize(("size", "shown"), [((1000, 500), (256, 128)), ((10, 3000), (1, 256))])
def test_a_large_one_is_made_smaller_in_its_proportions(size, shown):
    assert opened(as_png(image("PNG", size))).size == shown
    assert opened(as_png(image("JPEG", size))).size == shown


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_read(mode):
    written = BytesIO()
    Image.new(mode, (8, 8)).save(written, "PNG")

    assert opened(as_png(written.getvalue())).mode == "RGBA"


def test_comments_places_and_what_follows_the_image_are_gone():
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "canary-comment")
    exif = Image.Exif()
    exif[0x010E] = "canary-place"
    png = image("PNG", pnginfo=words) + b"<script>canary-tail</script>"
    jpeg = image("JPEG", exif=exif) + b"PK\x03\x04canary-tail"

    for uploaded in (png, jpeg):
        assert b"canary" in uploaded
        assert b"canary" not in as_png(uploaded)
    assert not opened(as_png(png)).info.get("Comment")


def test_a_photograph_taken_sideways_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6

    assert opened(as_png(image("JPEG", (40, 20), exif=exif))).size == (20, 40)


def test_an_animation_becomes_its_first_picture():
    written = BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:], lossless=True)

    logo = opened(as_png(written.getvalue()))

    assert getattr(logo, "n_frames", 1) == 1
    assert logo.getpixel((5, 5)) == (255, 0, 0, 255)


def bomb(side: int) -> bytes:
    """A PNG of some bytes that says it is `side` pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [4097, 12_000, 60_000, 2**31 - 1])
def test_a_small_file_that_unfolds_into_a_huge_image_is_refused_before_it_does(side):
    with pytest.raises(TooLarge):
        as_png(bomb(side))


def test_more_than_a_megabyte_is_refused_unread():
    with pytest.raises(TooLarge):
        as_png(image("PNG") + b"\0" * MOST_BYTES)


@pytest.mark.parametrize(
    "uploaded",
    [
        b"",
        b"not an image",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        image("GIF"),
        image("BMP"),
        image("TIFF"),
        image("PNG")[:60],
        image("JPEG")[:200],
        image("WEBP")[:30],
        bomb(100),
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 100,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    ],
)
def test_everything_else_is_no_logo(uploaded):
    with pytest.raises(NotALogo):
        as_png(uploaded)


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["PNG", "JPEG", "WEBP"]))
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_becomes_a_logo_or_is_refused(damage, at, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = image(kind, exif=exif)

    try:
        logo = as_png(whole[:at] + damage + whole[at + len(damage) :])
    except (NotALogo, TooLarge):
        return
    assert opened(logo).format == "PNG"
