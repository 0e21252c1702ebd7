"""Pictures of faces: geometry to fragments, fragments to light, light to pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthetic.atlas import atlas_of
from model.synthetic.camera import Pose, View, project, turned_body, turned_head, turned_up
from model.synthetic.chart import Floats, chart
from model.synthetic.expression import Expression, deform
from model.synthetic.face import Face
from model.synthetic.glasses import glasses_of
from model.synthetic.hair import hair_of
from model.synthetic.landmarks import box_of, landmarks_of
from model.synthetic.mesh import Mesh, merge
from model.synthetic.parts import body, ears, eyes, funnels, mouth, skin
from model.synthetic.raster import rasterise
from model.synthetic.relief import relief_of
from model.synthetic.shading import Light, Shadows, Surface, irradiance, shade

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Moment:
    """How a person is at a time: turned, placed, and what the face does."""

    pose: Pose
    view: View
    expression: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where a drawn face is: `box_xywh_px` ear to ear, hairline to chin; `landmarks_px` [68, 2], iBUG."""

    box_xywh_px: tuple[float, float, float, float]
    landmarks_px: Floats
    pose: Pose


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A picture of one face, [S, S, 3] uint8 RGB, and the truth about it."""

    picture: Picture
    truth: Truth


def render_face(
    face: Face,
    pose: Pose | None = None,
    size: int = 256,
    *,
    expression: Expression | None = None,
    light: Light | None = None,
    background_rgb: tuple[int, int, int] = (120, 128, 136),
) -> Rendered:
    """Return a square picture of `size` pixels with one face in its middle, about 0.55 of its side wide."""
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = background_rgb
    view = View(size / 2, size * 0.46, size / 250)
    moment = Moment(pose or Pose(), view, expression or Expression())
    truth = draw(picture, face, moment, light or Light())
    return Rendered(picture, truth)


def locate(face: Face, moment: Moment) -> Truth:
    """Return where a face would be drawn."""
    on_skin = project(turned_head(deform(face, moment.expression), moment.pose), moment.view)[:, :2]
    return Truth(box_of(on_skin), landmarks_of(face, on_skin), moment.pose)


def draw(picture: Picture, face: Face, moment: Moment, light: Light) -> Truth:
    """Draw a person into a picture [H, W, 3] uint8 RGB, in place, and return where the face is."""
    pose, view, expression = moment.pose, moment.view, moment.expression
    points = deform(face, expression)
    on_head = [
        skin(points),
        *funnels(points),
        *eyes(face, expression),
        *mouth(face, expression),
        *ears(face),
        *glasses_of(face),
    ]
    mesh = merge(
        [part.moved(turned_head(part.points, pose)) for part in on_head]
        + [part.moved(turned_body(part.points, pose)) for part in body(face)]
    )
    screen = project(mesh.points, view)
    on_skin = screen[: len(points), :2]
    truth = Truth(box_of(on_skin), landmarks_of(face, on_skin), pose)
    hair = hair_of(face)
    covers = [merge([part.moved(turned_head(part.points, pose))]) for part in (hair.parts if hair else ())]
    cover_screens = [project(cover.points, view) for cover in covers]
    window = _window(np.concatenate([screen, *cover_screens]), picture)
    if window is None:
        return truth
    canvas = _Canvas.over(window, view.px_per_mm)
    up = turned_up(pose)
    shadows = _shadows([mesh, *covers], len(chart().triangles), light)
    lit = irradiance(mesh, light, shadows.visible(mesh), up)
    canvas.paint(mesh, screen, lit, Surface(atlas_of(face), relief=relief_of(face, expression)), light)
    for cover, cover_screen in zip(covers, cover_screens, strict=True):
        assert hair is not None
        lit = irradiance(cover, light, shadows.visible(cover), up)
        canvas.paint(cover, cover_screen, lit, Surface(hair.texture, opacity=hair.opacity), light)
    canvas.blend_into(picture)
    return truth


def _shadows(meshes: list[Mesh], skin_triangles: int, light: Light) -> Shadows:
    """Return the shadows of the skin, which comes first in the first mesh, and of all of the others."""
    offsets = np.cumsum([0, *(len(mesh.points) for mesh in meshes)])
    triangles = [meshes[0].triangles[:skin_triangles]]
    triangles += [
        mesh.triangles + np.int32(offset) for mesh, offset in zip(meshes[1:], offsets[1:], strict=False)
    ]
    used = np.concatenate(triangles)
    points = np.concatenate([mesh.points for mesh in meshes])
    return Shadows.cast(points, used, light)


def _window(screen: Floats, picture: Picture) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the part of the picture that points can touch."""
    height, width = picture.shape[:2]
    left, top = np.maximum(np.floor(screen[:, :2].min(0)).astype(int) - 1, 0).tolist()
    right, bottom = np.minimum(np.ceil(screen[:, :2].max(0)).astype(int) + 1, (width, height)).tolist()
    return (left, top, right, bottom) if right > left and bottom > top else None


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """A part of the picture, drawn finer than it is: `layer` [R * C, 4] RGB and opacity, `depth` [R * C]."""

    window: tuple[int, int, int, int]
    rows: int
    columns: int
    zoom: float
    px_per_mm: float
    layer: Floats
    depth: Floats

    @classmethod
    def over(cls, window: tuple[int, int, int, int], px_per_mm: float) -> "_Canvas":
        left, top, right, bottom = window
        # small faces need smooth edges most, and can afford them
        zoom = 2.0 if px_per_mm < 0.7 else 1.5 if px_per_mm < 1.6 else 1.0
        rows, columns = round((bottom - top) * zoom), round((right - left) * zoom)
        layer = np.zeros((rows * columns, 4), np.float32)
        depth = np.full(rows * columns, -np.inf, np.float32)
        return cls(window, rows, columns, zoom, px_per_mm * zoom, layer, depth)

    def paint(self, mesh: Mesh, screen: Floats, lit: Floats, surface: Surface, light: Light) -> None:
        """Draw surfaces over what is there, where they are nearer."""
        left, top, right, bottom = self.window
        zoom = np.array([self.columns / (right - left), self.rows / (bottom - top), 1], np.float32)
        place = (screen - np.array([left, top, 0], np.float32)) * zoom
        fragments = rasterise(place, mesh.triangles, self.rows, self.columns, self.depth)
        colours = shade(fragments, mesh, lit, surface, light=light, px_per_mm=self.px_per_mm)
        pixel, opacity = fragments.pixel, colours[:, 3:]
        if surface.opacity is None:
            self.layer[pixel] = colours
            self.depth[pixel] = fragments.depth
            return
        over = colours * np.concatenate([opacity, opacity, opacity, np.ones_like(opacity)], 1)
        self.layer[pixel] = over + self.layer[pixel] * (1 - opacity)
        is_thick = opacity[:, 0] > 0.5
        self.depth[pixel[is_thick]] = fragments.depth[is_thick]

    def blend_into(self, picture: Picture) -> None:
        """Put the canvas over its part of the picture, in place."""
        left, top, right, bottom = self.window
        layer = self.layer.reshape(self.rows, self.columns, 4)
        if self.zoom > 1:
            layer = np.asarray(cv2.resize(layer, (right - left, bottom - top), interpolation=cv2.INTER_AREA))
        target = picture[top:bottom, left:right]
        blended = layer[..., :3] * 255 + target * (1 - layer[..., 3:])
        target[:] = np.clip(blended + 0.5, 0, 255).astype(np.uint8)
