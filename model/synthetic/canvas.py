"""A part of a picture on which surfaces are drawn, finer than the picture is, before they are put into it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthetic.chart import Floats, Ints
from model.synthetic.mesh import Mesh
from model.synthetic.raster import rasterise
from model.synthetic.shading import Light, Surface, shade

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """What is drawn over `window` (left, top, right, bottom of the picture).

    `layer` [rows * columns, 4] sRGB and opacity 0..1, colours times opacity; `depth` [rows * columns] mm.
    """

    window: tuple[int, int, int, int]
    rows: int
    columns: int
    px_per_mm: float
    layer: Floats
    depth: Floats

    @classmethod
    def around(cls, screen: Floats, picture: Picture, px_per_mm: float, zoom: float) -> "Canvas | None":
        """Return a canvas over what projected points [N, 3] can touch, None when that is nothing.

        Args:
            screen: The points in pixels of the picture.
            picture: [H, W, 3].
            px_per_mm: Scale of the picture.
            zoom: How much finer the canvas is.
        """
        height, width = picture.shape[:2]
        left, top = np.maximum(np.floor(screen[:, :2].min(0)).astype(int) - 1, 0).tolist()
        right, bottom = np.minimum(np.ceil(screen[:, :2].max(0)).astype(int) + 1, (width, height)).tolist()
        if right <= left or bottom <= top:
            return None
        rows, columns = round((bottom - top) * zoom), round((right - left) * zoom)
        layer = np.zeros((rows * columns, 4), np.float32)
        depth = np.full(rows * columns, -np.inf, np.float32)
        return cls((left, top, right, bottom), rows, columns, px_per_mm * zoom, layer, depth)

    def _place(self, screen: Floats) -> Floats:
        left, top, right, bottom = self.window
        zoom = np.array([self.columns / (right - left), self.rows / (bottom - top), 1], np.float32)
        return (screen - np.array([left, top, 0], np.float32)) * zoom

    def keep_behind(self, screen: Floats, triangles: Ints) -> None:
        """Let what is drawn later stay behind surfaces that the picture already shows."""
        fragments = rasterise(self._place(screen), triangles, self.rows, self.columns)
        self.depth[fragments.pixel] = fragments.depth

    def paint(self, mesh: Mesh, screen: Floats, lit: Floats, surface: Surface, light: Light) -> None:
        """Draw surfaces over what is there, where they are nearer."""
        fragments = rasterise(self._place(screen), mesh.triangles, self.rows, self.columns, self.depth)
        colours = shade(fragments, mesh, lit, surface, light=light, px_per_mm=self.px_per_mm)
        pixel, opacity = fragments.pixel, colours[:, 3:]
        if surface.opacity is None:
            self.layer[pixel] = colours
            self.depth[pixel] = fragments.depth
            return
        colours[:, :3] *= opacity
        self.layer[pixel] = colours + self.layer[pixel] * (1 - opacity)
        is_thick = opacity[:, 0] > 0.5
        self.depth[pixel[is_thick]] = fragments.depth[is_thick]

    def blend_into(self, picture: Picture) -> None:
        """Put the canvas over its part of the picture, in place."""
        left, top, right, bottom = self.window
        layer = self.layer.reshape(self.rows, self.columns, 4)
        if self.rows > bottom - top:
            layer = np.asarray(cv2.resize(layer, (right - left, bottom - top), interpolation=cv2.INTER_AREA))
        target = picture[top:bottom, left:right]
        blended = layer[..., :3] * 255 + target * (1 - layer[..., 3:])
        target[:] = np.clip(blended + 0.5, 0, 255).astype(np.uint8)
