"""What belongs to a head beside its skin: eyeballs, teeth, tongue, ears, neck and shoulders.

Each part is a small grid with its own place in the atlas, the texture that holds everything opaque: the chart's
texture at the left, a column of `SIDE_PX` with the parts' at the right.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import default_rng

from model.synthetic.chart import TEXTURE_PX, Floats, Ints, chart, grid_triangles, texture_xy
from model.synthetic.expression import Expression, jaw_deg
from model.synthetic.face import Face
from model.synthetic.head import EYEBALL_RADIUS, head_of
from model.synthetic.skin import noise, skin_of, skin_rgb, smoothstep

SIDE_PX = 256
_EYE_TOP, _TEETH_TOP, _MOUTH_TOP, _PLAIN_TOP, _CLOTH_TOP = 0, 256, 352, 416, 544
_IRIS_MM = 6.0

_IRIS_RGB = {
    "brown": (0.085, 0.035, 0.015),
    "hazel": (0.16, 0.10, 0.035),
    "green": (0.11, 0.17, 0.075),
    "blue": (0.11, 0.21, 0.36),
    "gray": (0.19, 0.23, 0.26),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A grid: `points` [N, 3] mm, `triangles` [M, 3], `uv` [N, 2] atlas pixels, `shade` [N] 0..1 darkening."""

    points: Floats
    triangles: Ints
    uv: Floats
    shade: Floats


