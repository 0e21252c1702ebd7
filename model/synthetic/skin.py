"""The skin's colour and relief, painted on the chart.

OpenCV rasterises and blurs: strokes of brows and beards, wrinkles, mottling. Colours are linear RGB, not sRGB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.chart import MOUTH_CORNER_DEG, MOUTH_T, TEXTURE_PX, Floats, texture_chart, texture_xy
from model.synthetic.face import Face

MM_PER_DEG = 1.22
"""Of the chart near the middle of the face."""

_SKIN_TONES = np.array([[0.76, 0.52, 0.42], [0.60, 0.36, 0.25], [0.36, 0.19, 0.115], [0.13, 0.065, 0.042]])
HAIR_RGB = {
    "black": (0.012, 0.010, 0.010),
    "brown": (0.075, 0.040, 0.022),
    "blond": (0.48, 0.32, 0.14),
    "red": (0.28, 0.085, 0.03),
    "gray": (0.42, 0.42, 0.43),
}


@dataclass(frozen=True, slots=True)
class Skin:
    """Textures of one identity: `albedo` [S, S, 4] float32, linear RGB 0..1 and gloss 0..1; `relief` [S, S] mm."""

    albedo: Floats
    relief: Floats


def noise(rng: Generator, size: tuple[int, int], cell_px: tuple[float, float]) -> Floats:
    """Return smooth noise [H, W], mean 0, deviation 1, whose grains measure `cell_px` (vertical, horizontal)."""
    rows, columns = (max(2, round(size[axis] / cell_px[axis])) for axis in (0, 1))
    coarse = rng.standard_normal((rows + 3, columns + 3)).astype(np.float32)
    field = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """Return 0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def blob(centre: tuple[float, float], sigma: tuple[float, float], is_paired: bool = True) -> Floats:
    """Return a Gaussian spot on the texture around a chart point (degrees, mm), both sides when paired."""
    theta, t = texture_chart()
    angle = np.abs(theta) if is_paired else theta
    return np.exp(-0.5 * (((angle - centre[0]) / sigma[0]) ** 2 + ((t - centre[1]) / sigma[1]) ** 2)).astype(
        np.float32
    )


def skin_rgb(face: Face) -> Floats:
    """Return the mean colour of the skin, linear RGB."""
    at = face.melanin * (len(_SKIN_TONES) - 1)
    tone = np.array([np.interp(at, range(len(_SKIN_TONES)), _SKIN_TONES[:, channel]) for channel in range(3)])
    red = (face.redness - 0.5) * 0.14 * (1 - face.melanin)
    return (tone * (1 + red, 1 - red, 1 - red)).astype(np.float32)


def hair_rgb(face: Face) -> Floats:
    """Return the colour of the hair, linear RGB."""
    return np.array(HAIR_RGB[face.hair_colour], np.float32)


@lru_cache(maxsize=16)
def skin_of(face: Face) -> Skin:
    """Return the textures of an identity."""
    rng = default_rng(face.texture_seed)
    size = (TEXTURE_PX, TEXTURE_PX)
    mean = skin_rgb(face)
    light = 1 - face.melanin
    rgb = np.ones((*size, 3), np.float32) * mean
    mottle = (
        0.5 * noise(rng, size, (60, 60)) + 0.35 * noise(rng, size, (18, 18)) + 0.3 * noise(rng, size, (5, 5))
    )
    rgb *= (1 + (0.035 + 0.04 * face.old_age) * mottle)[..., None]
    ruddy = (
        0.9 * blob((33, -28), (11, 13))
        + 0.8 * blob((0, -34), (9, 8), is_paired=False)
        + 0.5 * blob((0, -95), (14, 9), False)
    )
    rgb *= 1 + (ruddy * (0.5 + face.redness) * 0.16 * light)[..., None] * np.array(
        [0.25, -1.0, -0.8], np.float32
    )
    sockets = (
        0.9 * blob((24, -8), (9, 4.5)) * (0.5 + face.old_age)
        + 0.8 * blob((14, 2), (4, 6))
        + 0.5 * blob((27, 5), (11, 4))
    )
    rgb *= 1 - sockets[..., None] * np.array([0.20, 0.26, 0.22], np.float32)
    _spots(face, rng, rgb)
    gloss = (
        np.full(size, 0.26, np.float32)
        + 0.12 * blob((0, -20), (8, 22), False)
        + 0.08 * blob((0, 45), (22, 14), False)
    )
    relief = 0.05 * noise(rng, size, (2.5, 2.5)) + 0.05 * noise(rng, size, (6, 6))
    _lips(face, rng, rgb, gloss, relief)
    _nostrils(face, rgb)
    _beard(face, rng, rgb, gloss, relief)
    _brows(face, rng, rgb)
    _lids(face, rgb)
    rgb *= _occlusion()[..., None]
    return Skin(
        np.dstack([np.clip(rgb, 0.002, 1), np.clip(gloss, 0, 1)]).astype(np.float32),
        relief.astype(np.float32),
    )


