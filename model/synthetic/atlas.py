"""The texture of all that is opaque: the skin's chart at the left, a column of other parts at the right."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import default_rng

from model.synthetic.chart import KEPT, TEXTURE_PX, Floats
from model.synthetic.face import Face
from model.synthetic.paint import noise, smoothstep
from model.synthetic.skin import skin_of
from model.synthetic.tones import skin_rgb

SIDE_PX = 256
LEVELS = 4

# Rows of the column, as (top, height).
EYE, TEETH, GUMS, BARE_SKIN, CLOTH, FRAMES = (0, 256), (256, 96), (352, 64), (416, 128), (544, 160), (704, 64)
EYEBALL_MM, EYE_PX_PER_SIN = 14.6, 120.0
_IRIS_MM = 6.2

_IRIS_RGB = {
    "brown": (0.085, 0.035, 0.015),
    "hazel": (0.16, 0.10, 0.035),
    "green": (0.11, 0.17, 0.075),
    "blue": (0.11, 0.21, 0.36),
    "gray": (0.19, 0.23, 0.26),
}
_FRAME_RGB = (
    (0.01, 0.01, 0.012),
    (0.05, 0.022, 0.010),
    (0.20, 0.16, 0.10),
    (0.03, 0.03, 0.09),
    (0.25, 0.25, 0.27),
)


def window(rows: tuple[int, int], grid_rows: int, grid_columns: int) -> Floats:
    """Return texture positions [R, C, 2] of a grid over some rows of the column, a little inside of them."""
    top, height = rows
    v = np.linspace(top + 4, top + height - 5, grid_rows)
    u = np.linspace(TEXTURE_PX + 4, TEXTURE_PX + SIDE_PX - 5, grid_columns)
    return np.stack(np.meshgrid(u, v), -1).astype(np.float32)


@lru_cache(maxsize=KEPT)
def atlas_of(face: Face) -> tuple[Floats, ...]:
    """Return the atlas [S, S + SIDE_PX, 4] float32, linear RGB and gloss 0..1, and coarser ones by halves."""
    rng = default_rng(face.texture_seed + 1)
    atlas = np.empty((TEXTURE_PX, TEXTURE_PX + SIDE_PX, 4), np.float32)
    atlas[:, :TEXTURE_PX] = skin_of(face)
    column = atlas[:, TEXTURE_PX:]

    def rows(part: tuple[int, int]) -> Floats:
        return column[part[0] : part[0] + part[1]]

    rows(EYE)[:] = _eye(face)
    rows(TEETH)[:] = _teeth(face)
    rows(GUMS)[:] = (0.13, 0.025, 0.024, 0.3)
    rows(BARE_SKIN)[:] = (*skin_rgb(face), 0.2)
    rows(BARE_SKIN)[..., :3] *= 1 + 0.03 * noise(rng, (BARE_SKIN[1], SIDE_PX), (9, 9))[..., None]
    cloth = np.maximum((np.array(face.clothes_rgb, np.float32) / 255) ** 2.2, 0.008)
    rows(CLOTH)[:] = (*cloth, 0.02)
    weave = noise(rng, (CLOTH[1], SIDE_PX), (3, 3)) + noise(rng, (CLOTH[1], SIDE_PX), (40, 10))
    rows(CLOTH)[..., :3] *= 1 + 0.05 * weave[..., None]
    rows(FRAMES)[:] = (*_FRAME_RGB[face.texture_seed % len(_FRAME_RGB)], 0.55)
    return coarser(atlas)


def coarser(texture: Floats) -> tuple[Floats, ...]:
    """Return a texture and its halves."""
    levels = [texture]
    for _ in range(LEVELS - 1):
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    return tuple(levels)


def _eye(face: Face) -> Floats:
    """Return the front of an eyeball [256, 256, 4], seen along its axis."""
    line = (np.arange(SIDE_PX, dtype=np.float32) - (SIDE_PX - 1) / 2) / EYE_PX_PER_SIN * EYEBALL_MM
    x, y = np.meshgrid(line, line)
    r = np.hypot(x, y)
    rng = default_rng(face.texture_seed + 2)
    rgb = np.ones((SIDE_PX, SIDE_PX, 3), np.float32) * np.array([0.66, 0.60, 0.57], np.float32)
    red = smoothstep(6, 14, r) * (0.16 + 0.10 * face.old_age)
    rgb *= 1 - red[..., None] * np.array([0.35, 1, 1], np.float32)
    spokes = noise(rng, (256, 64), (1.6, 60))
    flags = cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS
    fibres = np.asarray(cv2.warpPolar(spokes, (SIDE_PX, SIDE_PX), (127.5, 127.5), 60, flags), np.float32)
    # darker towards the border, lighter around the pupil
    tone = 1.15 + 0.22 * fibres - 0.65 * smoothstep(4.8, 6.2, r) + 0.35 * np.exp(-((r - 2.8) ** 2))
    inside = 1 - smoothstep(_IRIS_MM - 0.35, _IRIS_MM + 0.35, r)
    iris = np.array(_IRIS_RGB[face.eye_colour], np.float32)
    rgb += inside[..., None] * (iris * np.clip(tone, 0.1, 2)[..., None] - rgb)
    rgb *= 0.015 + 0.985 * smoothstep(2.1, 2.6, r)[..., None]
    return np.dstack([rgb, np.full((SIDE_PX, SIDE_PX, 1), 0.9, np.float32)]).astype(np.float32)


def _teeth(face: Face) -> Floats:
    """Return a row of teeth [96, 256, 4] with their gums above."""
    x = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    y = np.linspace(0, 1, TEETH[1], dtype=np.float32)[:, None]
    edges = np.array([0, 0.17, 0.31, 0.45, 0.58, 0.71, 0.84], np.float32)
    gap = np.min(np.abs(np.abs(x)[:, None] - edges), 1)
    ivory = np.array([0.70, 0.64, 0.54 - 0.12 * face.old_age], np.float32)
    tone = (1 - 0.45 * np.exp(-((gap / 0.012) ** 2))) * (1 - 0.55 * np.abs(x) ** 2)
    rgb = ivory * (tone * np.ones_like(y))[..., None]
    gum = 1 - smoothstep(0.12, 0.22, y + 0 * x)
    rgb += gum[..., None] * (np.array([0.33, 0.10, 0.09], np.float32) - rgb)
    return np.dstack([rgb, np.full((*rgb.shape[:2], 1), 0.5, np.float32)]).astype(np.float32)
