"""Brows and beards, painted on the skin's texture."""

import numpy as np
from numpy.random import Generator

from model.synthetic.chart import TEXTURE_SIZE, Floats, texture_chart
from model.synthetic.face import Face
from model.synthetic.paint import blurred, hairs, mix, noise, smoothstep
from model.synthetic.tones import hair_rgb, lip_edges, skin_rgb

BROW_INNER_DEG, BROW_LENGTH_DEG = 9.5, 32.5


def paint_brows(face: Face, rng: Generator, rgb: Floats) -> None:
    """Draw both brows hair by hair, in place."""
    count = int(260 * face.brow_thickness * (1 - 0.25 * face.old_age) * (1 - 0.35 * face.childhood))
    along = rng.random(count).astype(np.float32)
    theta = BROW_INNER_DEG + BROW_LENGTH_DEG * along
    female = 0.5 - face.masculinity
    arch = (5.5 + 2.0 * female) * np.sin(np.pi * (0.08 + 0.72 * along))
    middle = 16.5 + face.shape.brow_height_mm + 1.6 * female + arch - 2.0 * along
    taper = np.clip(1.25 - along, 0.2, 1) * (0.4 + 0.6 * np.minimum(along * 7, 1))
    half = 2.6 * face.brow_thickness * (0.75 + 0.5 * face.masculinity) * taper
    t = middle + half * rng.uniform(-1, 1, count)
    lean_deg = 0.6 + 3.2 * along
    rise = np.where(t < middle, 2.6, 0.6) * (1 - along)
    mask = np.zeros(rgb.shape[:2], np.float32)
    for side in (-1, 1):
        starts = np.stack([side * theta, t], -1).astype(np.float32)
        ends = np.stack([side * (theta + lean_deg), t + rise - 0.6 * along], -1).astype(np.float32)
        mask = np.maximum(mask, hairs(rng, starts, ends, 2, 0.4))
    # brows are darker than the hair, those of the blond most
    strength, tone = (0.8, 0.4) if face.hair_colour == "blond" else (0.9, 0.55)
    mask = np.clip(blurred(mask, 0.8) * 1.15, 0, 1) * np.float32(strength)
    mix(rgb, hair_rgb(face) * np.float32(tone), mask)


def beard_mask(face: Face) -> Floats:
    """Return where the beard grows, 0..1 [S, S]."""
    theta, t = texture_chart()
    angle = np.abs(theta)
    upper, lower = lip_edges(face, theta)
    lips = smoothstep(-0.5, 0.8, upper - t + 0.6) * smoothstep(-0.5, 0.8, t - lower + 0.6) * (angle < 26)
    mustache = smoothstep(0, 3, t - (upper - 1)) * smoothstep(0, 3.5, -45.5 - 0.10 * angle - t)
    mustache = mustache * smoothstep(0, 4, 25.5 - angle)
    ends = smoothstep(0, 3, 29 - angle) * smoothstep(0, 3, angle - 21)
    ends = ends * smoothstep(0, 4, -50 - t) * smoothstep(0, 4, t + 82)
    chin = smoothstep(0, 4, 17 - angle) * smoothstep(0, 3, lower - 3 - t) * smoothstep(0, 5, t + 113)
    # the upper border on the cheeks rises towards the ears, where sideburns meet it
    border = np.where(angle > 70, 20, np.minimum(-54 + 0.9 * np.maximum(angle - 46, 0), 15))
    whole = smoothstep(0, 9, border - t) * smoothstep(0, 9, 86 - angle) * smoothstep(0, 5, t + 122)
    grown = {
        "none": np.zeros(TEXTURE_SIZE, np.float32),
        "stubble": np.maximum(whole, mustache),
        "mustache": mustache,
        "goatee": np.maximum.reduce([mustache, ends, chin]),
        "full": np.maximum(whole, mustache),
    }[face.beard]
    return (grown * (1 - lips)).astype(np.float32)


def paint_beard(face: Face, rng: Generator, rgb: Floats, gloss: Floats) -> None:
    """Paint the beard, in place."""
    if face.beard == "none":
        return
    mask = beard_mask(face)
    strand = 0.55 * noise(rng, mask.shape, (7, 2.0)) + 0.3 * noise(rng, mask.shape, (14, 5))
    strand = (0.5 + 0.5 * np.clip(strand, -1, 1)).astype(np.float32)
    colour = hair_rgb(face) * 0.8
    if face.beard == "stubble":
        mix(rgb, colour * 0.5 + skin_rgb(face) * 0.2, mask * (0.30 + 0.30 * strand))
        return
    mix(rgb, colour * 0.6, mask * np.float32(0.94))
    rgb *= 1 + (mask * (strand - 0.4) * 1.3)[..., None]
    gloss *= 1 - 0.6 * mask