def mix(rgb: Floats, colour: Floats | Sequence[float], share: Floats) -> None:
    """Blend a colour into a texture, in place."""
    rgb += share[..., None] * (np.asarray(colour, np.float32) - rgb)


def strokes(rng: Generator, starts: Floats, ends: Floats, width_px: float, spread: float) -> Floats:
    """Return a mask 0..1 [S, S] of hairs from chart points to chart points [N, 2], each a little darker or lighter."""
    mask = np.zeros((TEXTURE_PX, TEXTURE_PX), np.uint8)
    shift = 4
    first = np.round(texture_xy(starts[:, 0], starts[:, 1]) * (1 << shift)).astype(int)
    last = np.round(texture_xy(ends[:, 0], ends[:, 1]) * (1 << shift)).astype(int)
    levels = np.clip(255 * (1 - spread * rng.random(len(starts))), 30, 255).astype(int)
    thickness = max(1, round(width_px))
    for a, b, level in zip(first.tolist(), last.tolist(), levels.tolist(), strict=True):
        cv2.line(mask, a, b, level, thickness, cv2.LINE_AA, shift)
    return np.asarray(mask, np.float32) / 255


def _spots(face: Face, rng: Generator, rgb: Floats) -> None:
    """Freckles on fair skin of the young, age spots on the old."""
    theta, t = texture_chart()
    where = np.exp(-0.5 * ((t + 18) / 20) ** 2) * (np.abs(theta) < 60)
    fine = noise(rng, rgb.shape[:2], (4, 4))
    freckles = smoothstep(1.5, 2.3, fine) * where * (face.redness > 0.65) * (1 - face.melanin)
    coarse = noise(rng, rgb.shape[:2], (9, 9))
    age_spots = smoothstep(2.0, 2.6, coarse) * smoothstep(0.35, 0.9, np.float32(face.old_age))
    rgb *= 1 - np.clip(0.28 * freckles + 0.30 * age_spots, 0, 1)[..., None] * np.array(
        [0.6, 1, 1.1], np.float32
    )


def lip_edges(face: Face, theta: Floats) -> tuple[Floats, Floats]:
    """Return the upper and the lower border of the lips, t in mm, at angles `theta`."""
    along = np.clip(np.abs(theta) / MOUTH_CORNER_DEG, 0, 1)
    fullness = face.shape.lips * (1 - 0.35 * face.old_age) * (1.1 - 0.2 * face.masculinity)
    bow = 1 - 0.16 * np.exp(-0.5 * (theta / 3.0) ** 2)
    upper = MOUTH_T + 7.2 * fullness * np.sqrt(np.maximum(1 - along**1.7, 0)) * bow
    lower = MOUTH_T - 8.6 * fullness * np.sqrt(np.maximum(1 - along**2.0, 0))
    return upper.astype(np.float32), lower.astype(np.float32)


def _lips(face: Face, rng: Generator, rgb: Floats, gloss: Floats, relief: Floats) -> None:
    theta, t = texture_chart()
    upper, lower = lip_edges(face, theta)
    soft = 0.9
    mask = (
        smoothstep(-soft, soft, upper - t)
        * smoothstep(-soft, soft, t - lower)
        * (np.abs(theta) < MOUTH_CORNER_DEG + 0.5)
    )
    skin = skin_rgb(face)
    if face.has_lipstick:
        shade = [(0.42, 0.02, 0.035), (0.50, 0.06, 0.11), (0.26, 0.015, 0.05)][face.texture_seed % 3]
        colour, strength = np.array(shade, np.float32), 0.9
    else:
        colour = skin * (0.86, 0.50, 0.50) + np.array([0.05, 0.0, 0.012]) * (1 - face.melanin)
        strength = 0.85 - 0.3 * face.masculinity
    mix(rgb, colour.astype(np.float32), mask * strength)
    line = np.exp(-0.5 * ((t - MOUTH_T) / 0.9) ** 2) * (np.abs(theta) < MOUTH_CORNER_DEG + 1)
    rgb *= 1 - 0.55 * line[..., None]
    grooves = noise(rng, relief.shape, (40, 3))
    relief += 0.07 * grooves * mask
    gloss += mask * (0.45 if face.has_lipstick else 0.12)


def _nostrils(face: Face, rgb: Floats) -> None:
    hole = blob((5.6 * face.shape.nose_width, -41.2), (2.3, 1.25))
    rgb *= 1 - 0.93 * smoothstep(0.35, 0.75, hole)[..., None]
    shade = 0.35 * blob((0, -43.5), (9, 1.8), False) + 0.30 * blob(
        (15.5 * face.shape.nose_width, -38), (1.6, 4)
    )
    rgb *= 1 - shade[..., None]


