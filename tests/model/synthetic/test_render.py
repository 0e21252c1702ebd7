"""Pictures and the truth about them."""

from dataclasses import replace

import numpy as np
import pytest

from model.synthetic.camera import Pose, View
from model.synthetic.expression import Expression
from model.synthetic.face import Face
from model.synthetic.render import Moment, Rendered, draw, render_face
from model.synthetic.shading import Light
from tests.model.synthetic.faces import PLAIN, SYMMETRIC, patch

_NOSE_TIP, _CHIN = 30, 8


def test_the_same_face_gives_the_same_pixels() -> None:
    first, second = render_face(PLAIN, Pose(10, 5, -3)), render_face(replace(PLAIN), Pose(10, 5, -3))
    assert np.array_equal(first.picture, second.picture)
    assert not np.array_equal(
        first.picture, render_face(replace(PLAIN, texture_seed=1), Pose(10, 5, -3)).picture
    )


@pytest.mark.parametrize("pose", [Pose(), Pose(30, 10, 5), Pose(-35, -10, -12)])
def test_landmarks_lie_in_the_box_and_on_the_face(pose: Pose) -> None:
    rendered = render_face(PLAIN, pose)
    x, y, w, h = rendered.truth.box_xywh_px
    points = rendered.truth.landmarks_px
    assert points.shape == (68, 2)
    assert points.dtype == np.float32
    inside = (points >= [x - 1, y - 1]) & (points <= [x + w + 1, y + h + 1])
    assert inside.all()
    assert 0.45 < w / 256 < 0.7
    # the background is flat: where the face is, the picture is not it
    centre = points[17:].mean(0).astype(int)
    assert np.abs(rendered.picture[centre[1], centre[0]].astype(int) - [120, 128, 136]).max() > 10


def test_yaw_pitch_and_roll_turn_as_the_detector_counts_them() -> None:
    def tip(pose: Pose) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
        points = render_face(SYMMETRIC, pose, 128).truth.landmarks_px
        return points[_NOSE_TIP] - points[36:48].mean(0)

    front = tip(Pose())
    assert abs(float(front[0])) < 0.5
    assert tip(Pose(yaw_deg=25))[0] > front[0] + 4
    assert tip(Pose(pitch_deg=20))[1] < front[1] - 3
    eyes = render_face(SYMMETRIC, Pose(roll_deg=15), 128).truth.landmarks_px[[36, 45]]
    assert eyes[1, 1] > eyes[0, 1] + 5  # clockwise: the right end of the picture goes down


def test_a_lamp_lights_its_side() -> None:
    def sides(azimuth_deg: float) -> tuple[float, float]:
        rendered = render_face(SYMMETRIC, light=Light(azimuth_deg=azimuth_deg))
        return patch(rendered, [2, 31]).mean(), patch(rendered, [14, 35]).mean()

    left, right = sides(-60)
    assert left > 1.15 * right
    left, right = sides(60)
    assert right > 1.15 * left


def _change(face: Face, points: list[int], grow: float) -> tuple[float, float]:
    """Return how much a face differs from the plain one around some points, and at its chin."""
    plain, other = render_face(PLAIN), render_face(face)
    near = np.abs(patch(plain, points, grow) - patch(other, points, grow)).mean()
    chin = np.abs(patch(plain, [6, 10, 57], 0) - patch(other, [6, 10, 57], 0)).mean()
    return float(near), float(chin)


def test_glasses_show_at_the_eyes_alone() -> None:
    near, far = _change(replace(PLAIN, glasses="square"), list(range(36, 48)), 0.4)
    assert near > 2
    assert far < 0.5


def test_lipstick_reddens_the_lips() -> None:
    def redness(rendered: Rendered) -> float:
        lips = patch(rendered, list(range(48, 60)))
        return float((lips[:, 0] - lips[:, 1]).mean())

    assert redness(render_face(replace(PLAIN, has_lipstick=True))) > redness(render_face(PLAIN)) + 12


def test_a_beard_darkens_the_chin() -> None:
    chin = [7, 9, 57]
    bare = patch(render_face(PLAIN), chin).mean()
    bearded = patch(render_face(replace(PLAIN, beard="full", hair_colour="black")), chin).mean()
    assert bearded < 0.6 * bare


@pytest.mark.parametrize(
    ("colour", "brightness"),
    [("black", (0, 60)), ("brown", (35, 110)), ("blond", (110, 230)), ("gray", (120, 255))],
)
def test_hair_has_its_colour(colour: str, brightness: tuple[float, float]) -> None:
    face = replace(PLAIN, hair_style="short", hair_colour=colour)  # pyright: ignore[reportArgumentType] - one of its literals
    rendered = render_face(face)
    x, y, w, h = rendered.truth.box_xywh_px
    top = rendered.picture[int(y - 0.2 * h) : int(y - 0.1 * h), int(x + 0.3 * w) : int(x + 0.7 * w)]
    assert brightness[0] < top.mean() < brightness[1]


def test_old_skin_is_less_smooth_than_young() -> None:
    def roughness(age_years: int) -> float:
        rendered = render_face(replace(PLAIN, age_years=age_years), size=400, light=Light(elevation_deg=60))
        forehead = rendered.truth.landmarks_px[[19, 24]]
        (x0, y0), (x1, _) = forehead.astype(int).tolist()
        part = rendered.picture[y0 - 50 : y0 - 15, x0:x1].astype(float).mean(2)
        return float(np.abs(np.diff(part, axis=0)).mean())

    assert roughness(85) > 1.3 * roughness(25)


def test_a_face_outside_of_the_picture_is_located_and_not_drawn() -> None:
    picture = np.full((64, 64, 3), 100, np.uint8)
    truth = draw(picture, PLAIN, Moment(Pose(), View(500, -400, 0.5), Expression()), Light())
    assert truth.box_xywh_px[0] > 64
    assert (picture == 100).all()
