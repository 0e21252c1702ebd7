"""Light: what falls on the vertices, what shadows take away, and what the pixels send to the camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from model.synthetic.chart import TEXTURE_PX, Floats, Ints
from model.synthetic.mesh import Mesh
from model.synthetic.raster import Fragments, rasterise
from model.synthetic.relief import SCALE

_SHADOW_PX = 96
_SHADOW_BIAS_MM, _SHADOW_LIFT_MM = 6.0, 4.0
_PIECE = 8192
_SRGB = ((np.arange(8192, dtype=np.float32) + 0.5) / 8192) ** np.float32(1 / 2.2)
_TAPS = ((0, 0), (-1.2, 0), (1.2, 0), (0, -1.2), (0, 1.2), (-2, -2), (2, 2), (-2, 2), (2, -2))


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp and the light of the surroundings; `azimuth_deg` positive at the picture's right."""

    azimuth_deg: float = -35.0
    elevation_deg: float = 35.0
    key: float = 0.75
    ambient: float = 0.45
    warmth: float = 0.0
    """-1 bluish to 1 reddish."""

    @property
    def direction(self) -> Floats:
        """Towards the lamp, a unit vector [3] in camera axes."""
        azimuth, elevation = np.radians([self.azimuth_deg, self.elevation_deg])
        flat = np.cos(elevation)
        return np.array([np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat], np.float32)

    @property
    def rgb(self) -> Floats:
        """Colour of the lamp, linear, times its strength."""
        return 1.2 * self.key * np.array([1 + 0.12 * self.warmth, 1.0, 1 - 0.18 * self.warmth], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """What the lamp sees: a small map of depths along its direction."""

    axes: Floats
    left_top: Floats
    scale: float
    depth: Floats

    @classmethod
    def cast(cls, points: Floats, triangles: Ints, light: Light) -> "Shadows":
        """Return the shadows of surfaces [N, 3], [M, 3] in camera axes."""
        lamp = light.direction
        right = np.cross(np.array([0, 1, 0], np.float32), lamp)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(lamp, right), lamp]).astype(np.float32)
        seen = points @ axes.T
        low, high = seen[:, :2].min(0), seen[:, :2].max(0)
        shadows = cls(
            axes=axes,
            left_top=np.array([low[0], high[1]], np.float32),
            scale=(_SHADOW_PX - 2) / float((high - low).max()),
            depth=np.full((_SHADOW_PX, _SHADOW_PX), -1e4, np.float32),
        )
        fragments = rasterise(shadows._place(points), triangles, _SHADOW_PX, _SHADOW_PX)
        shadows.depth.reshape(-1)[fragments.pixel] = fragments.depth
        return shadows

    def _place(self, points: Floats) -> Floats:
        seen = points @ self.axes.T
        x, y = (seen[:, :2] - self.left_top).T * self.scale
        return np.stack([x + 1, 1 - y, seen[:, 2]], -1).astype(np.float32)

    def visible(self, mesh: Mesh) -> Floats:
        """Return how much of the lamp the vertices see, [N] 0..1, softened over the map's pixels."""
        # A surface along the light must not shade itself: look from a little above it.
        place = self._place(mesh.points + np.float32(_SHADOW_LIFT_MM) * mesh.normals)
        hidden = np.zeros(len(place), np.float32)
        for dx, dy in _TAPS:
            column = np.clip(place[:, 0] + dx, 0, _SHADOW_PX - 1).astype(np.int32)
            row = np.clip(place[:, 1] + dy, 0, _SHADOW_PX - 1).astype(np.int32)
            hidden += np.clip((self.depth[row, column] - place[:, 2] - _SHADOW_BIAS_MM) / 6, 0, 1)
        return 1 - hidden / len(_TAPS)