def _brows(face: Face, rng: Generator, rgb: Floats) -> None:
    count = int(240 * face.brow_thickness * (1 - 0.35 * face.old_age))
    along = rng.random(count).astype(np.float32)
    theta = 9.5 + 32.5 * along
    middle = 16.5 + face.shape.brow_height_mm + 5.5 * np.sin(np.pi * (0.08 + 0.72 * along)) - 2.0 * along
    half = (
        2.6
        * face.brow_thickness
        * (0.75 + 0.5 * face.masculinity)
        * np.clip(1.25 - along, 0.2, 1)
        * (0.4 + 0.6 * np.minimum(along * 7, 1))
    )
    t = middle + half * rng.uniform(-1, 1, count)
    lean_deg = 0.6 + 3.2 * along
    rise = np.where(t < middle, 2.6, 0.6) * (1 - along)
    mask = np.zeros(rgb.shape[:2], np.float32)
    for side in (-1, 1):
        starts = np.stack([side * theta, t], -1)
        ends = np.stack([side * (theta + lean_deg), t + rise - 0.6 * along], -1)
        mask = np.maximum(mask, strokes(rng, starts.astype(np.float32), ends.astype(np.float32), 1.6, 0.4))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)
    dark = hair_rgb(face) * (0.55 if face.hair_colour != "gray" else 0.6)
    mix(rgb, dark, np.clip(mask * 1.15, 0, 1) * (0.9 if face.hair_colour != "blond" else 0.8))


def _lids(face: Face, rgb: Floats) -> None:
    """Lashes and the fold of the upper lid."""
    theta, t = texture_chart()
    along = (np.abs(theta) - 13) / 26
    inside = smoothstep(-0.02, 0.08, along) * smoothstep(-0.05, 0.03, 1 - along)
    lash = np.exp(-0.5 * (np.maximum(t, 0) / 0.9) ** 2) * (t > -0.4) * inside
    female = 1 - face.masculinity
    rgb *= 1 - np.clip((0.80 + 0.15 * female) * lash, 0, 1)[..., None]
    lower = np.exp(-0.5 * ((t + 0.5) / 0.7) ** 2) * (t <= -0.2) * inside
    rgb *= 1 - 0.30 * lower[..., None]
    fold = np.exp(-0.5 * ((t - 4.6) / 0.9) ** 2) * inside
    rgb *= 1 - 0.38 * fold[..., None]


def _beard(face: Face, rng: Generator, rgb: Floats, gloss: Floats, relief: Floats) -> None:
    if face.beard == "none":
        return
    theta, t = texture_chart()
    upper, lower = lip_edges(face, theta)
    lips = (
        smoothstep(-0.5, 0.8, upper - t + 0.6) * smoothstep(-0.5, 0.8, t - lower + 0.6) * (np.abs(theta) < 26)
    )
    angle = np.abs(theta)
    mustache = (
        smoothstep(0, 3, t - (upper - 1))
        * smoothstep(0, 3.5, -45.5 - 0.10 * angle - t)
        * smoothstep(0, 4, 25.5 - angle)
    )
    ends = (
        smoothstep(0, 3, 29 - angle)
        * smoothstep(0, 3, angle - 21)
        * smoothstep(0, 4, -50 - t)
        * smoothstep(0, 4, t + 82)
    )
    chin = smoothstep(0, 4, 17 - angle) * smoothstep(0, 3, lower - 3 - t) * smoothstep(0, 5, t + 113)
    line = -54 + 0.25 * np.maximum(angle - 30, 0)  # the upper border on the cheeks, rising to the ears
    line = np.where(angle > 70, 20, np.minimum(line + 0.9 * np.maximum(angle - 48, 0), 15))
    whole = smoothstep(0, 9, line - t) * smoothstep(0, 9, 86 - angle) * smoothstep(0, 5, t + 122)
    mask = {
        "stubble": np.maximum(whole, mustache),
        "mustache": mustache,
        "goatee": np.maximum.reduce([mustache, ends, chin]),
        "full": np.maximum.reduce([whole, mustache]),
    }[face.beard] * (1 - lips)
    hairs = 0.5 + 0.5 * np.clip(
        noise(rng, t.shape, (7, 2.0)) * 0.55 + 0.3 * noise(rng, t.shape, (14, 5)), -1, 1
    )
    colour = hair_rgb(face) * 0.8
    if face.beard == "stubble":
        mix(rgb, colour * 0.5 + skin_rgb(face) * 0.2, mask * (0.30 + 0.30 * hairs))
        return
    mix(rgb, colour * 0.55, mask * 0.94)
    rgb *= 1 + (mask * (hairs - 0.4) * 1.3)[..., None]
    gloss *= 1 - 0.6 * mask
    relief += mask * (0.9 * hairs + 0.3)


@lru_cache(maxsize=1)
def _occlusion() -> Floats:
    """Return how much of the sky the folds of a face see, 0..1."""
    theta, t = texture_chart()
    hidden = (
        0.30 * blob((13.5, 6), (5, 5))
        + 0.22 * blob((26, 8), (10, 3.5))
        + 0.25 * blob((0, -45), (8, 3), False)
        + 0.22 * blob((18, -39), (2.2, 5))
        + 0.28 * blob((0, -75.5), (11, 2.6), False)
        + 0.25 * blob((26, -63.5), (2.2, 2.2))
        + 0.55 * smoothstep(0, 14, -106 - t + 0.0 * theta)
    )
    return np.clip(1 - hidden, 0.2, 1).astype(np.float32)
