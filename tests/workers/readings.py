"""Readings with the rows of their boxes: of a reader, or made for tests, of faces that are only boxes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from storage import records
from storage.tables import Rows
from workers.boxes import Boxes, BoxGatherer
from workers.reading import Chunk, Reading

KEYS = ("ab" * 32, "recipe", "attempt")
FPS = 25
BoxesByFrame = Mapping[int, tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class WholeReading(Reading):
    """A reading and its boxes as rows, in the order in which they were handed on."""

    rows_of_boxes: tuple[records.Box, ...]

    @property
    def boxes(self) -> Boxes:
        """The same in columns."""
        gatherer = BoxGatherer(keeps_landmarks=True)
        gatherer.add([Rows.of(self.rows_of_boxes)] if self.rows_of_boxes else [])
        return gatherer.boxes(self.tracks)


def whole_reading(
    parts: Iterable[Chunk | records.Video], on_chunk: Callable[[Chunk], None] = lambda _: None
) -> WholeReading:
    """Gather all that a reader gives but the clips."""
    boxes: list[records.Box] = []

    def gather(chunk: Chunk) -> None:
        on_chunk(chunk)
        rows = (row for of_table in chunk.rows for row in of_table.records())
        boxes.extend(row for row in rows if isinstance(row, records.Box))

    reading = Reading.of(parts, gather)
    return WholeReading(reading.video, reading.shots, reading.tracks, tuple(boxes))


def made_reading(
    tracks: Sequence[BoxesByFrame], *, frames: int, cuts: Sequence[int] = (), qualities: float = 0.5
) -> WholeReading:
    """Return a reading of 320x240 at 25 fps.

    Args:
        tracks: per track, boxes by frame; the first of the best quality is in the middle.
        frames: length of the video.
        cuts: first frames of shots but the first.
        qualities: of all boxes but the best.
    """
    shots = tuple(records.Shot(*KEYS, n, frame, frame / FPS) for n, frame in enumerate((0, *cuts)))
    boxes: list[records.Box] = []
    rows: list[records.Track] = []
    for number, of_track in enumerate(tracks):
        track_id = records.track_id(*KEYS[:2], number)
        places = sorted(of_track)
        best = places[len(places) // 2]
        for frame in places:
            quality = 0.9 if frame == best else qualities
            boxes.append(_box(track_id, frame, of_track[frame], quality))
        rows.append(
            records.Track(
                track_id=track_id,
                video_id=KEYS[0],
                recipe_id=KEYS[1],
                attempt_id=KEYS[2],
                track_index=number,
                shot_index=sum(cut <= places[0] for cut in cuts),
                start_s=places[0] / FPS,
                end_s=places[-1] / FPS,
                start_frame=places[0],
                end_frame=places[-1],
                frames=len(places),
                quality=qualities,
                no_clip_reason="too short",
            )
        )
    return WholeReading(_video(frames, len(rows), len(boxes)), shots, tuple(rows), tuple(boxes))


def _box(track_id: str, frame: int, box: tuple[float, float, float, float], quality: float) -> records.Box:
    x, y, w, h = box
    return records.Box(
        track_id=track_id,
        video_id=KEYS[0],
        recipe_id=KEYS[1],
        attempt_id=KEYS[2],
        frame_index=frame,
        pts=frame,
        pts_s=frame / FPS,
        x_px=x,
        y_px=y,
        w_px=w,
        h_px=h,
        score=0.75,
        quality=quality,
        sharpness=100.0,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        landmarks_px=(x + w / 2, y + h / 2) * 68,
    )


def _video(frames: int, tracks: int, boxes: int) -> records.Video:
    return records.Video(
        video_id=KEYS[0],
        recipe_id=KEYS[1],
        attempt_id=KEYS[2],
        scan_id="scan",
        uri="/v.mp4",
        size_bytes=1,
        container="mp4",
        codec="h264",
        pixel_format="yuv420p",
        width_px=320,
        height_px=240,
        fps=float(FPS),
        duration_s=frames / FPS,
        rotation_deg=0,
        sample_aspect_ratio="1:1",
        time_base=f"1/{FPS}",
        start_pts=0,
        decoder="made",
        frames_decoded=frames,
        frames_sampled=frames,
        packets_damaged=0,
        is_partial=False,
        partial_reason=None,
        faces=boxes,
        tracks=tracks,
        clips=0,
        findings=0,
        read_s=1.0,
        describe_s=0.0,
        committed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
