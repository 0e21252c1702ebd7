"""The contact sheet of a video: one row per track along a time axis, for people to check what was found."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.records import Track
from workers.boxes import Boxes, Measured
from workers.crop import CropSquare
from workers.drawing.lettering import shortened, text_width_px, write_text
from workers.drawing.palette import Colour, colour_of, ink_on
from workers.drawing.time_axis import TimeAxis, clock_of
from workers.reading import Reading
from workers.video.frames import Frame

Image = NDArray[np.uint8]

MAX_ROWS = 64
"""Tracks that are shown; of more, those seen in the most frames."""
_MARGIN, _LABEL, _AXIS, _LEGEND = 28, 236, 1400, 460
_THUMB, _GAP, _BAR = 76, 4, 6
_ROW = _THUMB + _BAR + 26
_HEADER, _FOOTER = 116, 44
_MARGIN_OF_FACE = 0.22
_PAPER, _PANEL, _RULE = (250, 250, 248), (236, 236, 232), (222, 222, 217)
_INK, _SOFT, _CUT, _STAR = (28, 28, 34), (112, 112, 120), (214, 60, 72), (250, 190, 40)
_GOLD = (168, 116, 0)


@dataclass(slots=True, eq=False)
class _Thumb:
    """A face on the film strip of a track: where it goes, whose it is, and its pixels once they came by."""

    left_px: int
    box: Measured
    is_best: bool
    image: Image | None = None


@dataclass(slots=True, eq=False)
class _Row:
    """A track: when it was seen, ascending, how large its boxes are, and its film strip."""

    track: Track
    seen_s: NDArray[np.float64]
    size_px: float
    thumbs: list[_Thumb]


class ContactSheet:
    """Draws the tracks of a reading; shown its frames once more, it takes the faces that it wants from them.

    Its size does not depend on the length of the video, and on the number of tracks only up to `MAX_ROWS`.

    Args:
        reading: of the video.
        boxes: all of it.
        title: the video's name.
        clips: how many clips each track has, by `track_id`.
        persons: names by `person_id`.
    """

    def __init__(
        self,
        reading: Reading,
        boxes: Boxes,
        title: str,
        *,
        clips: dict[str, int],
        persons: dict[str, str],
    ) -> None:
        self._reading, self._title, self._clips, self._persons = reading, title, clips, persons
        start_s = reading.shots[0].start_s
        self._axis = TimeAxis(start_s, start_s + reading.video.duration_s, _MARGIN + _LABEL, _AXIS)
        self._step_s = 0.1 if reading.video.duration_s < 600 else 1.0
        self._looks_s: list[float] = []
        chosen = sorted(reading.tracks, key=lambda track: (-track.frames, track.track_index))[:MAX_ROWS]
        self._rows: list[_Row] = []
        self._wanted: dict[int, list[_Thumb]] = {}
        for track in sorted(chosen, key=lambda track: track.track_index):
            mine = boxes.of_track(track.track_index)
            size_px = mine.mean_sizes_px()[track.track_index]
            thumbs = _film_strip(mine, self._axis)
            self._rows.append(_Row(track, mine.pts_s, size_px, thumbs))
            for thumb in thumbs:
                self._wanted.setdefault(thumb.box.frame_index, []).append(thumb)

    def add(self, frame: Frame, *, is_looked_at: bool) -> None:
        """Take what is wanted from a frame.

        Args:
            frame: of the same video; in order, and all at which the reading looked.
            is_looked_at: whether the reading did look at this one.
        """
        if is_looked_at:
            self._looks_s.append(frame.pts_s)
        for thumb in self._wanted.get(frame.index, []):
            thumb.image = _cut_out(frame.image, thumb.box)

    def draw(self) -> Image:
        """Return the sheet [H, W, 3] uint8 RGB."""
        rows_px = max(1, len(self._rows)) * _ROW
        hidden = len(self._reading.tracks) - len(self._rows)
        height_px = _HEADER + rows_px + _FOOTER + (24 if hidden else 0)
        sheet = np.full((height_px, _MARGIN + _LABEL + _AXIS + _MARGIN, 3), _PAPER, np.uint8)
        self._draw_header(sheet)
        bottom_px = _HEADER + rows_px
        self._draw_ticks(sheet, bottom_px)
        for number, row in enumerate(self._rows):
            self._draw_row(sheet, row, _HEADER + number * _ROW)
        self._draw_cuts(sheet, bottom_px)
        if not self._rows:
            write_text(sheet, "no face was found", (self._axis.left_px + 20, _HEADER + 60), _SOFT, size_px=22)
        if hidden:
            noun = "track" if hidden == 1 else "tracks"
            text = f"and {hidden:,} more {noun}, seen in fewer frames"
            write_text(sheet, text, (_MARGIN, height_px - 18), _SOFT, size_px=15)
        return sheet

    def _draw_header(self, sheet: Image) -> None:
        video, cuts = self._reading.video, len(self._reading.shots) - 1
        width_px = sheet.shape[1] - 2 * _MARGIN - _LEGEND
        title = shortened(self._title, width_px, size_px=24, weight=600)
        write_text(sheet, title, (_MARGIN, 42), _INK, size_px=24, weight=600)
        self._draw_legend(sheet)
        rate = f"{video.fps:.4g} fps" if video.fps else "no stated rate"
        length = clock_of(video.duration_s, self._step_s) + (" s" if video.duration_s < 60 else "")
        facts = [
            f"{video.width_px} × {video.height_px}",
            *([rate, length] if video.frames_decoded > 1 else ["one picture"]),
            _count(video.tracks, "track"),
            f"{_count(video.faces, 'face')} in {_count(video.frames_sampled, 'frame')}",
            _count(cuts, "cut"),
        ]
        text = "  ·  ".join(facts)
        write_text(sheet, text, (_MARGIN, 68), _SOFT, size_px=15)
        if video.is_partial:
            left_px = _MARGIN + text_width_px(text, size_px=15) + 16
            reason = f"read only in part: {video.partial_reason}"
            write_text(sheet, reason, (left_px, 68), _CUT, size_px=15)

    def _draw_ticks(self, sheet: Image, bottom_px: int) -> None:
        for time_s, label in self._axis.ticks():
            x = self._axis.x_px(time_s)
            cv2.line(sheet, (x, _HEADER - 6), (x, bottom_px), _RULE, 1)
            half_px = text_width_px(label, size_px=13) // 2
            for base_px in (_HEADER - 12, bottom_px + 18):
                write_text(sheet, label, (x - half_px, base_px), _SOFT, size_px=13)

    def _draw_cuts(self, sheet: Image, bottom_px: int) -> None:
        cuts = sorted({self._axis.x_px(shot.start_s) for shot in self._reading.shots[1:]})
        is_crowded = len(cuts) > _AXIS // 24
        for x in cuts:
            if is_crowded:  # only above the rows, which lines would hide
                cv2.line(sheet, (x, _HEADER - 8), (x, _HEADER - 2), _CUT, 1)
                continue
            tip = np.array([(x, _HEADER - 2), (x - 4, _HEADER - 9), (x + 4, _HEADER - 9)], np.int32)
            cv2.fillConvexPoly(sheet, tip, _CUT, cv2.LINE_AA)
            for top_px in range(_HEADER, bottom_px, 7):
                cv2.line(sheet, (x, top_px), (x, top_px + 3), _CUT, 1)

    def _draw_legend(self, sheet: Image) -> None:
        """Say what the marks mean, at the right end of the header."""
        right_px = sheet.shape[1] - _MARGIN
        for text, colour in (
            ("▼ cut", _CUT),
            ("▲ when a picture was taken", _SOFT),
            ("★ best picture of a track", _GOLD),
        ):
            right_px -= text_width_px(text, size_px=13)
            write_text(sheet, text, (right_px, 42), colour, size_px=13)
            right_px -= 22

    def _draw_row(self, sheet: Image, row: _Row, top_px: int) -> None:
        axis, colour = self._axis, colour_of(row.track.track_index)
        cv2.line(sheet, (_MARGIN, top_px), (sheet.shape[1] - _MARGIN, top_px), _RULE, 1)
        self._draw_label(sheet, row, top_px + 8, colour)
        bar_px = top_px + 8 + _THUMB + 5
        cv2.rectangle(
            sheet, (axis.left_px, bar_px), (axis.left_px + _AXIS, bar_px + _BAR - 1), _PANEL, cv2.FILLED
        )
        for start_s, end_s in self._stretches(row.seen_s.tolist()):
            left_px, right_px = axis.x_px(start_s), axis.x_px(end_s)
            cv2.rectangle(
                sheet, (left_px, bar_px), (max(left_px + 1, right_px), bar_px + _BAR - 1), colour, cv2.FILLED
            )
        for thumb in row.thumbs:
            _draw_thumb(sheet, thumb, (top_px + 8, bar_px), axis.x_px(thumb.box.pts_s), colour)

    def _draw_label(self, sheet: Image, row: _Row, top_px: int, colour: Colour) -> None:
        track, clips = row.track, self._clips.get(row.track.track_id, 0)
        name = f"t{track.track_index}"
        width_px = text_width_px(name, size_px=16, weight=700) + 14
        cv2.rectangle(sheet, (_MARGIN, top_px), (_MARGIN + width_px, top_px + 22), colour, cv2.FILLED)
        write_text(sheet, name, (_MARGIN + 7, top_px + 17), ink_on(colour), size_px=16, weight=700)
        unit = " s" if track.end_s < 60 else ""
        span = f"{clock_of(track.start_s, self._step_s)} – {clock_of(track.end_s, self._step_s)}{unit}"
        write_text(sheet, span, (_MARGIN + width_px + 10, top_px + 17), _INK, size_px=15)
        person = self._persons.get(track.person_id or "")
        lines = (
            f"{_count(track.frames, 'face')}  ·  {row.size_px:.0f} px",
            f"quality {track.quality:.2f}" + (f"  ·  person {person}" if person else ""),
            _count(clips, "clip") if clips else f"no clip: {track.no_clip_reason}",
        )
        for number, line in enumerate(lines):
            base_px = top_px + 41 + number * 18
            write_text(sheet, line, (_MARGIN, base_px), _SOFT, size_px=13)

    def _stretches(self, seen_s: Sequence[float]) -> list[tuple[float, float]]:
        """Return from when to when a track is seen, each look lasting until the next."""
        found: list[tuple[float, float]] = []
        for moment_s in seen_s:
            after = bisect_right(self._looks_s, moment_s)
            until_s = self._looks_s[after] if after < len(self._looks_s) else self._axis.end_s
            is_next = bool(found) and found[-1][1] >= moment_s
            start_s = found.pop()[0] if is_next else moment_s
            found.append((start_s, until_s))
        return found


def _film_strip(boxes: Boxes, axis: TimeAxis) -> list[_Thumb]:
    """Return the faces to show of a track: where its strip has room, the best of the time that one covers."""
    best = int(boxes.qualities.argmax())
    places_px = [axis.x_px(moment_s) for moment_s in boxes.pts_s.tolist()]
    step_px = _THUMB + _GAP
    strip: list[_Thumb] = []
    free_px = 0
    place = 0
    while place < len(boxes):
        left_px = places_px[place]
        if left_px < free_px:
            place += 1
            continue
        end = place
        while end < len(boxes) and places_px[end] < left_px + step_px:
            end += 1
        shown = place + int(boxes.qualities[place:end].argmax())
        left_px = min(left_px, axis.left_px + axis.width_px - _THUMB)
        if strip and left_px < strip[-1].left_px + step_px:
            break
        strip.append(_Thumb(left_px, boxes[shown], shown == best))
        free_px = left_px + step_px
        place = end
    if not any(thumb.is_best for thumb in strip):
        best_s = float(boxes.pts_s[best])
        nearest = min(strip, key=lambda thumb: abs(thumb.box.pts_s - best_s))
        nearest.box, nearest.is_best = boxes[best], True
    return strip


def _cut_out(image: Image, box: Measured) -> Image:
    x, y, w, h = box.box_xywh_px
    side = max(1, round(max(w, h) * (1 + 2 * _MARGIN_OF_FACE)))
    left = round(x + (w - side) / 2)
    top = round(y + (h - side) / 2)
    square = CropSquare(left, top, side).cut(image, side)
    method = cv2.INTER_AREA if side > _THUMB else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (_THUMB, _THUMB), interpolation=method), np.uint8)


def _draw_thumb(sheet: Image, thumb: _Thumb, top_bar_px: tuple[int, int], at_px: int, colour: Colour) -> None:
    top_px, bar_px = top_bar_px
    left_px, right_px = thumb.left_px, thumb.left_px + _THUMB
    if thumb.image is None:
        cv2.rectangle(sheet, (left_px, top_px), (right_px - 1, top_px + _THUMB - 1), _PANEL, cv2.FILLED)
    else:
        sheet[top_px : top_px + _THUMB, left_px:right_px] = thumb.image
    notch = np.array([(at_px - 4, bar_px + 11), (at_px + 4, bar_px + 11), (at_px, bar_px + 5)], np.int32)
    cv2.fillConvexPoly(sheet, notch, _INK if thumb.is_best else colour, cv2.LINE_AA)
    if thumb.is_best:
        cv2.rectangle(sheet, (left_px + 1, top_px + 1), (right_px - 2, top_px + _THUMB - 2), _STAR, 3)
        cv2.rectangle(sheet, (right_px - 20, top_px), (right_px - 1, top_px + 19), _STAR, cv2.FILLED)
        write_text(sheet, "★", (right_px - 17, top_px + 15), _INK, size_px=14)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def encode_png(image: Image) -> bytes:
    """Return a picture [H, W, 3] uint8 RGB as PNG."""
    is_encoded, data = cv2.imencode(".png", cast("Any", image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    assert is_encoded, f"OpenCV could not encode a picture of shape {image.shape}"
    return data.tobytes()