def irradiance(mesh: Mesh, light: Light, visible: Floats, up: Floats) -> Floats:
    """Return what the pixels need of the light, per vertex [N, 6].

    Three channels of light, the cosine to the halfway vector of lamp and camera, and how much the light grows
    with a slope to the right and with one upwards. `up` [3]: the head's axis in camera axes.
    """
    lamp, normal = light.direction, mesh.normals
    facing = normal @ lamp
    wrap = 0.18 * mesh.skin
    lit = np.clip((facing + wrap) / (1 + wrap), 0, None) * visible
    # light that travels in the skin reddens the border of the shadow
    bleed = np.exp(-(((facing + 0.02) / 0.16) ** 2)) * mesh.skin * (0.3 + 0.7 * visible)
    ambient = light.ambient * (0.55 + 0.45 * (0.5 + 0.5 * normal[:, 1]))
    red = np.array([0.09, 0.012, 0.0], np.float32)
    rgb = (lit[:, None] + bleed[:, None] * red) * light.rgb + ambient[:, None]
    half = lamp + np.array([0, 0, 1], np.float32)
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) * (0.25 + 0.75 * visible)
    right = np.cross(up, normal)
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-3)
    upwards = np.cross(normal, right)
    towards = 1.2 * light.key * lamp * (visible * (facing > -0.1))[:, None]
    towards = (towards + np.array([0, 0.22 * light.ambient, 0], np.float32)) * mesh.skin[:, None]
    slopes = [-(axis * towards).sum(1) for axis in (right, upwards)]
    rgb *= mesh.shade[:, None]
    return np.column_stack([rgb, shine * np.minimum(mesh.shade, 1), *slopes]).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What surfaces are painted with: textures with their halves, and the gradient map of the chart.

    `texture`: [H, W, 4] linear RGB and gloss; `opacity`: [H, W, 1], None when opaque; `relief`: None when
    flat.
    """

    texture: tuple[Floats, ...]
    opacity: tuple[Floats, ...] | None = None
    relief: Floats | None = None


def shade(
    fragments: Fragments, mesh: Mesh, lit: Floats, surface: Surface, *, light: Light, px_per_mm: float
) -> Floats:
    """Return the colours of the visible pixels [P, 4]: sRGB 0..1, opacity 0..1.

    Args:
        fragments: The pixels.
        mesh: The surfaces.
        lit: [N, 6] of `irradiance`.
        surface: Their textures.
        light: The light.
        px_per_mm: Scale of the picture: chooses how coarse a texture is read.
    """
    vertex = np.concatenate([lit, mesh.uv], 1).astype(np.float32)
    colours = np.empty((len(fragments.pixel), 4), np.float32)
    # in pieces that stay in the processor's cache: three times as fast as all at once
    for start in range(0, len(colours), _PIECE):
        piece = slice(start, start + _PIECE)
        _shade_piece(fragments.blend(vertex, piece), surface, light, px_per_mm, colours[piece])
    return colours


def _shade_piece(at: Floats, surface: Surface, light: Light, px_per_mm: float, colours: Floats) -> None:
    rgb, shine, uv = at[:, :3], at[:, 3], at[:, 6:8]
    texel = _sample(surface.texture, uv, px_per_mm)
    if surface.relief is not None:
        slope = _remap(surface.relief, uv / SCALE, cv2.BORDER_CONSTANT)
        gain = np.clip(at[:, 4] * slope[:, 0] + at[:, 5] * slope[:, 1], -0.5, 0.6)
        rgb = np.maximum(rgb + gain[:, None], 0.02) * (1 - 0.30 * np.clip(slope[:, 2:3], 0, 1.3))
    gloss = texel[:, 3]
    # a cosine, but for the slivers of triangles in which it is no longer one
    dull = np.minimum(shine, 1) - 1
    glint = np.exp((6 + 90 * gloss * gloss) * dull) * gloss * (0.13 + 0.75 * gloss * gloss * gloss)
    linear = texel[:, :3] * rgb + glint[:, None] * light.rgb
    colours[:, :3] = _SRGB[np.clip(linear * len(_SRGB), 0, len(_SRGB) - 1).astype(np.int32)]
    colours[:, 3] = 1 if surface.opacity is None else _sample(surface.opacity, uv, px_per_mm)[:, 0]


def _sample(texture: tuple[Floats, ...], uv: Floats, px_per_mm: float) -> Floats:
    """Return the texture at positions [P, 2] in its pixels, from the level that fits the picture's scale."""
    texel_per_px = TEXTURE_PX / 256 / max(px_per_mm, 1e-6)
    level = int(np.clip(np.floor(np.log2(max(texel_per_px, 1))), 0, len(texture) - 1))
    return _remap(texture[level], uv / 2**level, cv2.BORDER_REPLICATE)


def _remap(texture: Floats, uv: Floats, border: int) -> Floats:
    x, y = (np.ascontiguousarray(uv[:, axis], np.float32)[None] for axis in (0, 1))
    read = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(read, np.float32).reshape(len(uv), -1)
