"""What a face looks like, in a few numbers: enough to tell the people of one shot apart, and no more.

The face is turned upright and scaled by its eyes and mouth, so that position and size drop out, and cut into
6 x 6 blocks. Of each block the shape (light and dark, whatever the lighting) and the colour are compared; the
better half of the blocks counts, so that something in front of the face does little harm. Between pictures of
one person within a shot the distance is rarely above 0.55, between two people rarely below 0.65.

Where the detector's model pack knows identities, those are compared instead, on the same scale.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.faces.face import Face
from workers.faces.mesh import Square

Floats = NDArray[np.float32]

_BLOCKS = 6
_CELLS = 4
"""Per side of a block: compared one by one."""
_SIDE_CELLS = _BLOCKS * _CELLS
_SAMPLED_PX = _SIDE_CELLS * 4
"""Sampled finer than compared: averaging forgives small turns."""
_SIDE = 3.2
"""Side of the square in distances from eyes to mouth: with the hair, with little of what is behind."""
_SHIFT = 0.25
"""How far the square is moved from between eyes and mouth towards the hair, in the same unit."""
_FLAT = 20.0
"""Contrast of a block, in grey levels squared, below which its shape is noise."""
_COLOUR_SCALE = 15.0
"""A difference of this many units of Lab a, b counts as much as no likeness of shape at all."""

_FACE = np.array([row * _BLOCKS + column for row in range(1, 6) for column in range(1, 5)])
"""Blocks of the face itself, without hair and what is behind."""
_HIDDEN = 0.9
"""Distance of a block from which it shows something else."""

_STRANGENESS = 0.9
"""Distance per 1 - cosine of identities: a cosine of 0.3, a usual threshold with ArcFace, becomes 0.63."""

_NEW_LOOK = 0.15
"""A look this unlike all known ones is worth keeping beside them."""

_EYES = slice(36, 48)
_LIPS = slice(48, 60)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One look of a face.

    Attributes:
        shapes: [36, 16] float32, the lights and darks of each block, of unit length where there is contrast.
        colours: [36, 2] float32, Lab a and b of each block, 8-bit.
        identity: of `Face`; all faces of a video have one, or none has.
    """

    shapes: Floats
    colours: Floats
    identity: Floats | None = None


def look_of(image: NDArray[np.uint8], face: Face) -> Look:
    """Return the look of a face of a picture [H, W, 3] uint8 RGB."""
    sampled = cv2.warpAffine(
        image,
        _upright(face).to_picture(_SAMPLED_PX),
        (_SAMPLED_PX, _SAMPLED_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cells = cv2.resize(sampled, (_SIDE_CELLS, _SIDE_CELLS), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cells, cv2.COLOR_RGB2LAB).astype(np.float32)
    blocks = lab.reshape(_BLOCKS, _CELLS, _BLOCKS, _CELLS, 3).swapaxes(1, 2).reshape(_BLOCKS**2, _CELLS**2, 3)
    light = blocks[..., 0] - blocks[..., 0].mean(axis=1, keepdims=True)
    contrast = np.square(light).sum(axis=1, keepdims=True)
    shapes = light / np.sqrt(contrast + np.float32(_FLAT * _CELLS**2))
    return Look(shapes, blocks[..., 1:].mean(axis=1), face.identity)


def _upright(face: Face) -> Square:
    eyes = face.landmarks_px[_EYES].mean(axis=0)
    lips = face.landmarks_px[_LIPS].mean(axis=0)
    distance_px = float(np.linalg.norm(lips - eyes))
    angle = math.radians(face.roll_deg)
    x, y = (float(value) for value in (eyes + lips) / 2)
    shift_px = _SHIFT * distance_px
    return Square(
        x + math.sin(angle) * shift_px,
        y - math.cos(angle) * shift_px,
        max(1.0, _SIDE * distance_px),
        angle,
    )


class Gallery:
    """The looks by which a face is known again: a few, as different from each other as it has shown."""

    def __init__(self, first: Look, size: int) -> None:
        """Begin with one look; at most `size` are kept."""
        self._size = size
        self._shapes = first.shapes[None].copy()
        self._colours = first.colours[None].copy()
        self._identities = None if first.identity is None else first.identity[None].copy()

    def __len__(self) -> int:
        return len(self._shapes)

    def distances(self, look: Look) -> Floats:
        """Return how unlike a look is to each known one [K]: near 0 for equal ones, about 1 for strangers."""
        if self._identities is not None and look.identity is not None:
            return np.float32(_STRANGENESS) * (1 - self._identities @ look.identity)
        blocks = np.sort(self._block_distances(look), axis=1)
        return blocks[:, : _BLOCKS**2 // 2].mean(axis=1)

    def distance(self, look: Look) -> float:
        """Return the distance to the nearest known look."""
        return float(self.distances(look).min())

    def hidden_share(self, look: Look) -> float:
        """Return the share of the face, 0..1, that looks like nothing known of it: something is before it.

        It takes a face for what it was first seen to be, and what stays before it for a part of it.
        """
        return float((self._block_distances(look).min(axis=0)[_FACE] > _HIDDEN).mean())

    def _block_distances(self, look: Look) -> Floats:
        """Return how unlike each block is to the same one of each known look [K, 36]."""
        unlike = 1 - np.einsum("kbc,bc->kb", self._shapes, look.shapes)
        recoloured = np.linalg.norm(self._colours - look.colours, axis=2)
        return unlike + recoloured / np.float32(_COLOUR_SCALE)

    def add(self, look: Look) -> None:
        """Take in a look: beside the others where new and there is room, else for the one most like it."""
        distances = self.distances(look)
        nearest = int(distances.argmin())
        if len(self) < self._size and distances[nearest] > _NEW_LOOK:
            self._shapes = np.concatenate([self._shapes, look.shapes[None]])
            self._colours = np.concatenate([self._colours, look.colours[None]])
            if self._identities is not None and look.identity is not None:
                self._identities = np.concatenate([self._identities, look.identity[None]])
        else:
            self._shapes[nearest] = look.shapes
            self._colours[nearest] = look.colours
            if self._identities is not None and look.identity is not None:
                self._identities[nearest] = look.identity

    @property
    def looks(self) -> list[Look]:
        """The known looks, oldest first."""
        identities = [None] * len(self) if self._identities is None else list(self._identities)
        return [
            Look(shapes, colours, identity)
            for shapes, colours, identity in zip(self._shapes, self._colours, identities, strict=True)
        ]

    @property
    def embedding(self) -> Floats | None:
        """The mean identity [D], of unit length; None without identities."""
        if self._identities is None:
            return None
        mean: Floats = self._identities.mean(axis=0)
        return mean / np.float32(max(float(np.linalg.norm(mean)), 1e-9))
