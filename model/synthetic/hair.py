"""Hair and hats: surfaces over the skull whose texture is transparent where nothing grows.

The texture holds the chart at the left and, at the right, a column with hair that hangs free and a hat's
cloth.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.atlas import SIDE_PX, coarser
from model.synthetic.chart import (
    KEPT,
    MM_PER_DEG,
    TEXTURE_PX,
    TEXTURE_SIZE,
    Floats,
    chart,
    grid_triangles,
    texture_chart,
    texture_xy,
)
from model.synthetic.face import Face
from model.synthetic.hat import HANGING_ROWS, brim_of, hat_line, paint_hat
from model.synthetic.head import head_of
from model.synthetic.mesh import Part, flipped, grid_part, merge
from model.synthetic.paint import noise, smoothstep
from model.synthetic.tones import hair_rgb

_THICKNESS_MM = {
    "bald": 0.0, "buzz": 1.5, "short": 8.0, "swept": 12.0, "bangs": 11.0, "long": 11.0, "bun": 6.0,
    "curly": 22.0,
}  # fmt: skip
_FRINGED = ("bangs", "long")


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """Surfaces, those that hang free first, and their texture.

    `texture`: [S, S + SIDE_PX, 4] linear RGB and gloss, and halves of it; `opacity`: [S, S + SIDE_PX, 1],
    as many.
    """

    parts: tuple[Part, ...]
    texture: tuple[Floats, ...]
    opacity: tuple[Floats, ...]


@lru_cache(maxsize=KEPT)
def hair_of(face: Face) -> Hair | None:
    """Return what covers the head, None when nothing does."""
    if face.hair_style == "bald" and face.hat == "none":
        return None
    texture, opacity = _texture(face)
    parts: list[Part] = []
    if face.hair_style == "long":
        curtain = _curtain(face)
        parts += [curtain, flipped(curtain)]
    if face.hair_style == "bun" and face.hat == "none":
        parts.append(_bun(face))
    if face.hat == "cap":
        brim = brim_of(face)
        parts += [brim, flipped(brim)]
    joined = [_together(parts)] if parts else []
    return Hair((*joined, _trimmed(_shell(face), opacity)), coarser(texture), coarser(opacity))


def _together(parts: list[Part]) -> Part:
    mesh = merge(parts)
    return Part(mesh.points, mesh.triangles, mesh.uv, mesh.shade)


def _trimmed(part: Part, opacity: Floats) -> Part:
    """Return the surface without the triangles around which nothing can be seen."""
    around = cv2.dilate(opacity, np.ones((25, 25), np.uint8))
    x, y = np.round(part.uv).astype(int).T
    is_seen = (np.asarray(around)[y, x] > 0.02)[part.triangles].any(1)
    return replace(part, triangles=np.ascontiguousarray(part.triangles[is_seen]))


def recession(face: Face) -> float:
    """Return how far the hair has withdrawn from the forehead, 0 to about 1: men's, with age."""
    can_recede = face.hair_style not in ("bangs", "long", "bun")
    return max(0.0, face.masculinity - 0.2) * (0.2 + 0.9 * face.old_age) * can_recede


def hairline(face: Face, theta: Floats) -> Floats:
    """Return the lower border of the hair, t in mm, at angles."""
    angle = np.abs(theta)
    receding = recession(face)
    front = 62 + 9 * receding + 16 * receding * np.exp(-0.5 * ((angle - 27) / 9) ** 2)
    front = front - 5 * np.exp(-0.5 * ((angle - 40) / 9) ** 2) * (receding == 0)
    if face.hair_style == "bangs":
        front = 32 + 2.5 * np.cos(np.radians(theta * 3 + 40)) - 5 * smoothstep(20, 60, angle)
    temple = {"long": -30.0, "bangs": -2.0, "curly": -8.0}.get(face.hair_style, -10.0 - 10 * face.masculinity)
    # 0 in front, 1 at the end of the sideburns before the ear, then around the ear and down the nape
    side = np.interp(angle, [0, 38, 52, 62, 70, 82, 90, 100, 112, 125, 180],
                     [0, 0, 0.25, 0.48, 0.84, 1.0, 0.72, 0.55, 0.9, 1.75, 1.9])  # fmt: skip
    return (front + (temple - front) * np.minimum(side, 1) - 62 * np.maximum(side - 1, 0)).astype(np.float32)