def grid_part(points: Floats, uv: Floats, shade: Floats | float = 1.0) -> Part:
    """Return a part from a grid of points [R, C, 3], seen from its front with rows going down, columns right."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    shades = np.broadcast_to(np.asarray(shade, np.float32), (rows, columns)).reshape(-1)
    return Part(
        points.reshape(-1, 3).astype(np.float32),
        grid_triangles(index[:-1], index[1:]),
        uv.reshape(-1, 2).astype(np.float32),
        shades.astype(np.float32),
    )


def _window(top: float, height: float, rows: int, columns: int) -> Floats:
    """Return atlas positions of a grid over a window of the side column."""
    v = np.linspace(top + 3, top + height - 4, rows)
    u = np.linspace(TEXTURE_PX + 3, TEXTURE_PX + SIDE_PX - 4, columns)
    return np.stack(np.meshgrid(u, v), -1).astype(np.float32)


@lru_cache(maxsize=16)
def atlas_of(face: Face) -> Floats:
    """Return the atlas [S, S + SIDE_PX, 4] float32: linear RGB and gloss."""
    rng = default_rng(face.texture_seed + 1)
    atlas = np.empty((TEXTURE_PX, TEXTURE_PX + SIDE_PX, 4), np.float32)
    atlas[:, :TEXTURE_PX] = skin_of(face).albedo
    side = atlas[:, TEXTURE_PX:]
    side[_EYE_TOP:_TEETH_TOP] = _eye_texture(face)
    side[_TEETH_TOP:_MOUTH_TOP] = _teeth_texture(face)
    side[_MOUTH_TOP:_PLAIN_TOP] = (0.10, 0.018, 0.018, 0.3)
    side[_PLAIN_TOP:_CLOTH_TOP] = (*skin_rgb(face), 0.2)
    side[_PLAIN_TOP:_CLOTH_TOP, :, :3] *= (
        1 + 0.03 * noise(rng, (_CLOTH_TOP - _PLAIN_TOP, SIDE_PX), (9, 9))[..., None]
    )
    cloth = (np.array(face.clothes_rgb, np.float32) / 255) ** 2.2
    side[_CLOTH_TOP:] = (*np.maximum(cloth, 0.008), 0.02)
    weave = noise(rng, (TEXTURE_PX - _CLOTH_TOP, SIDE_PX), (3, 3)) + noise(
        rng, (TEXTURE_PX - _CLOTH_TOP, SIDE_PX), (30, 12)
    )
    side[_CLOTH_TOP:, :, :3] *= 1 + 0.06 * weave[..., None]
    return atlas


def _eye_texture(face: Face) -> Floats:
    """Return the front of an eyeball [256, 256, 4], seen from its axis."""
    line = (np.arange(SIDE_PX, dtype=np.float32) - (SIDE_PX - 1) / 2) / 120 * EYEBALL_RADIUS
    x, y = np.meshgrid(line, line)
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    rng = default_rng(face.texture_seed + 2)
    rgb = np.ones((SIDE_PX, SIDE_PX, 3), np.float32) * np.array([0.66, 0.60, 0.57], np.float32)
    red = smoothstep(6, 14, r) * (0.16 + 0.10 * face.old_age)
    rgb *= 1 - red[..., None] * np.array([0.35, 1, 1], np.float32)
    iris = np.array(_IRIS_RGB[face.eye_colour], np.float32)
    fibres = cv2.warpPolar(
        noise(rng, (256, 64), (1.6, 60)),
        (SIDE_PX, SIDE_PX),
        (127.5, 127.5),
        60,
        cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS,
    )
    tone = (
        1.15
        + 0.22 * np.asarray(fibres, np.float32)
        - 0.65 * smoothstep(4.6, 6.0, r)
        + 0.35 * np.exp(-((r - 2.8) ** 2))
    )
    inside = (
        smoothstep(_IRIS_MM + 0.35, _IRIS_MM - 0.35, r)
        if False
        else 1 - smoothstep(_IRIS_MM - 0.35, _IRIS_MM + 0.35, r)
    )
    rgb += inside[..., None] * (iris * np.clip(tone, 0.1, 2)[..., None] - rgb)
    rgb *= smoothstep(2.1, 2.6, r)[..., None] * 0.985 + 0.015
    del angle
    gloss = np.full((SIDE_PX, SIDE_PX, 1), 0.95, np.float32)
    return np.dstack([rgb, gloss])


def _teeth_texture(face: Face) -> Floats:
    """Return a row of teeth [96, 256, 4]."""
    height = _MOUTH_TOP - _TEETH_TOP
    x = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    edges = np.array([0, 0.17, 0.31, 0.45, 0.58, 0.71, 0.84])
    gap = np.min(np.abs(np.abs(x)[:, None] - edges), 1)
    ivory = np.array([0.70, 0.64, 0.54 - 0.12 * face.old_age], np.float32)
    tone = (1 - 0.45 * np.exp(-((gap / 0.012) ** 2))) * (1 - 0.55 * np.abs(x) ** 2)
    rgb = ivory * (tone * np.ones_like(y))[..., None]
    gum = 1 - smoothstep(0.12, 0.22, y + 0.0 * x)
    rgb += gum[..., None] * (np.array([0.33, 0.10, 0.09], np.float32) - rgb)
    return np.dstack([rgb, np.full((height, SIDE_PX, 1), 0.5, np.float32)]).astype(np.float32)


def eyes(face: Face, expression: Expression) -> list[Part]:
    """Return both eyeballs, turned by the gaze."""
    head = head_of(face)
    rings = np.radians(np.linspace(0.5, 88, 9))
    spokes = np.linspace(0, 2 * np.pi, 17)
    polar, turn = np.meshgrid(rings, spokes, indexing="ij")
    ball = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    uv = np.stack([ball[..., 0], -ball[..., 1]], -1) * 120 + (
        TEXTURE_PX + (SIDE_PX - 1) / 2,
        _EYE_TOP + (SIDE_PX - 1) / 2,
    )
    parts: list[Part] = []
    yaw, pitch = np.radians(expression.gaze_deg)
    for centre in head.eyes:
        toe_in = -np.sign(centre[0]) * np.radians(1.5)
        turned = ball @ rotation(float(yaw + toe_in), float(pitch), 0.0).T
        points = centre + EYEBALL_RADIUS * turned
        lid_shade = 0.92 - 0.42 * smoothstep(0.5, 7.5, (points[..., 1] - centre[1]).astype(np.float32))
        corner_shade = 1 - 0.35 * smoothstep(8, 14, np.abs(points[..., 0] - centre[0]).astype(np.float32))
        parts.append(grid_part(points, uv, lid_shade * corner_shade))
    return parts


def rotation(yaw_rad: float, pitch_rad: float, roll_rad: float) -> Floats:
    """Return the matrix that turns to the picture's right, up, and clockwise in the picture."""
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad), np.cos(roll_rad), np.sin(roll_rad),
    )  # fmt: skip
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    tilt = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return (tilt @ turn @ nod).astype(np.float32)


