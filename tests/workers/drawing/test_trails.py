import math

import pytest

from tests.workers.readings import FPS, BoxesByFrame, WholeReading, made_reading
from workers.drawing.trails import Shown, Trails

SIDE = 40.0


def trails_of(reading: WholeReading, sample_fps: float) -> Trails:
    return Trails(reading, reading.boxes, sample_fps)


def at(trails: Trails, frame: int) -> list[Shown]:
    return list(trails.at(frame, frame / FPS))


def test_every_frame_that_was_looked_at_shows_what_was_measured() -> None:
    first: BoxesByFrame = {frame: (frame * 2.0, 10.0, SIDE, SIDE) for frame in (0, 1, 2, 5, 6)}
    second: BoxesByFrame = dict.fromkeys((1, 2), (200.0, 10.0, SIDE, SIDE))
    trails = trails_of(made_reading([first, second], frames=10), math.inf)
    assert [[face.track_index for face in at(trails, frame)] for frame in range(8)] == [
        *([0], [0, 1], [0, 1], [], [], [0], [0], []),
    ]
    (face, _) = at(trails, 2)
    assert (face.box_xywh_px, face.score) == ((4.0, 10.0, SIDE, SIDE), 0.75)
    assert face.measured is not None
    assert face.measured.frame_index == 2


def test_between_two_looks_a_box_moves_straight() -> None:
    """Five looks a second: every fifth frame of 25."""
    trails = trails_of(
        made_reading([{0: (0.0, 0.0, 40.0, 40.0), 5: (50.0, 10.0, 60.0, 40.0)}], frames=6), 5.0
    )
    (face,) = at(trails, 2)
    assert face.measured is None
    assert face.box_xywh_px == pytest.approx((20.0, 4.0, 48.0, 40.0))
    assert [len(at(trails, frame)) for frame in range(6)] == [1] * 6


def test_a_box_is_held_until_a_look_that_did_not_find_it() -> None:
    box = (10.0, 10.0, SIDE, SIDE)
    trails = trails_of(made_reading([{0: box, 5: box, 15: box}], frames=25), 5.0)
    assert [frame for frame in range(25) if at(trails, frame)] == [*range(10), *range(15, 20)]


def test_no_box_is_held_into_the_next_shot() -> None:
    """The cut lies somewhere between the looks at frames 5 and 10."""
    box = (10.0, 10.0, SIDE, SIDE)
    trails = trails_of(made_reading([{0: box, 5: box}, {10: box}], frames=15, cuts=[10]), 5.0)
    shown = [[face.track_index for face in at(trails, frame)] for frame in range(15)]
    assert shown == [[0]] * 6 + [[]] * 4 + [[1]] * 5


def test_a_video_without_faces_has_none_anywhere() -> None:
    reading = made_reading([], frames=5)
    assert at(trails_of(reading, 5.0), 3) == at(trails_of(reading, math.inf), 3) == []
