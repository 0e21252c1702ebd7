"""The turn of a mirrored picture, as its EXIF has it; FFmpeg leaves the mirror out and gives another turn."""

from pathlib import Path

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from workers.video.canvas import Turn

_TURNS: dict[object, Turn] = {2: (0, True), 4: (180, True), 5: (90, True), 7: (270, True)}
"""By orientation, CIPA DC-008 4.6.5; the other four are turns alone."""
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
_MOST_BYTES = 256 << 20
"""Of a picture's file: some are read whole."""


def mirrored_turn(path: Path) -> Turn | None:
    """Return the turn of a picture that is stored mirrored; None for all other files."""
    if path.stat().st_size > _MOST_BYTES:
        return None
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return _TURNS.get(_orientation(image))
    except Exception:  # what FFmpeg can read, however broken it is, is no failure for want of its EXIF
        return None


def _orientation(image: Image.Image) -> object:
    if isinstance(image, TiffImageFile):
        return image.tag_v2.get(ExifTags.Base.Orientation)
    # Asked for its EXIF, a PNG would be decoded, to look behind its pixels too.
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return exif.get(ExifTags.Base.Orientation)
