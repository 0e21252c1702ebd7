"""Hair and hats: a shell over the skull, with its own texture and transparency on the chart."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.chart import EYE_T, Floats, chart, grid_triangles, texture_chart, texture_xy
from model.synthetic.face import Face
from model.synthetic.head import head_of
from model.synthetic.parts import Part
from model.synthetic.skin import hair_rgb, noise, smoothstep

_THICKNESS_MM = {
    "bald": 0.0,
    "buzz": 1.5,
    "short": 7.0,
    "swept": 12.0,
    "bangs": 10.0,
    "long": 10.0,
    "bun": 5.0,
    "curly": 20.0,
}
_HATS_RGB = (
    (0.25, 0.02, 0.03),
    (0.02, 0.05, 0.16),
    (0.03, 0.03, 0.035),
    (0.05, 0.12, 0.05),
    (0.35, 0.26, 0.10),
)


def hairline(face: Face, theta: Floats) -> Floats:
    """Return the lower border of the hair, t in mm, at angles `theta`."""
    angle = np.abs(theta)
    receding = (
        face.masculinity * (0.25 + 0.75 * face.old_age) * (face.hair_style not in ("bangs", "long", "bun"))
    )
    front = 66 + 10 * face.old_age * face.masculinity + 14 * receding * np.exp(-0.5 * ((angle - 27) / 9) ** 2)
    if face.hair_style == "bangs":
        front = 33 + 3.0 * np.cos(np.radians(theta * 3 + 40)) - 6 * smoothstep(20, 60, angle)
    temple = {"long": -40.0, "bangs": -5.0, "curly": -12.0}.get(face.hair_style, -14.0 - 8 * face.masculinity)
    side = np.interp(angle, [0, 38, 52, 62, 70, 82, 90, 100, 112, 125, 180],
                     [0, 0, 0.28, 0.52, 0.86, 1.0, 0.72, 0.55, 0.9, 1.75, 1.9])  # fmt: skip
    return (front + (temple - front) * np.minimum(side, 1) - 62 * np.maximum(side - 1, 0)).astype(np.float32)


@lru_cache(maxsize=16)
def hair_of(face: Face) -> tuple[Part, Floats] | None:
    """Return the shell and its texture [S, S, 5]: linear RGB, gloss, opacity; None for a bare head."""
    if face.hair_style == "bald" and face.hat == "none":
        return None
    return _shell(face), _texture(face)


def _shell(face: Face) -> Part:
    grid, head = chart(), head_of(face)
    rows, columns = len(grid.rows_t), len(grid.columns_deg)
    points = head.points[: rows * columns].copy()
    theta, t = grid.theta_deg[: rows * columns], grid.t[: rows * columns]
    cover = smoothstep(-14, 16, t - hairline(face, theta)) if face.hair_style != "bald" else np.zeros_like(t)
    thickness = _THICKNESS_MM[face.hair_style] * cover
    top = np.clip((t - 40) / 80, 0, 1)
    thickness *= 1 + 0.35 * top
    if face.hair_style == "swept":
        thickness += 11 * top * np.exp(-0.5 * ((theta - 20) / 45) ** 2)
    if face.hat != "none":
        inside = smoothstep(-4, 8, t - hat_line(theta))
        thickness = np.where(inside > 0, np.maximum(9.0 * inside, thickness * (1 - inside)), thickness)
    outward = points - np.array([0, np.nan, -88], np.float32)
    outward[:, 1] = np.clip(points[:, 1] - 20, 0, None)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    points += outward * (thickness + 0.8)[:, None]
    if face.hair_style == "long":
        _hang(points, theta, t, face)
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    return Part(
        points, grid_triangles(index[:-1], index[1:]), texture_xy(theta, t), np.ones(len(points), np.float32)
    )


def _hang(points: Floats, theta: Floats, t: Floats, face: Face) -> None:
    """Let the hair at the sides and the back fall straight down to the shoulders, in place."""
    aside = smoothstep(58, 78, np.abs(theta))
    below = np.clip(30 - t, 0, None)
    fall = aside * below
    radius = np.array([88, 104], np.float32) * (0.92 + 0.08 * face.shape.face_width)
    angle = np.radians(theta)
    straight = np.stack(
        [radius[0] * np.sin(angle), 25 - 1.25 * below, -92 + radius[1] * np.cos(angle) * 0.98], -1
    )
    share = smoothstep(0, 22, fall)[:, None]
    points += share * (straight - points)


def hat_line(theta: Floats) -> Floats:
    """Return the rim of a hat, t in mm."""
    return (44 - 18 * np.minimum(np.abs(theta) / 120, 1)).astype(np.float32)


def _texture(face: Face) -> Floats:
    rng = default_rng(face.texture_seed + 3)
    theta, t = texture_chart()
    size = t.shape
    rgb = np.ones((*size, 3), np.float32) * hair_rgb(face)
    strand = _strands(face, rng, size)
    rgb *= np.clip(1 + 0.5 * strand, 0.25, 2.2)[..., None]
    if face.hair_colour != "gray" and face.old_age > 0.35:
        white = smoothstep(1.1 - 1.6 * face.old_age, 1.6 - 1.6 * face.old_age, noise(rng, size, (90, 2)))
        rgb += (0.55 * white)[..., None] * (np.float32(0.42) - rgb)
    gloss = np.full(size, 0.16, np.float32) + 0.05 * np.clip(strand, -1, 1)
    line = hairline(face, theta)
    ragged = 5.0 * noise(rng, size, (60, 3)) + 2.5 * noise(rng, size, (8, 5))
    soft = {"buzz": 5.0, "curly": 5.0}.get(face.hair_style, 3.5)
    opacity = smoothstep(-soft, soft, t - line + ragged * 0.55)
    if face.hair_style == "long":
        hanging = smoothstep(58, 66, np.abs(theta) + 1.5 * ragged) * smoothstep(-118, -104, t + ragged)
        opacity = np.maximum(opacity * (t > EYE_T - 60), hanging)
        rgb *= (
            (1 - 0.35 * smoothstep(20, -60, t) * smoothstep(50, 80, np.abs(theta)))[..., None] if False else 1
        )
    if face.hair_style == "buzz":
        opacity *= 0.62 + 0.2 * np.clip(noise(rng, size, (2, 2)), -1, 1)
    if face.hair_style == "bald":
        opacity *= 0
    if face.hat != "none":
        _hat(face, rng, theta, t, rgb, gloss, opacity)
    return np.dstack([np.clip(rgb, 0.002, 1), np.clip(gloss, 0, 1), np.clip(opacity, 0, 1)]).astype(
        np.float32
    )


def _strands(face: Face, rng: Generator, size: tuple[int, int]) -> Floats:
    if face.hair_style == "curly":
        return np.float32(0.6) * noise(rng, size, (7, 7)) + np.float32(0.6) * noise(rng, size, (14, 14))
    return (
        0.6 * noise(rng, size, (160, 2.2))
        + 0.5 * noise(rng, size, (220, 7))
        + 0.3 * noise(rng, size, (300, 20))
    ).astype(np.float32)


def _hat(
    face: Face, rng: Generator, theta: Floats, t: Floats, rgb: Floats, gloss: Floats, opacity: Floats
) -> None:
    inside = smoothstep(-0.8, 0.8, t - hat_line(theta))
    colour = np.array(_HATS_RGB[face.texture_seed % len(_HATS_RGB)], np.float32)
    knit = 1 + 0.22 * np.sin(theta * 2.4) * (face.hat == "beanie") + 0.05 * noise(rng, t.shape, (3, 3))
    fold = 1 - 0.45 * np.exp(-0.5 * ((t - hat_line(theta) - 26) / 1.6) ** 2) * (face.hat == "beanie")
    rgb += inside[..., None] * (colour * (knit * fold)[..., None] - rgb)
    gloss += inside * (0.03 - gloss)
    np.maximum(opacity, inside, out=opacity)
