"""Logos as people upload them, made into small PNGs of our own.

Nothing of the uploaded file is kept: it is decoded, drawn anew and written without its comments, so that neither
a hidden payload nor the place where a photograph was taken gets any further.
"""

from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 1024 * 1024
MOST_PIXELS = 4096 * 4096  # a file of some kilobytes can claim to be as large as it likes
SIDE = 256  # pixels


class NotALogo(Exception):
    """The file is no image of the three formats, or a broken one."""


class TooLarge(Exception):
    """More bytes or more pixels than a logo needs."""


def as_png(uploaded: bytes) -> bytes:
    """`uploaded` (PNG, JPEG or WebP) as a PNG of at most 256 × 256 pixels. Raises NotALogo and TooLarge."""
    if len(uploaded) > MOST_BYTES:
        raise TooLarge
    try:
        image = Image.open(BytesIO(uploaded), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise TooLarge
        image.draft("RGB", (2 * SIDE, 2 * SIDE))  # lets JPEG decode at a smaller scale
        image = ImageOps.exif_transpose(image).convert("RGBA")
        image.thumbnail((SIDE, SIDE))
    except Image.DecompressionBombError:
        raise TooLarge from None
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001 decoders of broken files raise whatever they stumble over
        raise NotALogo from None
    clean = Image.new("RGBA", image.size)
    clean.paste(image)
    written = BytesIO()
    clean.save(written, "PNG", optimize=True)
    return written.getvalue()
