import itertools

import pytest

from workers.drawing.time_axis import TimeAxis, clock_of


@pytest.mark.parametrize("span_s", [0.04, 0.5, 3, 10, 59, 61, 600, 3599, 7200, 86400, 40 * 86400])
@pytest.mark.parametrize("start_s", [0.0, 5.0, -0.3, 12345.6])
def test_ticks_are_round_few_and_apart(span_s: float, start_s: float) -> None:
    axis = TimeAxis(start_s, start_s + span_s, 100, 1400)
    times, names = zip(*axis.ticks(), strict=True)
    places = [axis.x_px(time_s) for time_s in times]
    assert all(after - before >= 80 for before, after in itertools.pairwise(places))
    assert 1 <= len(times) <= 17
    assert 100 <= places[0] <= places[-1] <= 1500
    assert len(set(names)) == len(names)


def test_moments_outside_go_to_the_ends() -> None:
    axis = TimeAxis(2.0, 4.0, 100, 1000)
    assert [axis.x_px(time_s) for time_s in (0, 2, 3, 4, 9)] == [100, 100, 600, 1100, 1100]


@pytest.mark.parametrize(
    ("time_s", "step_s", "name"),
    [
        *(
            (0.0, 1, "0"),
            (7.25, 0.1, "7.2"),
            (59.96, 0.1, "1:00.0"),
            (75.0, 1, "1:15"),
            (75.34, 0.1, "1:15.3"),
        ),
        *((3725.0, 60, "1:02:05"), (-0.3, 0.1, "-0.3"), (86400.0, 3600, "24:00:00")),
    ],
)
def test_times_are_named_as_clocks_do(time_s: float, step_s: float, name: str) -> None:
    assert clock_of(time_s, step_s) == name
