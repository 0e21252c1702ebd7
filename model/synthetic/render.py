"""Pictures of faces: geometry to fragments, fragments to light, light to pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthetic.camera import Pose, View, project, turned_body, turned_head
from model.synthetic.chart import TEXTURE_PX, Floats, Ints
from model.synthetic.expression import Expression, deform
from model.synthetic.face import Face
from model.synthetic.hair import hair_of
from model.synthetic.landmarks import box_of, landmarks_of
from model.synthetic.parts import Part, atlas_of, body, ears, eyes, mouth, skin_part
from model.synthetic.raster import Fragments, rasterise

Picture = NDArray[np.uint8]


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
        """Colour of the lamp, linear."""
        return np.array([1 + 0.12 * self.warmth, 1.0, 1 - 0.18 * self.warmth], np.float32)


@dataclass(frozen=True, slots=True)
class Mesh:
    """All parts in one: `points` [N, 3] in camera axes, `normals` [N, 3], `uv` [N, 2], `shade` [N]."""

    points: Floats
    normals: Floats
    triangles: Ints
    uv: Floats
    shade: Floats


def merge(head_parts: list[Part], body_parts: list[Part], pose: Pose) -> Mesh:
    """Return one mesh in camera axes."""
    parts = head_parts + body_parts
    offsets = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    points = np.concatenate(
        [turned_head(part.points, pose) for part in head_parts]
        + [turned_body(part.points, pose) for part in body_parts]
    ).astype(np.float32)
    triangles = np.concatenate(
        [part.triangles + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]
    )
    return Mesh(
        points=points,
        normals=vertex_normals(points, triangles),
        triangles=triangles.astype(np.int32),
        uv=np.concatenate([part.uv for part in parts]),
        shade=np.concatenate([part.shade for part in parts]),
    )


def vertex_normals(points: Floats, triangles: Ints) -> Floats:
    """Return unit normals [N, 3], the mean of the touching triangles weighted by area."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    corner = triangles.ravel()
    sums = [np.bincount(corner, np.repeat(flat[:, axis], 3), len(points)) for axis in range(3)]
    normals = np.stack(sums, -1)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where a drawn face is: `box_xywh_px` ear to ear, hairline to chin; `landmarks_px` [68, 2] float32, iBUG."""

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
    pose: Pose = Pose(),
    size: int = 256,
    expression: Expression = Expression(),
    light: Light = Light(),
    background_rgb: tuple[int, int, int] = (120, 128, 136),
) -> Rendered:
    """Return a square picture of `size` pixels with one face in its middle, about 0.55 of its side wide."""
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = background_rgb
    view = View(size / 2, size * 0.46, size / 250)
    return Rendered(picture, draw(picture, face, pose, view, expression, light))


def draw(picture: Picture, face: Face, pose: Pose, view: View, expression: Expression, light: Light) -> Truth:
    """Draw a person into a picture [H, W, 3] uint8 RGB, in place, and return where the face is."""
    points = deform(face, expression)
    head_parts = [skin_part(points), *eyes(face, expression), *mouth(face, expression), *ears(face)]
    mesh = merge(head_parts, body(face), pose)
    screen = project(mesh.points, view)
    on_skin = screen[: len(points), :2]
    truth = Truth(box_of(on_skin), landmarks_of(face, on_skin), pose)
    hair = hair_of(face)
    shell = None if hair is None else merge([hair[0]], [], pose)
    over = screen if shell is None else np.concatenate([screen, project(shell.points, view)])
    window = _window(over, picture)
    if window is not None:
        _paint(picture, window, face, mesh, screen, shell, over[len(screen) :], light, view.px_per_mm)
    return truth


def _window(screen: Floats, picture: Picture) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the part of the picture that points can touch."""
    height, width = picture.shape[:2]
    left, top = np.maximum(np.floor(screen[:, :2].min(0)).astype(int) - 1, 0).tolist()
    right, bottom = np.minimum(np.ceil(screen[:, :2].max(0)).astype(int) + 1, (width, height)).tolist()
    return (left, top, right, bottom) if right > left and bottom > top else None


