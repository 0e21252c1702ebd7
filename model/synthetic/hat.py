"""Hats: a rim on the chart, a cloth for the shell that hair makes, and the peak of a cap."""

import numpy as np
from numpy.random import Generator

from model.synthetic.atlas import SIDE_PX
from model.synthetic.chart import TEXTURE_PX, TEXTURE_SIZE, Floats, chart, texture_chart
from model.synthetic.face import Face
from model.synthetic.head import head_of
from model.synthetic.mesh import Part, grid_part
from model.synthetic.paint import noise, smoothstep

_HATS_RGB = (
    (0.25, 0.02, 0.03), (0.02, 0.05, 0.16), (0.03, 0.03, 0.035), (0.05, 0.12, 0.05), (0.35, 0.26, 0.10),
    (0.45, 0.45, 0.43),
)  # fmt: skip
_HAT_TOP_T = 44.0
HANGING_ROWS = 640
"""Rows of the texture's column for hair that hangs free; those below hold a hat's cloth."""


def hat_line(theta: Floats) -> Floats:
    """Return the rim of a hat, t in mm, at angles."""
    return (_HAT_TOP_T - 18 * np.minimum(np.abs(theta) / 120, 1)).astype(np.float32)


def brim_of(face: Face) -> Part:
    """Return the peak of a cap."""
    grid, head = chart(), head_of(face)
    angle = np.linspace(-52, 52, 17)
    root = np.stack([head.points[grid.nearest(a, _HAT_TOP_T)] for a in angle.tolist()])
    out, across = np.meshgrid(np.linspace(0, 1, 7), angle / 52, indexing="ij")
    reach = 62 * np.sqrt(np.maximum(1 - across**4, 0))
    z = root[None, :, 2] + 8 + out * reach
    y = root[None, :, 1] + 4 - 10 * out * (1 - 0.5 * across**2) - 7 * across**2
    x = root[None, :, 0] * (1.08 - 0.12 * out)
    uv = np.stack(
        np.meshgrid(
            np.linspace(TEXTURE_PX + 8, TEXTURE_PX + SIDE_PX - 9, 17), np.linspace(HANGING_ROWS + 12, 755, 7)
        ),
        -1,
    )
    # seen from above, the far edge of the grid is at the front
    return grid_part(np.stack([x, y, z], -1), uv, 0.85)


def paint_hat(face: Face, rng: Generator, rgb: Floats, gloss: Floats, opacity: Floats) -> None:
    """Paint a hat over the hair's texture: linear RGB, gloss and opacity, in place."""
    theta, t = texture_chart()
    line = hat_line(theta)
    colour = np.array(_HATS_RGB[face.texture_seed % len(_HATS_RGB)], np.float32)
    grain = 1 + 0.05 * noise(rng, TEXTURE_SIZE, (3, 3))
    if face.hat == "beanie":
        grain *= 1 + 0.22 * np.sin(theta * 2.4)
        grain *= 1 - 0.45 * np.exp(-0.5 * ((t - line - 26) / 1.6) ** 2)
    else:
        grain *= 1 - 0.4 * np.exp(-0.5 * ((np.abs(np.abs(theta) - 40)) / 1.0) ** 2)
    worn = smoothstep(-0.8, 0.8, t - line)
    chart_rgb = rgb[:, :TEXTURE_PX]
    chart_rgb += worn[..., None] * (colour * grain[..., None] - chart_rgb)
    gloss[:, :TEXTURE_PX] += worn * (0.03 - gloss[:, :TEXTURE_PX])
    np.maximum(opacity[:, :TEXTURE_PX], worn, out=opacity[:, :TEXTURE_PX])
    brim = (slice(HANGING_ROWS, None), slice(TEXTURE_PX, None))
    rgb[brim], gloss[brim], opacity[brim] = colour, 0.03, 1
