"""Brushes for textures on the chart: noise, soft edges, spots, hairs and lines. OpenCV draws and blurs.

Colours are linear RGB, not sRGB.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from model.synthetic.chart import TEXTURE_PX, Floats, texture_chart, texture_xy

_SHIFT = 4
"""Binary digits of the fractions of a pixel that OpenCV draws with."""


def noise(rng: Generator, size: tuple[int, int], cell_px: tuple[float, float]) -> Floats:
    """Return smooth noise [H, W], mean 0, deviation 1, with grains of `cell_px` (vertical, horizontal)."""
    rows, columns = (max(2, round(size[axis] / cell_px[axis])) for axis in (0, 1))
    coarse = rng.standard_normal((rows + 3, columns + 3)).astype(np.float32)
    field = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def smoothstep(low: float, high: float, value: Floats | float) -> Floats:
    """Return 0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((np.asarray(value, np.float32) - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def spot(centre: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    """Return a Gaussian spot on the texture around a chart point (degrees, mm)."""
    theta, t = texture_chart()
    return _gaussian(theta, t, centre, sigma)


def spots(centre: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    """Return the same spot on both sides of the face."""
    theta, t = texture_chart()
    return _gaussian(np.abs(theta), t, centre, sigma)


def _gaussian(theta: Floats, t: Floats, centre: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    across = np.exp(-0.5 * ((theta - centre[0]) / sigma[0]) ** 2)
    return (np.exp(-0.5 * ((t - centre[1]) / sigma[1]) ** 2) * across).astype(np.float32)


def mix(rgb: Floats, colour: Floats | Sequence[float], share: Floats) -> None:
    """Blend a colour into a texture, in place."""
    rgb += share[..., None] * (np.asarray(colour, np.float32) - rgb)


def darken(rgb: Floats, share: Floats, tint: tuple[float, float, float] = (1, 1, 1)) -> None:
    """Take a share of the light away, by `tint` more or less per colour, in place."""
    rgb *= 1 - share[..., None] * np.array(tint, np.float32)


def hairs(rng: Generator, starts: Floats, ends: Floats, width_px: int, spread: float) -> Floats:
    """Return a mask 0..1 [S, S] of hairs between chart points [N, 2], by `spread` of unequal strength."""
    mask = np.zeros((TEXTURE_PX, TEXTURE_PX), np.uint8)
    first, last = (_fixed_point(points) for points in (starts, ends))
    levels = np.clip(255 * (1 - spread * rng.random(len(starts))), 30, 255).astype(int)
    for a, b, level in zip(first.tolist(), last.tolist(), levels.tolist(), strict=True):
        cv2.line(mask, a, b, level, width_px, cv2.LINE_AA, _SHIFT)
    return np.asarray(mask, np.float32) / 255


def line(points: Sequence[tuple[float, float]], width_px: int) -> Floats:
    """Return a mask 0..1 [S, S] of a smooth line through chart points, on both sides of the face.

    A line whose first point lies at a negative angle crosses the face and is drawn once.
    """
    through = np.array(points, np.float32)
    at = np.linspace(0, len(through) - 1, 24)
    smooth = np.stack([np.interp(at, range(len(through)), through[:, axis]) for axis in (0, 1)], -1)
    for _ in range(3):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    mask = np.zeros((TEXTURE_PX, TEXTURE_PX), np.uint8)
    sides = (1,) if through[0, 0] < 0 else (1, -1)
    for side in sides:
        path = _fixed_point((smooth * (side, 1)).astype(np.float32))
        cv2.polylines(mask, [path.astype(np.int32)], isClosed=False, color=255, thickness=width_px,
                      lineType=cv2.LINE_AA, shift=_SHIFT)  # fmt: skip
    return np.asarray(mask, np.float32) / 255


def blurred(field: Floats, sigma_px: float) -> Floats:
    """Return a Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px), np.float32)


def _fixed_point(points: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.round(texture_xy(points[:, 0], points[:, 1]) * (1 << _SHIFT)).astype(np.int64)
