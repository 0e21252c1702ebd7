import math
from collections.abc import Sequence
from fractions import Fraction

import pytest

from workers.video.timeline import REORDER_FRAMES, Place, Sampler, Timeline

MS = Fraction(1, 1000)


def place_all(packets: Sequence[tuple[int, int | None, int]], sample_fps: float = math.inf) -> list[Place]:
    timeline = Timeline(MS, Sampler(MS, sample_fps))
    places = [timeline.place(*packet) for packet in packets]
    timeline.finish()
    return places


def test_a_number_is_the_rank_of_the_timestamp() -> None:
    places = place_all([(pts, None, 40) for pts in (0, 160, 80, 40, 120, 320, 240, 200, 280)])
    assert [place.index for place in places] == [0, 4, 2, 1, 3, 8, 6, 5, 7]


def test_a_place_is_certain_a_read_ahead_later() -> None:
    timeline = Timeline(MS, Sampler(MS, math.inf))
    first = timeline.place(0, None, 40)
    for number in range(1, REORDER_FRAMES):
        timeline.place(number * 40, None, 40)
    assert first.index is None
    timeline.place(REORDER_FRAMES * 40, None, 40)
    assert first.index == 0


def test_the_deepest_reordering_is_numbered_right() -> None:
    # The last of the group is decoded first: 16 frames precede a frame in decoding and follow it on screen.
    group = [*range(REORDER_FRAMES, 0, -1), 0]
    pts = [(number + 17 * repeat) * 40 for repeat in range(3) for number in group]
    places = place_all([(value, None, 40) for value in pts])
    assert [place.index for place in places] == [value // 40 for value in pts]


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (math.inf, [0, 33, 67, 100, 133, 167, 200]),
        (10.0, [0, 100, 200]),
        (8.0, [0, 133]),
        (1.0, [0]),
        (1000.0, [0, 33, 67, 100, 133, 167, 200]),
    ],
)
def test_the_first_frame_at_or_after_each_tick_is_picked(fps: float, expected: list[int]) -> None:
    sampler = Sampler(MS, fps)
    assert [pts for pts in (0, 33, 67, 100, 133, 167, 200) if sampler.picks(pts)] == expected


def test_ticks_start_with_the_first_frame_and_skip_gaps() -> None:
    sampler = Sampler(MS, 10.0)
    picked = [pts for pts in (5000, 5060, 5120, 9000, 9050, 9100) if sampler.picks(pts)]
    assert picked == [5000, 5120, 9000, 9100]


def test_a_long_video_is_sampled_without_drift() -> None:
    sampler = Sampler(Fraction(1, 30_000), 8.0)
    picked = [number for number in range(300_000) if sampler.picks(number * 1001)]
    assert len(picked) == 300_000 * 1001 * 8 // 30_000
    assert picked[-1] == -(-(len(picked) - 1) * 30_000 // (8 * 1001))


def test_timestamps_that_jump_back_go_on_where_they_were() -> None:
    packets = [(1400 + 40 * number, 1320 + 40 * number, 40) for number in range(25)]
    places = place_all(packets * 2)
    assert [place.index for place in places] == list(range(50))
    assert [place.pts for place in places] == [1400 + 40 * number for number in range(50)]


def test_a_jump_back_shows_without_decoding_timestamps() -> None:
    places = place_all([(40 * number, None, 40) for number in range(30)] * 2)
    assert [place.index for place in places] == list(range(60))


def test_a_repeated_timestamp_is_a_tick_after_the_one_before() -> None:
    places = place_all([(pts, None, 40) for pts in (0, 40, 80, 80, 80, 81, 120)])
    assert [place.index for place in places] == list(range(7))
    assert [place.pts for place in places] == [0, 40, 80, 81, 82, 83, 120]


def test_a_missing_duration_lasts_to_the_next_frame() -> None:
    places = place_all([(0, None, 0), (100, None, 0), (40, None, 0)])
    assert [place.duration for place in places] == [40, 0, 60]
