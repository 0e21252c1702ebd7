"""What several painters need of an identity: the tones of skin and hair, and where the lips end."""

import numpy as np

from model.synthetic.chart import MOUTH_CORNER_DEG, MOUTH_T, Floats
from model.synthetic.face import Face

# Linear RGB from light to dark skin.
_SKIN = np.array([[0.76, 0.52, 0.42], [0.60, 0.36, 0.25], [0.36, 0.19, 0.115], [0.13, 0.065, 0.042]])
_HAIR = {
    "black": (0.012, 0.010, 0.010),
    "brown": (0.075, 0.040, 0.022),
    "blond": (0.48, 0.32, 0.14),
    "red": (0.28, 0.085, 0.03),
    "gray": (0.42, 0.42, 0.43),
}


def skin_rgb(face: Face) -> Floats:
    """Return the mean colour of the skin, linear RGB."""
    at = face.melanin * (len(_SKIN) - 1)
    tone = np.array([np.interp(at, range(len(_SKIN)), _SKIN[:, channel]) for channel in range(3)])
    red = (face.redness - 0.5) * 0.14 * (1 - face.melanin)
    return (tone * (1 + red, 1 - red, 1 - red)).astype(np.float32)


def hair_rgb(face: Face) -> Floats:
    """Return the colour of the hair, linear RGB."""
    return np.array(_HAIR[face.hair_colour], np.float32)


def lip_edges(face: Face, theta_deg: Floats) -> tuple[Floats, Floats]:
    """Return the upper and the lower border of the lips, t in mm, at angles."""
    along = np.clip(np.abs(theta_deg) / MOUTH_CORNER_DEG, 0, 1)
    fullness = face.shape.lips * (1 - 0.5 * face.old_age) * (1.2 - 0.4 * face.masculinity)
    bow = 1 - 0.16 * np.exp(-0.5 * (theta_deg / 3.0) ** 2)
    upper = MOUTH_T + 7.2 * fullness * np.sqrt(np.maximum(1 - along**1.7, 0)) * bow
    lower = MOUTH_T - 8.6 * fullness * np.sqrt(np.maximum(1 - along**2.0, 0))
    return upper.astype(np.float32), lower.astype(np.float32)