def _from_hairline(face: Face, theta: Floats, t: Floats) -> Floats:
    """Return how far inside the hair chart points lie, in millimetres across its border."""
    line = hairline(face, theta)
    slope = (hairline(face, theta + 1) - hairline(face, theta - 1)) / 2 / MM_PER_DEG
    return ((t - line) / np.sqrt(1 + slope**2)).astype(np.float32)


def _shell(face: Face) -> Part:
    """Return the skull's surface, lifted by the hair's thickness."""
    grid = chart()
    rows, columns = len(grid.rows_t), len(grid.columns_deg)
    points = head_of(face).points[: rows * columns].copy()
    theta, t = grid.theta_deg[: rows * columns], grid.t[: rows * columns]
    rng = default_rng(face.texture_seed + 4)
    thickness = np.zeros_like(t)
    if face.hair_style != "bald":
        # at the hairline the hair lies on the skin, so that its edge does not float
        rise = 24 if face.hair_style in _FRINGED else 14
        thickness = _THICKNESS_MM[face.hair_style] * smoothstep(-2, rise, _from_hairline(face, theta, t))
        top = np.clip((t - 40) / 80, 0, 1)
        thickness = thickness * (1 + 0.25 * top)
        if face.hair_style == "swept":
            thickness = thickness + 9 * smoothstep(60, 90, t) * np.exp(-0.5 * ((theta - 20) / 45) ** 2)
        clumps = noise(rng, (rows, columns), (7, 6)).ravel()
        thickness = thickness * np.clip(1 + 0.16 * clumps, 0.5, 1.6)
        if face.hat != "none":
            thickness = 0.4 * thickness  # pressed down
        thickness[t > 118] = thickness[t > 118].mean()  # the crown is one point
    if face.hat != "none":
        worn = smoothstep(-4, 8, t - hat_line(theta))
        thickness = np.where(worn > 0, np.maximum(9.0 * worn, thickness * (1 - worn)), thickness)
    outward = points - np.array([0, 0, -88], np.float32)
    outward[:, 1] = np.clip(points[:, 1] - 20, 0, None)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    points += outward * (thickness + 0.8)[:, None]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    shade = np.ones(len(points), np.float32)
    return Part(points, grid_triangles(index[:-1], index[1:]), texture_xy(theta, t), shade)


def _curtain(face: Face) -> Part:
    """Return hair that hangs from the skull to the shoulders, at the sides and behind."""
    rng = default_rng(face.texture_seed + 6)
    angle = np.linspace(56, 304, 45)
    y = np.linspace(62, -168, 24)
    turn, height = np.meshgrid(np.radians(angle), y)
    width = 88 * (0.5 + 0.5 * face.shape.face_width) * (1 - 0.05 * face.childhood)
    # it leaves the skull, then falls nearly straight and comes forward over the shoulders
    fall = np.clip((30 - height) / 200, 0, 1)
    bulge = 1 - 0.16 * np.clip((height - 10) / 52, 0, 1) ** 2 + 0.08 * np.sin(np.pi * fall)
    wave = 1 + 0.014 * noise(rng, turn.shape, (8, 3))
    x = width * bulge * wave * np.sin(turn)
    z = -92 + (98 * bulge * wave + 6) * np.cos(turn) + 16 * fall * (np.cos(turn) > -0.4)
    u = TEXTURE_PX + 4 + (SIDE_PX - 9) * (angle - 56) / 248
    v = 4 + (HANGING_ROWS - 9) * (62 - y) / 230
    uv = np.stack(np.meshgrid(u, v), -1)
    inner = 1 - 0.35 * smoothstep(40, -60, height)
    return grid_part(np.stack([x, height, z], -1)[:, ::-1], uv[:, ::-1], inner[:, ::-1])


