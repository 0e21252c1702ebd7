"""How a head moves: action units of the Facial Action Coding System as displacements of its points.

Intensities run from 0 to 1 (FACS A to E is 0.2 to 1). Directions and extents follow the descriptions of the
FACS manual (Ekman, Friesen, Hager 2002); the seven prototypes are those of EMFACS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from model.synthetic.chart import MOUTH_CORNER_DEG, MOUTH_T, Floats, chart
from model.synthetic.face import Face
from model.synthetic.head import AXIS_Z, LID_RADIUS, Head, bump, head_of, paired

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)

EXPRESSIONS: Mapping[str, Mapping[int, float]] = {
    "neutral": {},
    "happiness": {6: 0.8, 12: 0.9, 25: 0.6},
    "sadness": {1: 0.8, 4: 0.5, 15: 0.9, 17: 0.5},
    "surprise": {1: 0.9, 2: 0.9, 5: 0.8, 25: 0.6, 26: 0.8},
    "fear": {1: 0.9, 2: 0.5, 4: 0.6, 5: 0.9, 20: 0.8, 25: 0.6, 26: 0.25},
    "disgust": {4: 0.4, 9: 0.9, 10: 0.7, 17: 0.4},
    "anger": {4: 0.9, 5: 0.4, 7: 0.7, 23: 0.7, 24: 0.6},
}

JAW_PIVOT = np.array([0, -28, -82], np.float32)
"""The axis of the jaw runs through it, from ear to ear."""
_JAW_DROP_DEG = 17.0


@dataclass(frozen=True, slots=True)
class Expression:
    """What the face does at a moment: intensities 0..1 per action unit, lids and gaze."""

    action_units: Mapping[int, float] = field(default_factory=dict)
    blink: float = 0.0
    """0 open as the action units say, 1 closed."""
    gaze_deg: tuple[float, float] = (0.0, 0.0)
    """Turn of the eyes to the picture's right, and up."""
    talk: float = 0.0
    """0..1, an opening of the mouth by speech, on top of the action units."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.action_units) - set(ACTION_UNITS))
        if unknown:
            raise ValueError(f"no such action units here: {unknown}; there are {list(ACTION_UNITS)}")

    def unit(self, number: int) -> float:
        """Return the intensity of an action unit."""
        return self.action_units.get(number, 0.0)


@lru_cache(maxsize=64)
def _fields(face: Face) -> dict[int, Floats]:
    """Return the displacement [N, 3] in mm of each linear action unit at full intensity."""
    grid, head = chart(), head_of(face)
    x, y = head.x0, head.y0
    side = np.sign(x)
    theta, t = grid.theta_deg, grid.t
    front = np.clip(np.cos(np.radians(theta)) * 2, 0, 1)
    along = np.clip(np.abs(theta) / MOUTH_CORNER_DEG, 0, 1.0)
    corner = paired(x, y, (25, -62), (9, 10))
    arch = np.sqrt(1 - along**2)  # 1 in the middle of the mouth, 0 at its corners
    upper_lip = arch * ~grid.is_below_mouth * np.clip(1 - (t - MOUTH_T) / 19, 0, 1)
    lower_lip = arch * grid.is_below_mouth * np.clip(1 - (MOUTH_T - t) / 24, 0, 1)
    lips = bump(x, y, (0, -63), (17, 8))
    brow_inner = paired(x, y, (12, 19), (9, 11))
    brow_outer = paired(x, y, (38, 18), (11, 11))
    brow = paired(x, y, (22, 17), (16, 10))
    cheek = paired(x, y, (36, -22), (14, 12))
    chin = bump(x, y, (0, -88), (15, 11))
    wings = paired(x, y, (13, -36), (9, 9))
    lower_lid = paired(x, y, (30, -9), (13, 5))
    zero = np.zeros_like(x)

    def move(dx: Floats = zero, dy: Floats = zero, dz: Floats = zero) -> Floats:
        return (np.stack([dx, dy, dz], -1) * front[:, None]).astype(np.float32)

    return {
        1: move(dy=8.0 * brow_inner),
        2: move(dy=7.5 * brow_outer + 2.0 * brow),
        4: move(dx=-3.2 * side * brow_inner, dy=-4.6 * brow - 2.0 * brow_inner, dz=1.8 * brow_inner),
        6: move(dy=4.0 * cheek + 2.0 * lower_lid, dz=3.2 * cheek + 1.2 * lower_lid),
        9: move(
            dy=3.4 * wings + 2.6 * bump(x, y, (0, -20), (14, 12)) - 2.6 * brow_inner + 2.0 * upper_lip,
            dx=1.0 * side * wings,
            dz=1.0 * wings,
        ),
        10: move(dy=5.0 * upper_lip + 2.2 * wings + 1.5 * corner, dz=1.2 * upper_lip),
        12: move(
            dx=8.5 * side * corner,
            dy=8.5 * corner - 1.5 * lips + 2.0 * cheek,
            dz=-3.5 * corner + 2.0 * cheek,
        ),
        14: move(dx=3.0 * side * corner, dy=0.8 * corner, dz=-4.5 * paired(x, y, (28, -62), (5, 6))),
        15: move(dx=0.8 * side * corner, dy=-7.5 * paired(x, y, (25, -64), (9, 9)), dz=-0.5 * corner),
        17: move(dy=4.5 * chin + 3.2 * bump(x, y, (0, -68), (15, 7)), dz=1.5 * chin + 1.8 * lower_lip),
        20: move(dx=7.0 * side * corner, dy=-2.0 * corner - 1.0 * lower_lip, dz=-2.5 * corner - 1.0 * lips),
        23: move(dx=-3.0 * side * corner, dy=-1.8 * upper_lip + 1.8 * lower_lip, dz=-0.5 * lips),
        24: move(dx=-1.0 * side * corner, dy=-2.4 * upper_lip + 2.4 * lower_lip, dz=-1.6 * lips),
        26: move(dx=-2.5 * side * corner),
        25: move(dy=2.2 * upper_lip - 4.2 * lower_lip, dz=0.6 * lower_lip),
    }


def deform(face: Face, expression: Expression) -> Floats:
    """Return the head's points [N, 3] float32, millimetres, under an expression."""
    grid, head = chart(), head_of(face)
    points = head.points.copy()
    for number, displacement in _fields(face).items():
        intensity = expression.unit(number)
        if intensity:
            points += np.float32(intensity) * displacement
    _part_for_speech(face, points, expression)
    jaw_rad = np.radians(jaw_deg(expression)) * head.jaw
    dy, dz = points[:, 1] - JAW_PIVOT[1], points[:, 2] - JAW_PIVOT[2]
    points[:, 1] = JAW_PIVOT[1] + dy * np.cos(jaw_rad) - dz * np.sin(jaw_rad)
    points[:, 2] = JAW_PIVOT[2] + dz * np.cos(jaw_rad) + dy * np.sin(jaw_rad)
    _open_lids(head, points, expression)
    _seal(points, grid.mouth.upper, grid.mouth.lower)
    return points


