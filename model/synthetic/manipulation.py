"""What makes a film a forgery: traces that face swaps and reenactments leave, put on drawn faces.

Each works inside the face's outline on the finished picture, camera noise included, as a forger's tool would.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.canvas import Picture
from model.synthetic.chart import Floats
from model.synthetic.render import Truth

Kind = Literal["blend_seam", "self_blend", "flicker", "mouth_warp", "noise_mismatch", "colour_mismatch"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MOUTH = slice(48, 60)
_HULL = slice(0, 27)


@dataclass(frozen=True, slots=True)
class Manipulation:
    """A forgery of one face throughout a shot.

    `blend_seam`: another rendering pasted with a hard border; `self_blend`: the face itself, shifted and
    recoloured, blended over (Shiohara and Yamasaki 2022, arXiv 2204.08376); `flicker`: brightness and place
    change from frame to frame; `mouth_warp`: a mouth that moves by itself, blurred; `noise_mismatch`: a
    face without the camera's noise, or with more; `colour_mismatch`: another white balance.
    """

    kind: Kind
    strength: float = 0.7
    """0..1, from hard to see to obvious."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such manipulation: {self.kind!r}; there are {list(KINDS)}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"a manipulation's strength must be above 0 and at most 1, got {self.strength}")


def manipulate(picture: Picture, truth: Truth, manipulation: Manipulation, frame: int) -> None:
    """Forge one face of a picture [H, W, 3] uint8 RGB, in place; `frame` makes what changes with time."""
    window = _window(truth, picture)
    if window is None:
        return
    left, top, right, bottom = window
    region = picture[top:bottom, left:right]
    points = truth.landmarks_px - np.array([left, top], np.float32)
    forged = _FORGERS[manipulation.kind](region.astype(np.float32), points, manipulation, frame)
    region[:] = np.clip(forged + 0.5, 0, 255).astype(np.uint8)


def _window(truth: Truth, picture: Picture) -> tuple[int, int, int, int] | None:
    x, y, w, h = truth.box_xywh_px
    left, top = max(0, int(x - 0.15 * w)), max(0, int(y - 0.15 * h))
    right, bottom = min(picture.shape[1], int(x + 1.15 * w) + 1), min(picture.shape[0], int(y + 1.15 * h) + 1)
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None


def _size(points: Floats) -> float:
    return float(np.ptp(points[_HULL, 0]))


def outline(shape: tuple[int, ...], points: Floats, feather: float, grow: float = 1.0) -> Floats:
    """Return the mask [H, W, 1] 0..1 of jaw and brows, soft over `feather` face widths."""
    hull_points = points[_HULL].copy()
    hull_points[17:27, 1] -= 0.06 * _size(points)  # a little of the forehead
    centre = hull_points.mean(0)
    hull = cv2.convexHull((centre + grow * (hull_points - centre)).astype(np.float32))
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.4, feather * _size(points)))
    return (np.asarray(soft, np.float32) / 255)[..., None]


