"""Pictures of faces: geometry to fragments, fragments to light, light to pixels."""

from dataclasses import dataclass

import numpy as np

from model.synthetic.atlas import atlas_of
from model.synthetic.camera import Pose, View, project, turned_body, turned_head, turned_up
from model.synthetic.canvas import Canvas, Picture
from model.synthetic.chart import Floats, chart
from model.synthetic.expression import Expression, deform
from model.synthetic.face import Face
from model.synthetic.glasses import glasses_of
from model.synthetic.hair import hair_of
from model.synthetic.landmarks import box_of, landmarks_of
from model.synthetic.mesh import Mesh, merge
from model.synthetic.parts import ears, eyes, funnels, mouth, neck, shoulders, skin
from model.synthetic.relief import relief_of
from model.synthetic.shading import Light, Shadows, Surface, irradiance


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
    on_head = [skin(points), *funnels(points), *eyes(face, expression), *mouth(face, expression)]
    on_head += [*ears(face), *glasses_of(face)]
    below, torso = (part.moved(turned_body(part.points, pose)) for part in (neck(face), shoulders(face)))
    mesh = merge([*(part.moved(turned_head(part.points, pose)) for part in on_head), below])
    screen = project(mesh.points, view)
    on_skin = screen[: len(points), :2]
    truth = Truth(box_of(on_skin), landmarks_of(face, on_skin), pose)
    hair = hair_of(face)
    covers = [merge([part.moved(turned_head(part.points, pose))]) for part in (hair.parts if hair else ())]
    cover_screens = [project(cover.points, view) for cover in covers]
    shadows = _shadows([mesh, *covers], len(chart().triangles), light)
    up = turned_up(pose)

    clothes = merge([torso])
    clothes_screen = project(clothes.points, view)
    canvas = Canvas.around(clothes_screen, picture, view.px_per_mm, 1)
    if canvas is not None:
        lit = irradiance(clothes, light, shadows.visible(clothes), up)
        canvas.paint(clothes, clothes_screen, lit, Surface(atlas_of(face)), light)
        canvas.blend_into(picture)
    canvas = Canvas.around(np.concatenate([screen, *cover_screens]), picture, view.px_per_mm, _zoom(view))
    if canvas is None:
        return truth
    canvas.keep_behind(clothes_screen, clothes.triangles)
    lit = irradiance(mesh, light, shadows.visible(mesh), up)
    canvas.paint(mesh, screen, lit, Surface(atlas_of(face), relief=relief_of(face, expression)), light)
    for cover, cover_screen in zip(covers, cover_screens, strict=True):
        assert hair is not None
        lit = irradiance(cover, light, shadows.visible(cover), up)
        canvas.paint(cover, cover_screen, lit, Surface(hair.texture, opacity=hair.opacity), light)
    canvas.blend_into(picture)
    return truth


def _zoom(view: View) -> float:
    """Return how much finer than the picture a head is drawn: smooth edges matter most where it is small."""
    for limit, zoom in ((0.5, 2.0), (0.9, 1.5), (1.6, 1.25)):
        if view.px_per_mm < limit:
            return zoom
    return 1.0


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