def jaw_deg(expression: Expression) -> float:
    """Return how far the jaw is dropped."""
    return _JAW_DROP_DEG * min(expression.unit(26) + 0.35 * expression.talk, 1.2)


def _part_for_speech(face: Face, points: Floats, expression: Expression) -> None:
    if expression.talk:
        points += np.float32(0.5 * expression.talk) * _fields(face)[25]


def _open_lids(head: Head, points: Floats, expression: Expression) -> None:
    """Raise the upper lid and lower the lower one, along the eyeballs."""
    raised = 1 + 0.42 * expression.unit(5) - 0.22 * expression.unit(7) - 0.10 * expression.unit(4)
    raised -= 0.20 * expression.unit(6) + 0.25 * expression.unit(9) + 0.10 * expression.unit(12)
    lowered = 1 - 0.55 * expression.unit(7) - 0.42 * expression.unit(6) - 0.30 * expression.unit(9)
    raised += 0.06 * expression.gaze_deg[1] / 10
    # A blink brings the upper lid most of the way down to the lower one.
    open_share = 1 - expression.blink
    raised = raised * open_share - 0.62 * expression.blink
    lowered = lowered * open_share + 0.62 * expression.blink
    points[:, 1] += np.float32(raised) * head.lid_upper + np.float32(lowered) * head.lid_lower
    radius = LID_RADIUS
    for centre in head.eyes:
        near = np.flatnonzero(
            (np.abs(points[:, 0] - centre[0]) < radius) & (np.abs(points[:, 1] - centre[1]) < radius)
            & (points[:, 2] > AXIS_Z)
        )  # fmt: skip
        offset = points[near, :2] - centre[:2]
        ball_z = centre[2] + np.sqrt(np.maximum(radius**2 - (offset**2).sum(-1), 0))
        # a smooth maximum of skin and eyeball, 2 mm soft
        gap = ball_z - points[near, 2]
        points[near, 2] += 0.5 * (gap + np.sqrt(gap**2 + 4.0)) * np.clip((8 + gap) / 8, 0, 1)


def _seal(points: Floats, upper: np.ndarray, lower: np.ndarray) -> None:
    """Keep the lips from passing through each other."""
    overlap = np.maximum(points[lower, 1] - points[upper, 1], 0) / 2
    points[lower, 1] -= overlap
    points[upper, 1] += overlap