def _shifted(region: Floats, x: float, y: float, scale: float, centre: Floats) -> Floats:
    matrix = np.array(
        [[scale, 0, x + (1 - scale) * centre[0]], [0, scale, y + (1 - scale) * centre[1]]], np.float32
    )
    size = (region.shape[1], region.shape[0])
    return np.asarray(cv2.warpAffine(region, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _recoloured(region: Floats, rng: Generator, amount: float) -> Floats:
    gain = 1 + amount * rng.choice([-1, 1], 3) * rng.uniform(0.5, 1, 3)
    return (region * gain + 18 * amount * rng.uniform(-1, 1)).astype(np.float32)


def _coarse(region: Floats, factor: float) -> Floats:
    """Return the region as a network of lower resolution would have made it."""
    small = cv2.resize(region, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (region.shape[1], region.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def _blend_seam(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    rng, step = default_rng(made.seed), default_rng((made.seed, frame))
    size = _size(points)
    jitter = 0.006 * made.strength * size * step.standard_normal(2)
    pasted = _coarse(region, 1 - 0.45 * made.strength)
    pasted = _recoloured(pasted, rng, 0.16 * made.strength)
    pasted = _shifted(pasted, float(jitter[0]), float(jitter[1]), 1 + 0.02 * made.strength, points.mean(0))
    mask = outline(region.shape, points, 0.008)
    return region + mask * (pasted - region)


def _self_blend(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    del frame
    rng = default_rng(made.seed)
    size = _size(points)
    x, y = 0.05 * made.strength * size * rng.choice([-1, 1], 2) * rng.uniform(0.6, 1, 2)
    source = _recoloured(region, rng, 0.17 * made.strength)
    source = _shifted(
        source, float(x), float(y), 1 + 0.03 * made.strength * float(rng.uniform(-1, 1)), points.mean(0)
    )
    mask = outline(region.shape, points, float(rng.uniform(0.02, 0.05)), float(rng.uniform(0.85, 1.0)))
    return region + mask * (0.6 + 0.4 * made.strength) * (source - region)


def _flicker(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    step = default_rng((made.seed, frame))
    gain = 1 + 0.19 * made.strength * step.uniform(-1, 1) + 0.05 * made.strength * step.uniform(-1, 1, 3)
    jitter = 0.015 * made.strength * _size(points) * step.standard_normal(2)
    changed = _shifted(
        (region * gain).astype(np.float32), float(jitter[0]), float(jitter[1]), 1.0, points.mean(0)
    )
    return region + outline(region.shape, points, 0.04) * (changed - region)


def _mouth_warp(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    rng, step = default_rng(made.seed), default_rng((made.seed, frame // 2))
    size = _size(points)
    centre = points[_MOUTH].mean(0)
    y, x = np.mgrid[0 : region.shape[0], 0 : region.shape[1]].astype(np.float32)
    near = np.exp(-0.5 * (((x - centre[0]) / (0.20 * size)) ** 2 + ((y - centre[1]) / (0.13 * size)) ** 2))
    phase = frame * 0.9 + rng.uniform(0, 6)
    pull = 0.05 * made.strength * size * np.array(
        [np.sin(phase), np.cos(1.3 * phase)]
    ) + 0.01 * size * step.standard_normal(2)
    stretch = 0.22 * made.strength * np.sin(0.7 * phase)
    map_x = x + near * (pull[0] - stretch * (x - centre[0]))
    map_y = y + near * (pull[1] + stretch * (y - centre[1]))
    warped = cv2.remap(region, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    blurred = np.asarray(cv2.GaussianBlur(warped, (0, 0), max(0.5, 0.018 * made.strength * size)), np.float32)
    return region + near[..., None] * (blurred - region)


def _noise_mismatch(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    rng, step = default_rng(made.seed), default_rng((made.seed, frame))
    if rng.random() < 0.5:
        smooth = cv2.GaussianBlur(region, (0, 0), 0.6 + 0.018 * made.strength * _size(points))
        changed = np.asarray(smooth, np.float32)
    else:
        grain = step.standard_normal(region.shape, np.float32)
        changed = (
            region + 15 * np.float32(made.strength) * np.asarray(cv2.blur(grain, (2, 2)), np.float32) * 2
        )
    return region + outline(region.shape, points, 0.02) * (changed - region)


def _colour_mismatch(region: Floats, points: Floats, made: Manipulation, frame: int) -> Floats:
    del frame
    rng = default_rng(made.seed)
    hue = np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]])[int(rng.integers(3))]
    gain = 1 + 0.19 * made.strength * float(rng.choice([-1, 1])) * hue
    gamma = float(np.exp(0.25 * made.strength * rng.uniform(-1, 1)))
    changed = 255 * np.clip(region * gain / 255, 0, 1) ** gamma
    return region + outline(region.shape, points, 0.03, 0.97) * (changed - region)


_FORGERS = {
    "blend_seam": _blend_seam,
    "self_blend": _self_blend,
    "flicker": _flicker,
    "mouth_warp": _mouth_warp,
    "noise_mismatch": _noise_mismatch,
    "colour_mismatch": _colour_mismatch,
}