def _paint(
    picture: Picture,
    window: tuple[int, int, int, int],
    face: Face,
    mesh: Mesh,
    screen: Floats,
    shell: Mesh | None,
    shell_screen: Floats,
    light: Light,
    px_per_mm: float,
) -> None:
    left, top, right, bottom = window
    fine = 2.0 if px_per_mm < 0.7 else 1.5 if px_per_mm < 1.6 else 1.0
    offset = np.array([left, top, 0], np.float32)
    rows, columns = round((bottom - top) * fine), round((right - left) * fine)
    zoom = np.array([columns / (right - left), rows / (bottom - top), 1], np.float32)
    fragments = rasterise((screen - offset) * zoom, mesh.triangles, rows, columns)
    colour, _ = shade(fragments, mesh, atlas_of(face), light, px_per_mm * fine)
    layer = np.zeros((rows * columns, 4), np.float32)
    layer[fragments.pixel, :3] = colour
    layer[fragments.pixel, 3] = 1
    hair = hair_of(face)
    if shell is not None and hair is not None:
        depth = np.full(rows * columns, -np.inf, np.float32)
        depth[fragments.pixel] = fragments.depth
        fragments = rasterise((shell_screen - offset) * zoom, shell.triangles, rows, columns, depth)
        colour, opacity = shade(fragments, shell, hair[1], light, px_per_mm * fine)
        over = np.concatenate([colour * opacity[:, None], opacity[:, None]], 1)
        layer[fragments.pixel] = over + layer[fragments.pixel] * (1 - opacity[:, None])
    layer = layer.reshape(rows, columns, 4)
    if fine > 1:
        layer = np.asarray(cv2.resize(layer, (right - left, bottom - top), interpolation=cv2.INTER_AREA))
    target = picture[top:bottom, left:right]
    blended = layer[..., :3] * 255 + target * (1 - layer[..., 3:])
    target[:] = np.clip(blended + 0.5, 0, 255).astype(np.uint8)


def shade(
    fragments: Fragments, mesh: Mesh, atlas: Floats, light: Light, px_per_mm: float
) -> tuple[Floats, Floats]:
    """Return the colours [P, 3] sRGB 0..1 of the visible pixels and their opacity [P]."""
    vertex = np.concatenate([mesh.normals, mesh.uv, mesh.shade[:, None]], 1)
    at = fragments.blend(vertex)
    normal = at[:, :3]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    texel = sample(atlas, at[:, 3:5], px_per_mm)
    albedo, gloss = texel[:, :3] * at[:, 5:6], texel[:, 3] * at[:, 5]
    lamp = light.direction
    facing = normal @ lamp
    wrapped = np.clip((facing + 0.18) / 1.18, 0, None)
    sky = 0.5 + 0.5 * normal[:, 1]
    ambient = light.ambient * (0.55 + 0.45 * sky)
    # light that travels in the skin reddens the border of the shadow
    bleed = np.exp(-(((facing + 0.02) / 0.16) ** 2))[:, None] * np.array([0.09, 0.012, 0.0], np.float32)
    diffuse = (wrapped[:, None] + bleed) * (light.key * 1.25 * light.rgb) + ambient[:, None]
    half = lamp + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    shine = np.clip(normal @ half, 0, 1) ** (6 + 90 * gloss**2)
    colour = albedo * diffuse + (shine * gloss * (0.16 + 0.9 * gloss**3) * light.key)[:, None] * light.rgb
    opacity = texel[:, 4] if texel.shape[1] > 4 else np.ones(len(texel), np.float32)
    return np.clip(colour, 0, 1) ** np.float32(1 / 2.2), opacity


def sample(atlas: Floats, uv: Floats, px_per_mm: float) -> Floats:
    """Return the atlas [.., K] at positions [P, 2], blurred to the scale of the picture."""
    texel_per_px = TEXTURE_PX / 256 / max(px_per_mm, 1e-6)
    for _ in range(int(np.clip(np.floor(np.log2(max(texel_per_px, 1))), 0, 3))):
        atlas = cv2.pyrDown(atlas)
        uv = uv / 2
    count = len(uv)
    columns = 4096  # remap takes pictures of at most 32767 columns
    padded = np.zeros((-(-count // columns) * columns, 2), np.float32)
    padded[:count] = uv
    grid = padded.reshape(-1, columns, 2)
    bands = [
        cv2.remap(np.ascontiguousarray(band), grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for band in (atlas[..., :4], atlas[..., 4:])
        if band.shape[-1]
    ]
    sampled = np.dstack(bands)
    return np.asarray(sampled, np.float32).reshape(-1, atlas.shape[-1])[:count]
