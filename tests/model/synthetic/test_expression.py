"""Action units, measured on the landmarks and the pixels that they move."""

from collections.abc import Callable

import numpy as np
import pytest

from model.prompting.labels import EXPRESSIONS as LABELS
from model.synthetic.expression import ACTION_UNITS, EXPRESSIONS, Expression
from model.synthetic.face import Face
from model.synthetic.render import Rendered, render_face
from tests.model.synthetic.faces import PLAIN, distance, patch

Measure = Callable[[Rendered], float]


def _with(units: dict[int, float], **other: float) -> Rendered:
    return render_face(PLAIN, size=240, expression=Expression(action_units=units, **other))  # pyright: ignore[reportArgumentType]


def _y(*points: int) -> Measure:
    return lambda rendered: float(rendered.truth.landmarks_px[list(points), 1].mean())


# What each unit must change: a measure, and whether it grows (downwards is +y).
_EFFECTS: list[tuple[int, Measure, int]] = [
    (1, _y(21, 22), -1),
    (2, _y(18, 25), -1),
    (4, lambda r: distance(r, 21, 22), -1),
    (5, lambda r: distance(r, 37, 41) + distance(r, 44, 46), 1),
    (6, lambda r: distance(r, 37, 41) + distance(r, 44, 46), -1),
    (7, lambda r: distance(r, 37, 41) + distance(r, 44, 46), -1),
    (9, _y(31, 35), -1),
    (10, lambda r: distance(r, 33, 51), -1),
    (12, _y(48, 54), -1),
    (14, lambda r: distance(r, 48, 54), 1),
    (15, _y(48, 54), 1),
    (17, _y(57), -1),
    (20, lambda r: distance(r, 48, 54), 1),
    (23, lambda r: distance(r, 48, 54), -1),
    (24, lambda r: distance(r, 51, 57), -1),
    (25, lambda r: distance(r, 62, 66), 1),
    (26, lambda r: distance(r, 62, 66), 1),
]


def test_every_unit_has_an_effect_that_is_tested() -> None:
    assert tuple(number for number, _, _ in _EFFECTS) == ACTION_UNITS


@pytest.mark.parametrize(("number", "measure", "sign"), _EFFECTS)
def test_a_unit_moves_what_its_name_says(number: int, measure: Measure, sign: int) -> None:
    at_rest, moved = measure(_with({})), measure(_with({number: 1.0}))
    assert sign * (moved - at_rest) > 0.8  # pixels of a face that is 130 wide


def test_a_dropped_jaw_shows_a_dark_mouth() -> None:
    mouth = slice(60, 68)
    closed, opened = patch(_with({}), slice(48, 60)), patch(_with({25: 0.6, 26: 1.0}), mouth)
    assert (opened.mean(1) < 45).mean() > 0.3
    assert (closed.mean(1) < 45).mean() < 0.05


def test_a_smile_shows_teeth_in_an_open_mouth() -> None:
    smile = patch(_with({6: 0.8, 12: 0.9, 25: 0.6}), slice(60, 68))
    ivory = (smile.min(1) > 90) & (np.ptp(smile, axis=1) < 70)
    assert ivory.mean() > 0.15


def test_a_blink_closes_the_eyes() -> None:
    opened, closed = _with({}), _with({}, blink=1.0)
    assert distance(closed, 37, 41) < 0.25 * distance(opened, 37, 41)
    contrast = [patch(rendered, [36, 37, 38, 39, 40, 41]).mean(1).std() for rendered in (opened, closed)]
    assert contrast[1] < 0.6 * contrast[0]  # neither white nor iris, but for the lashes


def test_gaze_moves_the_iris_and_no_landmark() -> None:
    left, right = (
        render_face(Face(hair_style="bald"), size=400, expression=Expression(gaze_deg=(turn, 0.0)))
        for turn in (-18, 18)
    )
    np.testing.assert_allclose(left.truth.landmarks_px, right.truth.landmarks_px, atol=1e-4)
    darkest: list[float] = []
    for rendered in (left, right):
        (x0, y0), (x1, y1) = rendered.truth.landmarks_px[[36, 39]].astype(int).tolist()
        row = rendered.picture[(y0 + y1) // 2 - 2 : (y0 + y1) // 2 + 3, x0 + 4 : x1 - 4].mean((0, 2))
        darkest.append(float((np.arange(len(row)) * (row < row.mean())).sum() / (row < row.mean()).sum()))
    assert darkest[1] > darkest[0] + 3


def test_the_prototypes_are_the_seven_labels_and_differ() -> None:
    assert set(EXPRESSIONS) == {label.name for label in LABELS}
    shapes = [_with(dict(units)).truth.landmarks_px[17:] for units in EXPRESSIONS.values()]
    for k, shape in enumerate(shapes):
        for other in shapes[k + 1 :]:
            assert np.linalg.norm(shape - other, axis=1).max() > 3


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[3\]"):
        Expression(action_units={3: 1.0})
