import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame, VideoStream
from PIL import ExifTags, Image, ImageOps

from tests.workers.videos import (
    MARK_RGB,
    corner_of_mark,
    encode,
    encode_numbers,
    number_of,
    numbered,
)
from workers.failure import SourceError
from workers.video.canvas import Canvas, Deinterlacer, turn_of
from workers.video.decoder import Decoder, DecoderConfig, Facts, Frame
from workers.video.timeline import Place

ONE = 1 << 16


def read(path: Path) -> tuple[list[Frame], Facts]:
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        return list(video), video.facts()


def turned(degrees: float, *, hflip: bool = False, vflip: bool = False) -> Callable[[VideoStream], None]:
    def prepare(stream: VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)

    return prepare


@pytest.mark.parametrize(
    ("counterclockwise", "rotation_deg", "corner", "size_px"),
    [
        (0, 0, "bottom left", (160, 96)),
        (-90, 90, "top left", (96, 160)),
        (180, 180, "top right", (160, 96)),
        (90, 270, "bottom right", (96, 160)),
        (-88, 90, "top left", (96, 160)),
    ],
)
@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_turned_picture_is_set_upright(
    codec: str,
    counterclockwise: int,
    rotation_deg: int,
    corner: str,
    size_px: tuple[int, int],
    tmp_path: Path,
) -> None:
    """The mark, bottom left as coded, goes where a player shows it; mjpeg goes the way without a matrix."""
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = encode_numbers(
        tmp_path / "v.mov", 4, codec=codec, pixel_format=pixel_format, prepare=turned(counterclockwise)
    )
    frames, facts = read(path)
    assert facts.rotation_deg == rotation_deg
    assert (facts.width_px, facts.height_px) == size_px
    assert {frame.image.shape for frame in frames} == {(size_px[1], size_px[0], 3)}
    assert {corner_of_mark(frame.image) for frame in frames} == {corner}


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp", "p.tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_and_mirrored_as_its_exif_says(
    name: str, orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(numbered(5)).save(tmp_path / name, exif=exif)
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    (frame,), facts = read(tmp_path / name)
    assert corner_of_mark(frame.image) == corner_of_mark(expected)
    assert (facts.height_px, facts.width_px, 3) == frame.image.shape == expected.shape


@pytest.mark.parametrize(
    ("flips", "corner"),
    [
        ({"hflip": True}, "bottom right"),
        ({"vflip": True}, "top left"),
        ({"hflip": True, "vflip": True}, "top right"),
    ],
)
def test_a_mirrored_picture_is_mirrored_back(flips: dict[str, bool], corner: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 2, prepare=turned(0, **flips))
    assert corner_of_mark(read(path)[0][0].image) == corner


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((ONE, 0, 0, 0, ONE), (0, False)),
        ((0, ONE, 0, -ONE, 0), (90, False)),
        ((-ONE, 0, 0, 0, -ONE), (180, False)),
        ((0, -ONE, 0, ONE, 0), (270, False)),
        ((-ONE, 0, 0, 0, ONE), (0, True)),
        ((ONE, 0, 0, 0, -ONE), (180, True)),
        ((0, ONE, 0, ONE, 0), (90, True)),
        ((0, -ONE, 0, -ONE, 0), (270, True)),
        ((0, 0, 0, 0, 0), (0, False)),
    ],
)
def test_matrices(matrix: tuple[int, ...], turn: tuple[int, bool]) -> None:
    assert turn_of((*matrix, 0, 0, 0, 1 << 30)) == turn


@pytest.mark.parametrize(
    ("ratio", "width_px"),
    [(Fraction(4, 3), 213), (Fraction(1, 2), 80), (Fraction(100), 160), (Fraction(1, 90), 160)],
)
def test_pixels_are_made_square(ratio: Fraction, width_px: int, tmp_path: Path) -> None:
    def widen(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = ratio

    frames, facts = read(encode_numbers(tmp_path / "v.mp4", 6, prepare=widen))
    assert (facts.width_px, facts.height_px) == (width_px, 96)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 5]
    is_kept = width_px != 160
    assert facts.sample_aspect_ratio == (f"{ratio.numerator}:{ratio.denominator}" if is_kept else "1:1")


def test_square_pixels_count_for_the_limit() -> None:
    with pytest.raises(SourceError, match="400x100 square pixels"):
        Canvas(Fraction(4), 20_000, "h264").paint(VideoFrame(100, 100, "yuv420p"))


