"""What belongs to a head beside its skin and hair: eyeballs, mouth, ears, neck and shoulders."""

from functools import lru_cache

import numpy as np

from model.synthetic.atlas import (
    BARE_SKIN,
    CLOTH,
    EYE,
    EYE_PX_PER_SIN,
    EYEBALL_MM,
    GUMS,
    SIDE_PX,
    TEETH,
    window,
)
from model.synthetic.chart import TEXTURE_PX, Floats, Slit, chart, texture_xy
from model.synthetic.expression import JAW_PIVOT, Expression, jaw_deg
from model.synthetic.face import Face
from model.synthetic.head import head_of
from model.synthetic.mesh import Part, flipped, grid_part, rotation
from model.synthetic.paint import smoothstep


def skin(points: Floats) -> Part:
    """Return the head's skin from its deformed points."""
    grid = chart()
    uv = texture_xy(grid.theta_deg, grid.t)
    return Part(points, grid.triangles, uv, np.ones(len(points), np.float32), is_skin=True)


def eyes(face: Face, expression: Expression) -> list[Part]:
    """Return both eyeballs, turned by the gaze."""
    head = head_of(face)
    polar, turn = np.meshgrid(
        np.radians(np.linspace(0.5, 88, 12)), np.linspace(0, 2 * np.pi, 25), indexing="ij"
    )
    ball = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    middle = np.array([TEXTURE_PX + (SIDE_PX - 1) / 2, EYE[0] + (SIDE_PX - 1) / 2])
    uv = ball[..., :2] * (1, -1) * EYE_PX_PER_SIN + middle
    yaw, pitch = np.radians(expression.gaze_deg)
    parts: list[Part] = []
    for centre in head.eyes:
        toe_in = -np.sign(centre[0]) * np.radians(1.5)
        points = centre + EYEBALL_MM * (ball @ rotation(float(yaw + toe_in), float(pitch), 0.0).T)
        # the upper lid throws a shadow, and the corners lie deep
        lid = 0.95 - 0.42 * smoothstep(0.5, 7.5, points[..., 1] - centre[1])
        corner = 1 - 0.35 * smoothstep(8, 14, np.abs(points[..., 0] - centre[0]))
        parts.append(grid_part(points, uv, lid * corner))
    return parts


# Rings of a funnel: depth in mm, shares of width and height that are left, widening in mm, shade.
_MOUTH_RINGS = (
    (0, 1, 1, 0, 0.5),
    (5, 1, 1, 4, 0.3),
    (18, 0.9, 1, 6, 0.12),
    (32, 0.6, 0.7, 0, 0.06),
    (38, 0, 0, 0, 0.05),
)
_EYE_RINGS = ((0, 1, 1, 0, 1.6), (3, 1, 1, 1, 1.2), (9, 0.95, 1, 2, 0.7), (16, 0.5, 0.5, 0, 0.4))


def funnels(points: Floats) -> list[Part]:
    """Return what lies behind the openings of the skin, given its points: nobody sees through a head."""
    grid = chart()
    shapes = [(grid.mouth, _MOUTH_RINGS), *((slit, _EYE_RINGS) for slit in grid.eyes)]
    return [_funnel(points, slit, rings) for slit, rings in shapes]


def _funnel(points: Floats, slit: Slit, rings: tuple[tuple[float, ...], ...]) -> Part:
    # clockwise from the left corner, so that the inside is the front
    loop = points[np.concatenate([[slit.left], slit.upper, [slit.right], slit.lower[::-1], [slit.left]])]
    centre = loop.mean(0)
    is_upper = np.concatenate([[0], np.ones(len(slit.upper)), [0], -np.ones(len(slit.lower)), [0]])
    rows = [
        np.stack(
            [
                centre[0] + wide * (loop[:, 0] - centre[0]),
                centre[1] + high * (loop[:, 1] - centre[1]) + widening * is_upper,
                loop[:, 2] - depth,
            ],
            -1,
        )
        for depth, wide, high, widening, _ in rings
    ]
    shade = np.repeat(np.array([ring[4] for ring in rings], np.float32)[:, None], len(loop), 1)
    return grid_part(np.stack(rows), window(GUMS, len(rings), len(loop)), shade)


