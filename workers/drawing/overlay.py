"""A copy of a video with what was found drawn over it: boxes, tracks, landmarks, cuts."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av import VideoFrame
from av import error as av_error
from numpy.typing import NDArray

from workers.drawing.lettering import text_width_px, write_text
from workers.drawing.palette import colour_of, ink_on
from workers.drawing.trails import Shown
from workers.video.frames import Frame

Image = NDArray[np.uint8]

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Containers by the ending of the name."""
_DASHES = 6
_LINES = (range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36))
_LOOPS = (range(36, 42), range(42, 48), range(48, 60), range(60, 68))
_LEAST_LANDMARKS_PX = 28
"""Shorter side of a box below which landmarks would hide the face."""
_CUT = (214, 60, 72)


class Overlay:
    """Writes a video frame by frame, with the timestamps of the source; H.264, without sound.

    Args:
        path: to write, of a container in `CONTAINERS`.
        size_px: width and height of the frames; an odd side gets a last row or column twice.
        time_base: of the frames' pts.
        fps: nominal rate.
        end_pts: when the last frame ends.

    Raises:
        OSError: here and later: it cannot be written, or not in this size.
    """

    def __init__(
        self, path: Path, size_px: tuple[int, int], time_base: Fraction, *, fps: float | None, end_pts: int
    ) -> None:
        self._path = path
        self._size_px, self._time_base, self._end_pts = size_px, time_base, end_pts
        with self._telling():
            # "file:" keeps a colon in the name from being read as a protocol.
            self._container = av.open(f"file:{path}", "w", format=CONTAINERS[path.suffix.lower()])
        rate = Fraction(fps).limit_denominator(1001) if fps else Fraction(25)
        stream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height = (side + side % 2 for side in size_px)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.options = {"preset": "veryfast", "crf": "20", "bf": "0"}
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._telling():
            if error is None:
                packets = self._stream.encode(None)
                for packet in packets[-1:]:  # the encoder cannot know how long the last picture stays
                    packet.duration = max(1, self._end_pts - (packet.pts or 0))
                self._container.mux(packets)
            self._container.close()

    def add(self, frame: Frame, shown: Iterable[Shown], caption: str, *, is_cut: bool) -> None:
        """Write a frame with its faces.

        Args:
            frame: later than the one before.
            shown: its faces.
            caption: a line for the lower left corner.
            is_cut: whether a shot has just begun.
        """
        image = annotated(frame.image, shown, caption, is_cut=is_cut)
        width_px, height_px = self._size_px
        if width_px % 2 or height_px % 2:
            edges = (0, height_px % 2, 0, width_px % 2)
            image = np.asarray(cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE), np.uint8)
        picture = VideoFrame.from_ndarray(image, format="rgb24")
        picture.pts, picture.time_base = frame.pts, self._time_base
        with self._telling():
            self._container.mux(self._stream.encode(picture))

    @contextmanager
    def _telling(self) -> Generator[None]:
        try:
            yield
        except av_error.FFmpegError as error:
            what = f"H.264 of {self._size_px[0]}x{self._size_px[1]} pixels cannot be written"
            raise OSError(f"{self._path}: {what} ({error.strerror})") from error


def annotated(image: Image, shown: Iterable[Shown], caption: str, *, is_cut: bool) -> Image:
    """Return a copy of a picture [H, W, 3] uint8 RGB with its faces drawn over it.

    A measured box is drawn through and has its landmarks; one that was not measured is dashed. Boxes are told
    apart by colour and by `t` and the track's index.
    """
    drawn = image.copy()
    line_px = max(1, round(min(image.shape[:2]) / 200))
    faces = list(shown)
    for face in faces:
        colour = colour_of(face.track_index)
        _draw_box(drawn, face, line_px)
        points = None if face.measured is None else face.measured.landmarks_px
        if points is not None and min(face.box_xywh_px[2:]) >= _LEAST_LANDMARKS_PX:
            _draw_landmarks(drawn, points.astype(np.float64), colour, face.box_xywh_px[2])
    for face in faces:
        _draw_name(drawn, face, line_px)
    _draw_caption(drawn, caption, is_cut=is_cut)
    return drawn


def _draw_box(image: Image, face: Shown, line_px: int) -> None:
    colour = colour_of(face.track_index)
    x, y, w, h = face.box_xywh_px
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        pieces = 1 if face.measured is not None else _DASHES
        for number in range(pieces):
            part = [(number + share) / pieces for share in ((0.0, 1.0) if pieces == 1 else (0.2, 0.8))]
            a, b = (tuple(round(p + s * (q - p)) for p, q in zip(start, end, strict=True)) for s in part)
            cv2.line(image, a, b, colour, line_px, cv2.LINE_AA)


def _draw_landmarks(
    image: Image, points: NDArray[np.float64], colour: tuple[int, int, int], w: float
) -> None:
    """Draw 68 points and the lines that they are on."""
    fixed = np.round(points * 16).astype(np.int32)  # in sixteenths of a pixel
    light = tuple(round(part + (255 - part) * 0.45) for part in colour)
    for lines, is_closed in ((_LINES, False), (_LOOPS, True)):
        cv2.polylines(image, [fixed[list(line)] for line in lines], is_closed, light, 1, cv2.LINE_AA, 4)
    radius = round(16 * max(0.8, w / 110))
    for x, y in fixed.tolist():
        cv2.circle(image, (x, y), radius, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, 4)


def _draw_name(image: Image, face: Shown, line_px: int) -> None:
    colour = colour_of(face.track_index)
    height_px, width_px = image.shape[:2]
    size_px = _letter_px(image)
    text = f"t{face.track_index}"
    wide_px, high_px = text_width_px(text, size_px=size_px, weight=700) + size_px // 2, round(size_px * 1.3)
    left = min(max(0, round(face.box_xywh_px[0]) - line_px // 2), max(0, width_px - wide_px))
    top = round(face.box_xywh_px[1]) - high_px
    top = min(max(0, top), max(0, height_px - high_px))
    cv2.rectangle(image, (left, top), (left + wide_px, top + high_px), colour, cv2.FILLED)
    write_text(
        image,
        text,
        (left + size_px // 4, top + size_px),
        ink_on(colour),
        size_px=size_px,
        weight=700,
    )


def _draw_caption(image: Image, caption: str, *, is_cut: bool) -> None:
    size_px, height_px = _letter_px(image), image.shape[0]
    left = size_px // 2
    for text, colour in ((caption, (0, 0, 0)), *([("cut", _CUT)] if is_cut else [])):
        wide_px = text_width_px(text, size_px=size_px) + size_px
        top = max(0, height_px - round(size_px * 1.9))
        part = image[top : top + round(size_px * 1.4), left : left + wide_px]
        part[:] = np.round(part * 0.35 + np.array(colour) * 0.65).astype(np.uint8)
        write_text(image, text, (left + size_px // 2, top + size_px), (255, 255, 255), size_px=size_px)
        left += wide_px + size_px // 3


def _letter_px(image: Image) -> int:
    return max(9, round(min(image.shape[:2]) / 26))
