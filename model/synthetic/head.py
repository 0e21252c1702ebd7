"""The shape of a head at rest: the chart lifted into space.

Millimetres; x to the picture's right, y up, z towards the camera when the head looks into it; the origin
lies between the eyes at the depth of the nasion. The proportions are those of anthropometric tables (adult
head breadth 152, nasion to chin 120, between the pupils 63, eye fissure 30, nose 50 x 36, mouth 51).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from model.synthetic.chart import (
    EYE_INNER_DEG,
    EYE_OUTER_DEG,
    EYE_T,
    MOUTH_CORNER_DEG,
    MOUTH_T,
    TOP_T,
    Chart,
    Floats,
    chart,
)
from model.synthetic.face import Face

LID_RADIUS = 15.5
"""Outer radius of the lids around an eyeball."""
AXIS_Z = -80.0

_T = np.arange(-140, 126, 1.0)


def _profile(*points: tuple[float, float]) -> Floats:
    """Return a smooth curve through points (t, value), sampled at every millimetre of t."""
    ts, values = zip(*sorted(points), strict=True)
    kernel = np.exp(-0.5 * (np.arange(-9, 10) / 3.0) ** 2)
    line = np.interp(np.arange(_T[0] - 9, _T[-1] + 10), ts, values)
    return np.convolve(line, kernel / kernel.sum(), "valid").astype(np.float32)


# By t: the middle of the face without nose and lips, the half width, the back, and the height of the row's
# middle.
_FRONT_Z = _profile(
    (122, -78), (120.5, -66), (117, -48), (112, -33), (105, -20), (97, -11), (88, -4.5), (79, -1),
    (61, 3.5), (46, 5), (30, 5), (20, 4.5), (8, 0), (0, -2.5), (-12, -5), (-30, -7), (-45, -5), (-63, -4),
    (-76, -7.5), (-86, -5), (-95, -1.5), (-102, -2.5), (-107, -7), (-110, -13), (-113, -22), (-117, -32),
    (-122, -42), (-128, -52), (-134, -60),
)  # fmt: skip
_HALF_WIDTH = _profile(
    (122, 2), (120.5, 17), (117, 34), (112, 47), (105, 58), (97, 65.5), (88, 70), (79, 73), (61, 76),
    (40, 76.5), (20, 75), (0, 72.5), (-15, 71), (-30, 70), (-45, 67.5), (-63, 64), (-76, 61), (-90, 57.5),
    (-100, 54), (-107, 51), (-110, 50), (-113, 48), (-117, 45), (-122, 42), (-128, 38), (-134, 34),
)  # fmt: skip
_BACK_Z = _profile(
    (122, -82), (120.5, -96), (117, -113), (112, -128), (105, -142), (97, -154), (88, -164), (79, -172),
    (61, -182), (30, -187), (0, -183), (-30, -172), (-60, -155), (-90, -142), (-110, -136), (-134, -125),
)  # fmt: skip
_HEIGHT = _profile(
    (122, 118), (-107, -107), (-110, -109.5), (-113, -111.5), (-117, -113), (-122, -114), (-134, -115)
)
_LIFT = _profile((122, 0), (-20, 0), (-45, 6), (-63, 13), (-85, 24), (-107, 38), (-134, 42))
_NOSE = _profile(
    (14, 0), (8, 1.2), (3, 3), (-4, 6.5), (-10, 10.5), (-16, 15), (-22, 20), (-28, 25), (-32, 27.5),
    (-35, 27.5), (-38, 22), (-41, 12), (-44, 5), (-48, 1), (-52, 0),
)  # fmt: skip
_NOSE_WIDTH = _profile((14, 8), (3, 6.8), (-4, 6.8), (-12, 7.4), (-24, 8.5), (-33, 9.8), (-40, 9.5), (-50, 8))


def _at(profile: Floats, t: Floats) -> Floats:
    return np.interp(t, _T, profile).astype(np.float32)


def bump(x: Floats, y: Floats, centre: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    """Return a Gaussian of height 1 at `centre`."""
    return np.exp(-0.5 * (((x - centre[0]) / sigma[0]) ** 2 + ((y - centre[1]) / sigma[1]) ** 2)).astype(
        np.float32
    )


def paired(x: Floats, y: Floats, centre: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    """Return the same on both sides of the face: bumps at +centre and -centre."""
    return bump(np.abs(x), y, centre, sigma)


@dataclass(frozen=True, slots=True)
class Head:
    """A head at rest with closed eyes and mouth, and what is needed to move it.

    `points` [N, 3] float32 mm; `lid_upper`, `lid_lower` [N] float32: millimetres upwards at a normal opening;
    `jaw` [N] float32 0..1: how far a point follows the jaw; `eyes` [2, 3]: centres of the eyeballs, left of
    the picture first; `x0`, `y0` [N]: where the point would be on an average face, for fields of
    expressions.
    """

    points: Floats
    lid_upper: Floats
    lid_lower: Floats
    jaw: Floats
    eyes: Floats
    x0: Floats
    y0: Floats


@lru_cache(maxsize=64)
def head_of(face: Face) -> Head:
    """Return the head of an identity."""
    grid = chart()
    x0, y0, z = _average(grid)
    shape, young, old = face.shape, face.childhood, face.old_age
    male = face.masculinity - 0.5
    x, y = x0.copy(), y0.copy()
    front = np.clip(np.cos(np.radians(grid.theta_deg)) * 1.6, 0, 1)

    z += _nose(face, x0, y0, grid)
    z += _relief(face, x0, y0, grid)

    # widths
    low = 1 / (1 + np.exp((y0 + 62) / 12))
    jaw_width = shape.jaw_width * (1 + 0.14 * male - 0.08 * young + 0.09 * old)
    x *= shape.face_width * (1 + (jaw_width - 1) * low)
    x *= 1 + 0.02 * young * (1 - low)
    mouth_width = shape.mouth_width * (1 - 0.08 * young) - 1
    x += np.sign(x0) * 25 * mouth_width * bump(np.abs(x0), y0, (25, -63), (11, 12)) * front
    # lengths
    nose_length = shape.nose_length * (1 + 0.05 * male - 0.22 * young + 0.07 * old) - 1
    y -= 42 * nose_length * np.clip(-y0 / 42, 0, 1)
    lower_face = shape.lower_face * (1 + 0.07 * male - 0.12 * young) - 1
    y -= 65 * lower_face * np.clip((-43 - y0) / 65, 0, 1.05)
    y += 70 * (shape.forehead * (1 + 0.08 * young) - 1) * np.clip((y0 - 25) / 60, 0, 1)

    size = shape.eye_size * (1 + 0.13 * young - 0.03 * old - 0.08 * male)
    upper, lower, tilt = _lids(face, grid, size)
    y += tilt
    eye_x = float(np.interp(26.0, [13, 39], [16.5, 45.5])) * shape.face_width
    centre_z = -24.2 + 0.6 * young
    eyes = np.array([[-eye_x, 0.6, centre_z], [eye_x, 0.6, centre_z]], np.float32)
    return Head(
        points=np.stack([x, y, z], -1).astype(np.float32),
        lid_upper=upper,
        lid_lower=lower,
        jaw=_jaw(grid),
        eyes=eyes,
        x0=x0,
        y0=y0,
    )


def _average(grid: Chart) -> tuple[Floats, Floats, Floats]:
    """Return x, y, z of the average head without nose, lips and sockets."""
    angle = np.radians(grid.theta_deg)
    t = grid.t
    back = (1 - np.cos(angle)) / 2  # 0 in front, 0.5 at the side
    x = _at(_HALF_WIDTH, t) * np.sin(angle)
    depth = np.where(np.cos(angle) > 0, _at(_FRONT_Z, t) - AXIS_Z, AXIS_Z - _at(_BACK_Z, t))
    z = AXIS_Z + depth * np.cos(angle)
    y = _at(_HEIGHT, t) + _at(_LIFT, t) * np.minimum(2 * back, 1) ** 1.1
    crown = t == TOP_T
    x[crown], z[crown] = 0, z[crown].mean()
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def _nose(face: Face, x: Floats, y: Floats, grid: Chart) -> Floats:
    shape, young, male = face.shape, face.childhood, face.masculinity - 0.5
    front = np.abs(grid.theta_deg) < 90
    width = _at(_NOSE_WIDTH, y) * shape.nose_width * (1 + 0.16 * male)
    height = shape.nose_height * (1 - 0.32 * young + 0.14 * male + 0.05 * face.old_age)
    ridge = _at(_NOSE, y) * height * np.exp(-(np.abs(x / width) ** 2.2))
    wings = 8.5 * paired(x, y, (12.5 * shape.nose_width * (1 + 0.08 * male), -37), (4.6, 4.6))
    groove = -2.0 * paired(x, y, (19.5 * shape.nose_width, -38), (3.0, 6))
    return ((ridge + wings + groove) * front).astype(np.float32)


def _relief(face: Face, x: Floats, y: Floats, grid: Chart) -> Floats:
    """Return brow ridge, sockets, cheeks, lips and chin, millimetres towards the camera."""
    shape, young, old, male = face.shape, face.childhood, face.old_age, face.masculinity - 0.5
    front = np.clip(np.cos(np.radians(grid.theta_deg)) * 2, 0, 1)
    lips = shape.lips * (1 - 0.25 * old - 0.3 * male)
    upper_lip = bump(x, y, (0, -58.5), (13, 2.8)) * 1.0 - 0.25 * bump(x, y, (0, -57), (2.4, 3))
    lower_lip = bump(x, y, (0, -68), (12, 3.2))
    z = (
        (2.2 + 4.5 * male - 1.5 * young) * shape.brow_ridge * paired(x, y, (22, 19), (16, 5))
        - (7.5 + 1.5 * old) * paired(x, y, (27, 0), (13, 8.5))
        - 3.0 * paired(x, y, (15, 1), (4.5, 6))
        + 4.0 * shape.cheekbones * paired(x, y, (46, -22), (13, 11))
        + (3.0 * shape.cheeks + 3.5 * young - 2.5 * old) * paired(x, y, (36, -48), (14, 14))
        - 2.2 * old * paired(x, y, (26, -14), (9, 4))
        + 3.0 * bump(x, y, (0, -62), (24, 13))
        + 4.2 * lips * upper_lip
        + 4.6 * lips * lower_lip
        - 1.2 * bump(x, y, (0, -50), (2.5, 5))
        - 2.0 * bump(x, y, (0, -76), (13, 4))
        + (3.0 * shape.chin + 2.0 * male) * bump(x, y, (0, -96), (13, 8))
        + 2.0 * old * paired(x, y, (40, -88), (9, 9))
        + 3.0 * young * bump(x, y, (0, 55), (35, 22))
    )
    return (z * front).astype(np.float32)


def _lids(face: Face, grid: Chart, size: float) -> tuple[Floats, Floats, Floats]:
    """Return the upper and lower lids' displacement at a normal opening, and the tilt of the eyes."""
    along = np.clip((np.abs(grid.theta_deg) - EYE_INNER_DEG) / (EYE_OUTER_DEG - EYE_INNER_DEG), 0, 1)
    opening = face.shape.eye_opening * size * (1 - 0.22 * face.old_age)
    curve_upper = np.maximum(np.sin(np.pi * along**0.88), 0) ** 0.8 * 5.6 * opening
    curve_lower = np.maximum(np.sin(np.pi * along**1.12), 0) ** 0.85 * 4.8 * opening
    above = ~grid.is_below_eye
    fall_upper = np.clip(1 - np.maximum(grid.t - EYE_T, 0) / 18, 0, 1)
    fall_lower = np.clip(1 - np.maximum(EYE_T - grid.t, 0) / 18, 0, 1)
    upper = np.where(above, curve_upper * fall_upper, 0)
    lower = np.where(above, 0, -curve_lower * fall_lower)
    near = np.exp(-0.5 * (grid.t / 11) ** 2)
    tilt = (along - 0.5) * (face.shape.eye_tilt_mm - 2.0 * face.old_age) * near
    edge = (np.abs(grid.theta_deg) > EYE_INNER_DEG) & (np.abs(grid.theta_deg) < 60)
    return upper.astype(np.float32), lower.astype(np.float32), np.where(edge, tilt, 0).astype(np.float32)


def _jaw(grid: Chart) -> Floats:
    """Return how far points follow the jaw: all below the mouth, nothing above it, less towards the ears."""
    # 1 in the middle of the mouth, 0 at its corners
    arch = (1 - np.clip(np.abs(grid.theta_deg) / MOUTH_CORNER_DEG, 0, 1) ** 2) ** 0.75
    from_mouth = np.maximum(MOUTH_T - grid.t, 0)
    # At the corners the skin of cheek and jaw meets: the weights of both sides run together there.
    lower = np.where(grid.is_below_mouth, 1 - 0.55 * (1 - arch) * np.exp(-from_mouth / 14), 0)
    upper = np.where(grid.is_below_mouth, 0, 0.45 * (1 - arch) * np.clip(1 - (grid.t - MOUTH_T) / 40, 0, 1))
    beyond = np.clip((np.abs(grid.theta_deg) - MOUTH_CORNER_DEG) / 60, 0, 1)
    return ((lower + upper) * (1 - beyond) ** 0.8).astype(np.float32)