def _bun(face: Face) -> Part:
    polar, turn = np.meshgrid(
        np.radians(np.linspace(2, 178, 12)), np.radians(np.linspace(-180, 180, 19)), indexing="ij"
    )
    ball = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], -1)
    crown = float(head_of(face).points[:, 1].max())
    uv = np.stack([TEXTURE_PX + 128 + 110 * turn / np.pi, 60 + 60 * polar], -1)
    return grid_part(ball * (27, 24, 27) + (0, crown + 14, -105), uv, 0.9)


def _texture(face: Face) -> tuple[Floats, Floats]:
    rng = default_rng(face.texture_seed + 3)
    size = (TEXTURE_PX, TEXTURE_PX + SIDE_PX)
    theta, t = texture_chart()
    strand = _strands(face, rng, size)
    rgb = np.ones((*size, 3), np.float32) * hair_rgb(face) * np.clip(1 + 0.5 * strand, 0.2, 2.4)[..., None]
    if face.hair_colour != "gray" and face.old_age > 0.25:
        cell = (5, 5) if face.hair_style == "curly" else (90, 2)
        white = smoothstep(1.1 - 1.6 * face.old_age, 1.6 - 1.6 * face.old_age, noise(rng, size, cell))
        rgb += (0.55 * white)[..., None] * (np.float32(0.42) - rgb)
    gloss = np.full(size, 0.17, np.float32) + 0.05 * np.clip(strand, -1, 1)
    opacity = np.zeros(size, np.float32)
    on_head = slice(0, TEXTURE_PX)
    if face.hair_style != "bald":
        is_fringed = face.hair_style in _FRINGED
        ragged = (
            3.0 * noise(rng, TEXTURE_SIZE, (60, 3)) if is_fringed else 1.2 * noise(rng, TEXTURE_SIZE, (14, 3))
        )
        ragged += 1.6 * noise(rng, TEXTURE_SIZE, (8, 5))
        soft = 4.0 if is_fringed else 4.5
        opacity[:, on_head] = smoothstep(-soft, soft, _from_hairline(face, theta, t) + ragged)
    if face.hair_style == "buzz":
        opacity *= 0.62 + 0.2 * np.clip(noise(rng, size, (2, 2)), -1, 1)
    # hanging hair ends in points, and its edge at the face is loose
    down, across = np.mgrid[0:TEXTURE_PX, 0:SIDE_PX].astype(np.float32)
    loose = 26 * noise(rng, (TEXTURE_PX, SIDE_PX), (300, 4))
    edge = np.minimum(across, SIDE_PX - 1 - across) + 5 * noise(rng, (TEXTURE_PX, SIDE_PX), (120, 4))
    opacity[:, TEXTURE_PX:] = smoothstep(0, 20, HANGING_ROWS - 45 - down + loose) * smoothstep(2, 9, edge)
    if face.hat != "none":
        paint_hat(face, rng, rgb, gloss, opacity)
    texture = np.dstack([np.clip(rgb, 0.002, 1), np.clip(gloss, 0, 1)]).astype(np.float32)
    return texture, np.clip(opacity, 0, 1).astype(np.float32)


def _strands(face: Face, rng: Generator, size: tuple[int, int]) -> Floats:
    if face.hair_style == "curly":
        return np.float32(0.6) * noise(rng, size, (7, 7)) + np.float32(0.6) * noise(rng, size, (14, 14))
    fine, locks, broad = (noise(rng, size, cell) for cell in ((160, 2.2), (220, 7), (300, 22)))
    return (0.5 * fine + 0.5 * locks + 0.4 * broad).astype(np.float32)
