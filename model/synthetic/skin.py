"""The colour and the gloss of the skin, painted on the chart."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.chart import (
    EYE_INNER_DEG,
    MOUTH_CORNER_DEG,
    MOUTH_T,
    TEXTURE_PX,
    TEXTURE_SIZE,
    Floats,
    texture_chart,
)
from model.synthetic.face import Face
from model.synthetic.facial_hair import paint_beard, paint_brows
from model.synthetic.paint import darken, mix, noise, smoothstep, spot, spots
from model.synthetic.tones import lip_edges, skin_rgb

_LIPSTICKS = ((0.42, 0.02, 0.035), (0.50, 0.06, 0.11), (0.26, 0.015, 0.05))


def skin_of(face: Face) -> Floats:
    """Return the skin's texture [S, S, 4] float32: linear RGB 0..1 and gloss 0..1."""
    rng = default_rng(face.texture_seed)
    size = (TEXTURE_PX, TEXTURE_PX)
    rgb = np.ones((*size, 3), np.float32) * skin_rgb(face)
    mottle = (
        0.5 * noise(rng, size, (60, 60)) + 0.35 * noise(rng, size, (18, 18)) + 0.3 * noise(rng, size, (5, 5))
    )
    rgb *= (1 + (0.03 + 0.045 * face.old_age) * mottle)[..., None]
    _zones(face, rgb)
    _freckles(face, rng, rgb)
    gloss = 0.26 + 0.12 * spot((0, -20), (8, 22)) + 0.08 * spot((0, 45), (22, 14))
    _lips(face, rgb, gloss)
    _nostrils(face, rgb)
    paint_beard(face, rng, rgb, gloss)
    paint_brows(face, rng, rgb)
    _lids(face, rgb)
    rgb *= _occlusion()[..., None]
    return np.dstack([np.clip(rgb, 0.002, 1), np.clip(gloss, 0, 1)]).astype(np.float32)


def _zones(face: Face, rgb: Floats) -> None:
    """Redden cheeks, nose and chin, darken the surroundings of the eyes."""
    ruddy = 0.9 * spots((33, -28), (11, 13)) + 0.8 * spot((0, -34), (9, 8)) + 0.5 * spot((0, -95), (14, 9))
    share = ruddy * (0.5 + face.redness) * 0.16 * (1 - face.melanin)
    darken(rgb, share, (-0.25, 1.0, 0.8))
    tired = 0.7 * spots((24, -8), (9, 4.5)) * (0.3 + 1.7 * face.old_age)
    hollow = 0.7 * spots((14, 2), (4, 6)) + 0.45 * spots((27, 6), (11, 4))
    darken(rgb, tired + hollow, (0.20, 0.26, 0.22))


def _freckles(face: Face, rng: Generator, rgb: Floats) -> None:
    """Freckles on fair skin, age spots on the old."""
    theta, t = texture_chart()
    where = np.exp(-0.5 * ((t + 18) / 20) ** 2) * (np.abs(theta) < 60)
    has_freckles = face.redness > 0.65
    freckles = (
        smoothstep(1.5, 2.3, noise(rng, TEXTURE_SIZE, (4, 4))) * where * has_freckles * (1 - face.melanin)
    )
    age_spots = smoothstep(2.0, 2.6, noise(rng, TEXTURE_SIZE, (9, 9))) * smoothstep(0.3, 0.9, face.old_age)
    darken(rgb, np.clip(0.26 * freckles + 0.34 * age_spots, 0, 1).astype(np.float32), (0.6, 1.0, 1.1))


def _lips(face: Face, rgb: Floats, gloss: Floats) -> None:
    theta, t = texture_chart()
    upper, lower = lip_edges(face, theta)
    soft = 0.9
    mask = smoothstep(-soft, soft, upper - t) * smoothstep(-soft, soft, t - lower)
    mask *= np.abs(theta) < MOUTH_CORNER_DEG + 0.5
    if face.has_lipstick:
        mix(rgb, _LIPSTICKS[face.texture_seed % len(_LIPSTICKS)], mask * 0.9)
    else:
        rosy = np.array([0.05, 0.0, 0.012], np.float32) * (1 - face.melanin)
        colour = skin_rgb(face) * np.array([0.86, 0.50, 0.50], np.float32) + rosy
        mix(rgb, colour, mask * np.float32(0.85 - 0.3 * face.masculinity))
    seam = np.exp(-0.5 * ((t - MOUTH_T) / 0.9) ** 2) * (np.abs(theta) < MOUTH_CORNER_DEG + 1)
    darken(rgb, (0.55 * seam).astype(np.float32))
    gloss += mask * (0.45 if face.has_lipstick else 0.12)


def _nostrils(face: Face, rgb: Floats) -> None:
    hole = spots((5.6 * face.shape.nose_width, -41.2), (2.3, 1.25))
    darken(rgb, 0.93 * smoothstep(0.35, 0.75, hole))
    darken(
        rgb, 0.35 * spot((0, -43.5), (9, 1.8)) + 0.30 * spots((15.5 * face.shape.nose_width, -38), (1.6, 4))
    )


def _lids(face: Face, rgb: Floats) -> None:
    """Lashes and the fold of the upper lid."""
    theta, t = texture_chart()
    along = (np.abs(theta) - EYE_INNER_DEG) / 26
    inside = smoothstep(-0.02, 0.08, along) * smoothstep(-0.05, 0.03, 1 - along)
    lash = np.exp(-0.5 * (np.maximum(t, 0) / 0.9) ** 2) * (t > -0.4) * inside
    darken(rgb, np.clip((0.80 + 0.15 * (1 - face.masculinity)) * lash, 0, 1).astype(np.float32))
    lower = np.exp(-0.5 * ((t + 0.5) / 0.7) ** 2) * (t <= -0.2) * inside
    fold = np.exp(-0.5 * ((t - 4.6) / 0.9) ** 2) * inside
    darken(rgb, (0.30 * lower + 0.38 * fold).astype(np.float32))


@lru_cache(maxsize=1)
def _occlusion() -> Floats:
    """Return how much of the sky the folds of a face see, 0..1."""
    _, t = texture_chart()
    hidden = (
        0.30 * spots((13.5, 6), (5, 5))
        + 0.20 * spots((26, 8), (10, 3.5))
        + 0.25 * spot((0, -45), (8, 3))
        + 0.22 * spots((18, -39), (2.2, 5))
        + 0.28 * spot((0, -75.5), (11, 2.6))
        + 0.25 * spots((26, -63.5), (2.2, 2.2))
        + 0.45 * smoothstep(0, 14, -108 - t)
    )
    return np.clip(1 - hidden, 0.2, 1).astype(np.float32)
