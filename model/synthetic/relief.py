"""Wrinkles: grooves of the skin that age engraves and action units fold, as gradients on the chart.

A gradient map has three channels at half the texture's resolution: slope to the right, slope upwards
(millimetres per millimetre) and how deep a groove a pixel lies in, 0..1.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.random import default_rng

from model.synthetic.chart import BOTTOM_T, KEPT, TEXTURE_PX, TEXTURE_SIZE, TOP_T, Floats, texture_chart
from model.synthetic.expression import Expression
from model.synthetic.face import Face
from model.synthetic.facial_hair import beard_mask
from model.synthetic.paint import blurred, line, noise, smoothstep, spot
from model.synthetic.tones import lip_edges

SCALE = 2
_PX_PER_MM = (TEXTURE_PX - 1) / (TOP_T - BOTTOM_T) / SCALE

# Name: lines through chart points (degrees, mm), depth in mm, and the action units that fold them.
_FOLDS: Mapping[str, tuple[tuple[tuple[tuple[float, float], ...], ...], float, Mapping[int, float]]] = {
    "forehead": (
        tuple(((-34, t - 3), (-17, t + 1), (0, t - 1.5), (17, t + 1), (34, t - 3)) for t in (33, 41, 49)),
        0.9,
        {1: 0.7, 2: 0.6},
    ),
    "glabella": ((((4.5, 12), (5.5, 20), (5, 28)), ((1.5, 9), (6, 8))), 1.1, {4: 1.0, 9: 0.4}),
    "crows_feet": (
        (((42, 1), (48, 6), (54, 9)), ((42.5, -1), (49, -1), (55, 0)), ((42, -3), (48, -8), (53, -13))),
        0.8,
        {6: 1.0, 12: 0.3},
    ),
    "nasolabial": (
        (((17.5, -36), (20.5, -41), (25.5, -49), (29.5, -57), (31.5, -66)),),
        1.15,
        {12: 0.9, 9: 0.7, 10: 0.9, 6: 0.3, 20: 0.3},
    ),
    "under_eyes": ((((14, -7), (21, -12), (30, -13), (37, -9)),), 0.8, {6: 0.8, 7: 0.6, 9: 0.4}),
    "nose": ((((3, 4), (8, -2)), ((3.5, -1), (9, -8)), ((4, -7), (10, -13))), 0.8, {9: 1.0}),
    "mouth_corners": ((((27, -66), (29.5, -74), (29, -84)),), 1.1, {15: 1.0, 20: 0.3}),
    "dimples": ((((30, -55), (32, -62), (30.5, -69)),), 1.1, {14: 1.0, 12: 0.4, 20: 0.5}),
    "chin": ((((-13, -78), (-7, -76), (0, -75.5), (7, -76), (13, -78)),), 1.2, {17: 1.0, 24: 0.5, 23: 0.3}),
}
_AGES: Mapping[str, float] = {
    "forehead": 0.7, "glabella": 0.6, "crows_feet": 0.9, "nasolabial": 1.0, "under_eyes": 1.1,
    "mouth_corners": 0.9,
}  # fmt: skip


@lru_cache(maxsize=1)
def _folds() -> dict[str, Floats]:
    folds = {name: _groove(lines, depth) for name, (lines, depth, _) in _FOLDS.items()}
    pits = np.clip(noise(default_rng(0), (TEXTURE_PX, TEXTURE_PX), (11, 11)), 0, 2) * spot((0, -93), (10, 7))
    folds["chin"] += _gradient(-0.5 * pits)
    return folds


def _groove(lines: tuple[tuple[tuple[float, float], ...], ...], depth: float) -> Floats:
    drawn = np.maximum.reduce([line(points, 3) for points in lines])
    valley, banks = blurred(drawn, 3.6), blurred(drawn, 10.0)
    valley /= valley.max()
    return _gradient(depth * (0.55 * banks / banks.max() - valley))


def _gradient(height: Floats) -> Floats:
    """Return the gradient map of a height in mm at full resolution."""
    coarse = height[::SCALE, ::SCALE]
    down, right = np.gradient(coarse)
    hollow = np.clip(-coarse / 1.2, 0, 1)
    return np.dstack([right * _PX_PER_MM * 1.15, -down * _PX_PER_MM, hollow]).astype(np.float32)


@lru_cache(maxsize=KEPT)
def _static(face: Face) -> Floats:
    """Return the relief that a face has at rest."""
    rng = default_rng(face.texture_seed + 5)
    theta, t = texture_chart()
    upper, lower = lip_edges(face, theta)
    on_lips = (t < upper) & (t > lower) & (np.abs(theta) < 25)
    in_front = 1 - smoothstep(45, 70, np.abs(theta))
    pores = (0.025 + 0.015 * face.old_age) * noise(rng, TEXTURE_SIZE, (5, 5)) * in_front
    height = pores + 0.07 * noise(rng, TEXTURE_SIZE, (40, 4)) * on_lips
    if face.beard not in ("none", "stubble"):
        strands = noise(rng, TEXTURE_SIZE, (14, 4)) + 0.5 * noise(rng, TEXTURE_SIZE, (30, 12))
        height = height + beard_mask(face) * (0.35 * strands + 1.2)
    relief = _gradient(height.astype(np.float32))
    relief[..., 2] = 0
    for name, weight in _AGES.items():
        engraved = 2.0 * weight * face.old_age**1.2 * float(rng.uniform(0.75, 1.15))
        relief += np.float32(engraved) * _folds()[name]
    creased = 0.22 * face.old_age**2 * np.clip(noise(rng, TEXTURE_SIZE, (9, 24)), -2, 2)
    return relief + _gradient((creased * in_front).astype(np.float32))


def relief_of(face: Face, expression: Expression) -> Floats:
    """Return the gradient map [S / 2, S / 2, 3] float32 of a face with an expression."""
    relief = _static(face)
    # the skin of children folds little, that of the old folds into the lines that it has
    softness = (0.9 + 0.3 * face.old_age) * (1 - 0.6 * face.childhood)
    total = None
    for name, (_, _, drivers) in _FOLDS.items():
        weight = sum(expression.unit(number) * share for number, share in drivers.items())
        if weight > 0.02:
            total = relief.copy() if total is None else total
            total += np.float32(min(weight, 1.2) * softness) * _folds()[name]
    return relief if total is None else total
