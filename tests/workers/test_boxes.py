import gc
import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from storage import records
from storage.tables import Rows
from tests.workers.readings import BoxesByFrame, made_reading
from workers.boxes import BoxGatherer

SIDE = 40.0
TRACKS: list[BoxesByFrame] = [
    {frame: (frame * 0.1, 10.0, SIDE, SIDE + frame) for frame in (1, 2, 5)},
    {frame: (200.0, frame / 3, SIDE / 2, SIDE) for frame in (0, 2, 3)},
]


def test_boxes_come_back_by_frame_and_track_whatever_the_order_in_which_they_came() -> None:
    reading = made_reading(TRACKS, frames=6)
    rows = reading.rows_of_boxes
    moved = [replace(row, landmarks_px=tuple(n + 0.25 + p for p in range(136))) for n, row in enumerate(rows)]
    gatherer = BoxGatherer(keeps_landmarks=True)
    gatherer.add([Rows.of(moved[3:5]), Rows.of(reading.tracks)])
    gatherer.add([Rows.of(moved[5:]), Rows.of(moved[:3])])
    boxes = gatherer.boxes(reading.tracks)
    assert [(box.frame_index, box.track_index) for box in boxes] == [
        *((0, 1), (1, 0), (2, 0), (2, 1), (3, 1), (5, 0)),
    ]
    numbers = {(row.frame_index, int(row.track_id[-4:])): row for row in moved}
    for box in boxes:
        row = numbers[box.frame_index, box.track_index]
        assert box.box_xywh_px == (row.x_px, row.y_px, row.w_px, row.h_px)
        assert (box.pts_s, box.score, box.quality) == (row.pts_s, row.score, row.quality)
        assert box.landmarks_px is not None
        assert box.landmarks_px.ravel().tolist() == list(row.landmarks_px)
    assert [list(boxes.in_frame(frame)) for frame in range(7)] == [[0], [1], [2, 3], [4], [], [5], []]
    assert boxes.mean_sizes_px() == {0: SIDE, 1: SIDE / 2}
    mine = boxes.of_track(1)
    assert [box.frame_index for box in mine] == [0, 2, 3]
    assert mine[0].landmarks_px is None


def test_a_video_without_boxes_has_none() -> None:
    for keeps_landmarks in (False, True):
        boxes = BoxGatherer(keeps_landmarks=keeps_landmarks).boxes(())
        assert (len(boxes), list(boxes.in_frame(0)), boxes.mean_sizes_px()) == (0, [], {})


@pytest.mark.parametrize(("keeps_landmarks", "most_bytes"), [(False, 100), (True, 700)])
def test_a_box_is_few_bytes(*, keeps_landmarks: bool, most_bytes: int) -> None:
    reading = made_reading([{0: (1.0, 2.0, SIDE, SIDE)}], frames=1)
    count = 4096
    gatherer = BoxGatherer(keeps_landmarks=keeps_landmarks)

    def rows(start: int) -> list[records.Box]:
        frames = range(start, start + 512)
        return [replace(reading.rows_of_boxes[0], frame_index=frame, pts_s=frame / 25) for frame in frames]

    tracemalloc.start()
    before_bytes = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes()
    for start in range(0, count, 512):
        gatherer.add([Rows.of(rows(start))])
    boxes = gatherer.boxes(reading.tracks)
    gc.collect()
    taken_bytes = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - before_bytes
    tracemalloc.stop()
    assert len(boxes) == count
    assert np.array_equal(boxes.frame_indices, np.arange(count))
    assert taken_bytes / count < most_bytes