def mouth(face: Face, expression: Expression) -> list[Part]:
    """Return tongue and both rows of teeth; tongue and lower teeth follow the jaw."""
    slit = chart().mouth
    anchor = head_of(face).points[slit.upper[len(slit.upper) // 2]] + np.array([0, 63.0, -4.5], np.float32)
    angle = np.radians(np.linspace(-64, 64, 15))
    arch = np.stack([22.0 * np.sin(angle), np.zeros(15), -7.0 + 36 * (np.cos(angle) - 1)], -1)

    def teeth(top: float, bottom: float, scale: float, shade: float) -> Part:
        heights = np.linspace(top, bottom, 4)
        points = np.stack(
            [arch * (scale, 1, scale) + (0, height, 0.4 * k) for k, height in enumerate(heights)]
        )
        return grid_part(points + anchor, window(TEETH, 4, 15), shade)

    lower = flipped(teeth(-75, -65.5, 0.9, 0.7))  # from the gums up
    y, x = np.meshgrid(np.linspace(-68, -80, 5), np.linspace(-13, 13, 9), indexing="ij")
    tongue = np.stack([x, y - (x / 8) ** 2, -16 - (x / 6) ** 2 - 8 * ((y + 76) / 10) ** 2], -1)
    return [
        teeth(-52, -66.0, 1.0, 0.9),
        _with_jaw(lower, expression),
        _with_jaw(grid_part(tongue + anchor, window(GUMS, 5, 9), 2.2), expression),
    ]


def _with_jaw(part: Part, expression: Expression) -> Part:
    turn = rotation(0, -float(np.radians(jaw_deg(expression))), 0)
    return part.moved((part.points - JAW_PIVOT) @ turn.T + JAW_PIVOT - (0, 1.5 * expression.unit(25), 0))


@lru_cache(maxsize=16)
def ears(face: Face) -> tuple[Part, ...]:
    """Return both ears: dished discs with a rim."""
    head = head_of(face)
    size = face.shape.ears * (1 + 0.10 * face.old_age - 0.10 * face.childhood)
    r, turn = np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 2 * np.pi, 21), indexing="ij")
    back, up = r * np.cos(turn), r * np.sin(turn)

    def dent(at_back: float, at_up: float, width: float, height: float) -> Floats:
        across, along = (back - at_back) / width, (up - at_up) / height
        return np.exp(-0.5 * (across * across + along * along)).astype(np.float32)

    rim = 3.6 * np.exp(-0.5 * ((r - 0.86) / 0.13) ** 2) - 4.0 * dent(-0.05, -0.08, 0.38, 0.36)
    shade = (
        1 - 0.55 * dent(-0.1, -0.1, 0.30, 0.32) - 0.25 * np.exp(-0.5 * ((r - 0.62) / 0.1) ** 2) * (up > -0.5)
    )
    uv = np.array([TEXTURE_PX + 128, BARE_SKIN[0] + 64]) + np.stack([back * 100, -up * 50], -1)
    flare = np.radians(24)
    p, q = back * 15 * size * (1 + 0.18 * up), up * 29 * size
    parts: list[Part] = []
    for side in (-1, 1):
        root = head.points[chart().nearest(side * 97.0, -12.0)]
        x = root[0] + side * (0.5 + (p + 15) * np.sin(flare) + rim)
        points = np.stack([x, root[1] - 2 + q, root[2] - 4 - p * np.cos(flare) - 0.15 * q], -1)
        order = slice(None, None, side)  # mirrored, so that the outside is the front
        parts.append(grid_part(points[:, order], uv[:, order], shade[:, order], is_skin=True))
    return tuple(parts)


# Height, half width, half depth, centre's z, shade: of rings from above down, millimetres.
_NECK = (
    (-55, 44, 42, -104, 0.5), (-70, 48, 46, -104, 0.5), (-85, 51, 49, -103, 0.55), (-98, 52, 50, -102, 0.65),
    (-110, 53, 51, -101, 0.8), (-122, 54, 52, -100, 0.92), (-136, 57, 53, -98, 1), (-152, 68, 56, -97, 1),
    (-175, 96, 62, -96, 1),
)  # fmt: skip
_TORSO = (
    (-148, 66, 58, -97, 0.75), (-157, 92, 70, -98, 0.9), (-168, 130, 80, -100, 1), (-182, 166, 88, -100, 1),
    (-205, 193, 95, -100, 1), (-250, 206, 102, -100, 1), (-350, 211, 105, -100, 1), (-520, 210, 105, -100, 1),
)  # fmt: skip


@lru_cache(maxsize=16)
def neck(face: Face) -> Part:
    """Return the neck, which ends inside the shoulders."""
    width = 1 + 0.16 * (face.masculinity - 0.5) - 0.22 * face.childhood
    return _loft(_NECK, BARE_SKIN, width, width)


@lru_cache(maxsize=16)
def shoulders(face: Face) -> Part:
    """Return the shoulders and the chest in their clothes."""
    broad = (1 + 0.14 * (face.masculinity - 0.5)) * (1 - 0.28 * face.childhood)
    return _loft(_TORSO, CLOTH, broad, 1.0, is_skin=False)


def _loft(
    rings: tuple[tuple[float, ...], ...],
    rows: tuple[int, int],
    wide: float,
    deep: float,
    *,
    is_skin: bool = True,
) -> Part:
    angle = np.radians(np.linspace(-180, 180, 33))
    flat = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    points = np.stack(
        [
            np.stack([half_width * wide * np.sin(angle), np.full(33, y), z + half_depth * deep * flat], -1)
            for y, half_width, half_depth, z, _ in rings
        ]
    )
    shade = np.repeat(np.array([ring[4] for ring in rings], np.float32)[:, None], 33, 1)
    return grid_part(points, window(rows, len(rings), 33), shade, is_skin=is_skin)