def mouth(face: Face, expression: Expression) -> list[Part]:
    """Return cavity, tongue and both rows of teeth; the lower ones follow the jaw."""
    head = head_of(face)
    slit = chart().mouth
    anchor = head.points[slit.upper[len(slit.upper) // 2]] - np.array([0, -63.0, 1.0], np.float32)
    angle = np.radians(np.linspace(-75, 75, 15))
    arch = np.stack([24.5 * np.sin(angle), np.zeros(15), -7.0 + 30 * (np.cos(angle) - 1)], -1)

    def strip(
        top: float, bottom: float, lean: float, window: tuple[float, float], shade: float, scale: float
    ) -> Part:
        heights = np.linspace(top, bottom, 4)
        points = np.stack(
            [arch * (scale, 1, scale) + (0, height, lean * k) for k, height in enumerate(heights)]
        )
        uv = _window(*window, 4, 15)
        return grid_part(points + anchor, uv, shade)

    upper = strip(-52, -64.0, 0.5, (_TEETH_TOP, 96), 0.85, 1.0)
    lower = strip(-75, -65.5, 0.4, (_TEETH_TOP, 96), 0.7, 0.92)
    # built from the gums up, so its front is its back: turn the triangles
    lower = Part(lower.points, lower.triangles[:, ::-1].copy(), lower.uv, lower.shade)
    cavity_y, cavity_x = np.meshgrid(np.linspace(-46, -92, 5), np.linspace(-25, 25, 7), indexing="ij")
    cavity = np.stack([cavity_x, cavity_y, -22 - 18 * (1 - (cavity_x / 25) ** 2)], -1)
    tongue_y, tongue_x = np.meshgrid(np.linspace(-67.5, -82, 5), np.linspace(-15, 15, 7), indexing="ij")
    tongue_z = -15 - (tongue_x / 5) ** 2 - 8 * ((tongue_y + 78) / 10) ** 2
    tongue = np.stack([tongue_x, tongue_y, tongue_z], -1)
    parts = [
        upper,
        _dropped(lower, expression),
        grid_part(cavity + anchor, _window(_MOUTH_TOP, 64, 5, 7), 0.16),
        _dropped(grid_part(tongue + anchor, _window(_MOUTH_TOP, 64, 5, 7), 1.6), expression),
    ]
    return parts


def _dropped(part: Part, expression: Expression) -> Part:
    angle = np.radians(jaw_deg(expression))
    pivot = np.array([0, -28, -82], np.float32)
    lowered = (part.points - pivot) @ rotation(0, -float(angle), 0).T + pivot
    lowered[:, 1] -= 2.0 * expression.unit(25)
    return Part(lowered.astype(np.float32), part.triangles, part.uv, part.shade)


@lru_cache(maxsize=16)
def ears(face: Face) -> list[Part]:
    """Return both ears."""
    head = head_of(face)
    size = face.shape.ears * (1 + 0.10 * face.old_age - 0.10 * face.childhood)
    rings, spokes = np.linspace(0, 1, 6), np.linspace(0, 2 * np.pi, 19)
    r, turn = np.meshgrid(rings, spokes, indexing="ij")
    back, up = r * np.cos(turn), r * np.sin(turn)
    outline = 1 + 0.16 * np.sin(turn) * 1.0
    rim = 3.4 * np.exp(-0.5 * ((r - 0.86) / 0.13) ** 2) - 3.5 * np.exp(
        -0.5 * (((back + 0.05) / 0.38) ** 2 + ((up + 0.08) / 0.36) ** 2)
    )
    shade = (
        1
        - 0.50 * np.exp(-0.5 * (((back + 0.1) / 0.30) ** 2 + ((up + 0.1) / 0.32) ** 2))
        - 0.22 * np.exp(-0.5 * ((r - 0.62) / 0.1) ** 2)
    )
    parts: list[Part] = []
    for side in (-1, 1):
        root = head.points[chart().nearest(side * 97.0, -12.0)]
        flare = np.radians(30)
        p = back * 15.5 * size * outline
        q = up * 30 * size
        x = root[0] + side * (3.5 + (p + 13) * np.sin(flare) + rim)
        z = root[2] - 3 - p * np.cos(flare) - 0.15 * q
        points = np.stack([x, root[1] - 3 + q, z], -1)
        window = np.array([TEXTURE_PX + 128, _PLAIN_TOP + 64]) + np.stack([back * 100, -up * 50], -1)
        order = slice(None, None, -1) if side < 0 else slice(None)
        parts.append(grid_part(points[:, order], window[:, order], shade[:, order].astype(np.float32)))
    return parts


@lru_cache(maxsize=16)
def body(face: Face) -> list[Part]:
    """Return neck and shoulders, which turn less than the head does."""
    young, male = face.childhood, face.masculinity - 0.5
    width = 1 + 0.16 * male - 0.22 * young
    angle = np.radians(np.linspace(-180, 180, 33))

    def loft(
        rings: list[tuple[float, float, float, float]], window: tuple[float, float], shades: list[float]
    ) -> Part:
        rows = []
        for y, half_width, depth, centre_z in rings:
            shape = np.abs(np.cos(angle)) ** 0.8 * np.sign(np.cos(angle))
            rows.append(np.stack([half_width * np.sin(angle), np.full(33, y), centre_z + depth * shape], -1))
        uv = _window(*window, len(rings), 33)
        return grid_part(np.array(rows), uv, np.repeat(np.array(shades, np.float32)[:, None], 33, 1))

    neck_rings = [
        (-55, 44, 40, -104),
        (-80, 50, 48, -104),
        (-100, 52, 50, -102),
        (-120, 53, 51, -101),
        (-145, 56, 53, -99),
        (-170, 66, 56, -97),
        (-200, 95, 60, -96),
    ]
    neck = loft(
        [(y, w * width, d * width, z) for y, w, d, z in neck_rings],
        (_PLAIN_TOP, 128),
        [0.4, 0.4, 0.48, 0.6, 0.8, 0.95, 1.0],
    )
    broad = (1 + 0.14 * male) * (1 - 0.25 * young)
    torso_rings = [
        (-176, 68, 58, -97),
        (-186, 96, 70, -98),
        (-200, 138, 80, -100),
        (-216, 172, 88, -100),
        (-240, 196, 95, -100),
        (-290, 208, 102, -100),
        (-380, 212, 105, -100),
        (-520, 210, 105, -100),
    ]
    torso = loft(
        [(y, w * broad, d, z) for y, w, d, z in torso_rings], (_CLOTH_TOP, TEXTURE_PX - _CLOTH_TOP),
        [0.7, 0.9, 1, 1, 1, 1, 1, 1],
    )  # fmt: skip
    return [neck, torso]


def skin_part(points: Floats) -> Part:
    """Return the head's skin from its deformed points."""
    grid = chart()
    return Part(points, grid.triangles, texture_xy(grid.theta_deg, grid.t), np.ones(len(points), np.float32))
