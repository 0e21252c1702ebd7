"""Spectacles: frames as ribbons, and lenses that reflect a little."""

from functools import lru_cache

import numpy as np

from model.synthetic.atlas import FRAMES, window
from model.synthetic.chart import Floats, chart
from model.synthetic.face import Face
from model.synthetic.head import head_of
from model.synthetic.mesh import Part, flipped, grid_part

_RIM_POINTS = 29


@lru_cache(maxsize=16)
def glasses_of(face: Face) -> tuple[Part, ...]:
    """Return rims, bridge and arms; none for a face without glasses."""
    if face.glasses == "none":
        return ()
    head = head_of(face)
    is_round = face.glasses == "round"
    half_width, half_height, thick = (22.5, 20.5, 2.0) if is_round else (26.0, 17.5, 3.6)
    squareness = 1.0 if is_round else 0.55
    turn = np.linspace(0, 2 * np.pi, _RIM_POINTS)
    parts: list[Part] = []
    for centre in head.eyes:
        outline = np.stack([_power(np.cos(turn), squareness), _power(np.sin(turn), squareness)], -1)
        size = np.array([half_width, half_height], np.float32)
        middle = centre[:2] + np.array([np.sign(centre[0]) * 2.0, -2.5], np.float32)
        inner, outer = middle + outline * (size - thick / 2), middle + outline * (size + thick / 2)
        rim = np.stack([_before_face(outer), _before_face(inner)])
        parts.append(grid_part(rim[:, ::-1], window(FRAMES, 2, _RIM_POINTS)))
    inner_x = float(head.eyes[1, 0]) + 2 - half_width
    across = np.linspace(-inner_x, inner_x, 7)
    arch = 3 + 2.5 * (1 - (across / inner_x) ** 2)
    bridge = np.stack([np.stack([across, arch + side * thick / 2], -1) for side in (0.6, -0.6)])
    parts.append(grid_part(_before_face(bridge), window(FRAMES, 2, 7)))
    for side in (-1, 1):
        hinge = _before_face(np.array([[side * (float(head.eyes[1, 0]) + 2 + half_width), 4.0]]))[0]
        ear = head.points[chart().nearest(side * 97.0, 9.5)] + np.array([side * 3.0, 2.0, 0.0], np.float32)
        line = np.linspace(hinge, ear, 6)
        half = np.array([0, thick * 0.7, 0], np.float32)
        arm = grid_part(np.stack([line + half, line - half]), window(FRAMES, 2, 6))
        parts += [arm, flipped(arm)]
    return tuple(parts)


def _power(value: Floats, exponent: float) -> Floats:
    return (np.sign(value) * np.abs(value) ** exponent).astype(np.float32)


def _before_face(xy: Floats) -> Floats:
    """Return points [..., 3] on the slightly bent surface that glasses have."""
    z = 7.0 - 0.0022 * xy[..., 0] ** 2
    return np.concatenate([xy, z[..., None]], -1).astype(np.float32)