@pytest.mark.parametrize(("size_px", "bars"), [((320, 192), False), ((96, 96), True), ((160, 40), True)])
def test_a_switch_of_size_is_fitted_undistorted(size_px: tuple[int, int], bars: bool, tmp_path: Path) -> None:
    first = encode(tmp_path / "1.ts", [numbered(number) for number in range(5)])
    second = encode(tmp_path / "2.ts", [numbered(number, *size_px) for number in range(5, 10)])
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, facts = read(joined)
    assert (facts.width_px, facts.height_px, len(frames)) == (160, 96, 10)
    scale = min(160 / size_px[0], 96 / size_px[1])
    width_px, height_px = round(size_px[0] * scale), round(size_px[1] * scale)
    left, top = (160 - width_px) // 2, (96 - height_px) // 2
    for frame in frames[5:]:
        picture = frame.image[top : top + height_px, left : left + width_px]
        assert number_of(picture) == frame.index
        outside = frame.image.astype(int).sum() - picture.astype(int).sum()
        assert outside == 0
    assert bars == (width_px * height_px < 160 * 96)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("v.webm", "libvpx-vp9", "yuva420p"), ("v.mov", "prores_ks", "yuva444p10le"), ("v.mkv", "ffv1", "bgra")],
)
def test_transparency_is_dropped(name: str, codec: str, pixel_format: str, tmp_path: Path) -> None:
    images: list[Any] = []
    for number in range(4):
        opacity = np.full((96, 160, 1), 255, np.uint8)
        opacity[:, :80] = 0
        images.append(np.concatenate([numbered(number), opacity], axis=2))
    frames, _ = read(encode(tmp_path / name, images, codec=codec, pixel_format=pixel_format))
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "color_range", "options"),
    [
        ("libx264", "yuv420p", 1, {"crf": "1"}),
        ("libx264", "yuv420p", 2, {"crf": "1"}),
        ("mjpeg", "yuvj420p", 2, {"qmin": "1", "qmax": "1"}),
        ("ffv1", "yuv420p10le", 1, {}),
    ],
)
def test_colours_come_back(
    codec: str, pixel_format: str, color_range: int, options: dict[str, str], tmp_path: Path
) -> None:
    image = np.full((96, 160, 3), MARK_RGB, np.uint8)
    image[:, 80:] = (20, 90, 230)
    how: dict[str, Any] = {
        "codec": codec,
        "pixel_format": pixel_format,
        "color_range": color_range,
        "options": options,
    }
    ((frame,), _) = read(encode(tmp_path / "v.mkv", [image], **how))
    error = np.abs(frame.image.astype(int) - image)[:, [20, 140]]
    assert error.max() <= 6


def test_frames_are_contiguous_and_their_own(tmp_path: Path) -> None:
    frames, _ = read(encode_numbers(tmp_path / "v.mp4", 12, prepare=turned(-90)))
    for frame in frames:
        assert frame.image.flags.c_contiguous
        assert frame.image.dtype == np.uint8
    assert [number_of(np.rot90(frame.image)) for frame in frames] == list(range(12))


def test_a_colour_space_that_does_not_exist_is_guessed() -> None:
    picture = VideoFrame.from_ndarray(numbered(77), format="rgb24").reformat(format="yuv420p")
    picture.colorspace = 3  # reserved
    assert number_of(Canvas(Fraction(1), 1 << 20, "h264").paint(picture)) == 77


def test_the_deinterlacer_gives_back_every_picture_in_order() -> None:
    deinterlacer = Deinterlacer()
    given: list[int | None] = []
    for index in range(7):
        side_px = 32 if index < 4 else 64  # a switch of size in between
        picture = VideoFrame(side_px, side_px, "yuv420p")
        for place, out in deinterlacer.add(Place(index * 10, 10, index, is_wanted=True), picture):
            assert out.width == (32 if (place.index or 0) < 4 else 64)
            given.append(place.index)
    given += [place.index for place, _ in deinterlacer.finish()]
    assert given == list(range(7))


def test_a_picture_with_a_colour_profile_is_safe(tmp_path: Path) -> None:
    """PyAV 18.1 frees its side data twice when touched."""
    import gc  # noqa: PLC0415

    from PIL import Image, ImageCms  # noqa: PLC0415

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "v.png"
    Image.fromarray(numbered(5)).save(path, icc_profile=profile)
    for _ in range(5):
        ((frame,), facts) = read(path)
        assert number_of(frame.image) == 5
        assert (facts.codec, facts.fps) == ("png", None)
        gc.collect()
    assert av.__version__ == "18.1.0", "look whether PyAV has mended it"
