"""Decoded pictures made usable: progressive, upright, with square pixels, RGB, all of one size."""

import struct
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av import error as av_error
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from workers.failure import SourceError, lacks_memory
from workers.video.timeline import Place

Image = npt.NDArray[np.uint8]


Turn = tuple[int, bool]
"""Clockwise degrees (0, 90, 180, 270), and whether the result is then mirrored left to right."""

# PyAV 18.1 frees the metadata of side data twice (a crash at some later collection of garbage), so the
# side data of codecs that carry ICC profiles, which have some, is never touched.
_MATRIX_CODECS = frozenset({"av1", "h263", "h264", "hevc", "mpeg4", "prores", "vp8", "vp9", "vvc"})


class Canvas:
    """Paints decoded pictures as upright RGB arrays of the size of the first.

    A picture is turned and mirrored as the display matrix says, and widened by the sample aspect ratio. One
    of another size (a stream may switch) is scaled to fit without distortion, centred on black, so that all
    coordinates of a video are of one picture. Transparency is dropped: the colours below it are what a camera
    or a compositor left there. High dynamic range is not tone-mapped.

    Args:
        sample_aspect_ratio: Width of a pixel over its height.
        max_pixels: Of the upright picture.
        codec: Name of the codec; of some, only the turn is read and not the mirroring.
        turn: Of all pictures, where that is known already; None reads it off each.
    """

    def __init__(
        self, sample_aspect_ratio: Fraction, max_pixels: int, codec: str, turn: Turn | None = None
    ) -> None:
        self._aspect_ratio = sample_aspect_ratio
        self._max_pixels = max_pixels
        self._reformatter = VideoReformatter()
        self._is_matrix_safe = codec in _MATRIX_CODECS
        self._rotation: int | None = None
        self._is_turn_known = turn is not None
        self._turn: Turn = turn or (0, False)
        self.size_px: tuple[int, int] | None = None
        """Width and height of every picture; None before the first."""
        self.rotation_deg = self._turn[0]
        """Clockwise turn of the latest picture."""

    def paint(self, picture: VideoFrame) -> Image:
        """Return the picture [H, W, 3] uint8 RGB.

        Raises:
            SourceError: Made square, its pixels exceed the limit.
        """
        self._read_turn(picture)
        # At least one pixel remains of either side.
        width_px = max(1, round(picture.width * self._aspect_ratio))
        height_px = picture.height
        if self.size_px is None:
            if width_px * height_px > self._max_pixels:
                raise SourceError("decode", f"{width_px}x{height_px} square pixels exceed decoder.max_pixels")
            is_sideways = self.rotation_deg in (90, 270)
            self.size_px = (height_px, width_px) if is_sideways else (width_px, height_px)
        target_px = self.size_px if self.rotation_deg in (0, 180) else self.size_px[::-1]
        scale = min(Fraction(target_px[0], width_px), Fraction(target_px[1], height_px))
        width_px, height_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
        return _centred(_turned(self._rgb(picture, width_px, height_px), self._turn), self.size_px)

    def _rgb(self, picture: VideoFrame, width_px: int, height_px: int) -> Image:
        try:
            rgb = self._reformatter.reformat(picture, width_px, height_px, "rgb24", threads=1)
        except av_error.FFmpegError:
            if lacks_memory():
                raise
            # Broken headers name colour spaces that do not exist; the most common one is the best guess.
            try:
                rgb = self._reformatter.reformat(
                    picture,
                    width_px,
                    height_px,
                    "rgb24",
                    src_colorspace=Colorspace.ITU601,
                    src_color_range=ColorRange.MPEG,
                    threads=1,
                )
            except av_error.FFmpegError as error:
                message = f"pictures of format {picture.format.name} cannot be turned into RGB"
                raise SourceError("decode", message, type(error).__name__) from error
        return np.asarray(rgb.to_ndarray(), np.uint8)

    def _read_turn(self, picture: VideoFrame) -> None:
        if self._is_turn_known or picture.rotation == self._rotation:
            return
        self._rotation = picture.rotation  # counterclockwise, -180..180
        matrix = picture.side_data.get("DISPLAYMATRIX") if self._is_matrix_safe else None
        if matrix is not None:
            self._turn = turn_of(struct.unpack("=9i", bytes(matrix)))
        else:
            self._turn = (round(-self._rotation / 90) * 90 % 360, False)
        self.rotation_deg = self._turn[0]


def turn_of(matrix: tuple[int, ...]) -> Turn:
    """Return the quarter turn of a display matrix, the nearest where it is none.

    Args:
        matrix: Nine numbers a b u, c d v, x y w in fixed point; a picture's point (p, q) is shown at
            (a p + c q + x, b p + d q + y). ISO/IEC 14496-12 6.2.2.
    """
    a, b, _, c, d = matrix[:5]
    is_mirrored = a * d - b * c < 0
    if is_mirrored:  # as the mirror comes last, it negates what goes to the horizontal axis
        a, c = -a, -c
    # The picture's axis p goes to (a, b): right stays right, right becomes down, left, up.
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 180), is_mirrored
    return (90 if b > 0 else 270), is_mirrored


_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def _turned(image: Image, turn: Turn) -> Image:
    degrees, is_mirrored = turn
    if degrees:
        image = np.asarray(cv2.rotate(image, _ROTATIONS[degrees]), np.uint8)
    return np.asarray(cv2.flip(image, 1), np.uint8) if is_mirrored else image


def _centred(image: Image, size_px: tuple[int, int]) -> Image:
    height_px, width_px = image.shape[:2]
    if (width_px, height_px) == size_px:
        return image
    left, top = (size_px[0] - width_px) // 2, (size_px[1] - height_px) // 2
    canvas = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    canvas[top : top + height_px, left : left + width_px] = image
    return canvas


class Deinterlacer:
    """Turns interlaced pictures into whole ones with FFmpeg's yadif, one picture behind.

    Pictures that are not flagged as interlaced pass unchanged. The filter is built anew where the size or
    the pixel format changes.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._places: deque[Place] = deque()

    def add(self, place: Place, picture: VideoFrame) -> Iterator[tuple[Place, VideoFrame]]:
        """Take the next picture in presentation order and yield those that are ready."""
        shape = (picture.width, picture.height, picture.format.name)
        if self._graph is None or shape != self._shape:
            yield from self.finish()
            self._graph, self._shape = _yadif(picture), shape
        picture.pts = place.index  # the filter wants increasing numbers; ours travel in _places
        self._places.append(place)
        self._graph.vpush(picture)
        yield from self._ready(self._graph)

    def finish(self) -> Iterator[tuple[Place, VideoFrame]]:
        """Yield what the filter still holds."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready(self._graph)
        self._graph = self._shape = None

    def _ready(self, graph: Graph) -> Iterator[tuple[Place, VideoFrame]]:
        while self._places:
            try:
                picture = graph.vpull()
            except (BlockingIOError, EOFError):
                return
            yield self._places.popleft(), picture


def _yadif(picture: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 1000)
    )
    filters = graph.add("yadif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, filters, graph.add("buffersink")).configure()
    return graph
