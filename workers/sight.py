"""What is seen of a frame: all that anybody needs who knows of frames before and after, without its pixels.

Making it is nearly all of the work and needs no memory of other frames, so it can be done in parallel.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.crop import Patch
from workers.faces.appearance import Look
from workers.faces.face import Face
from workers.video.spans import SpanEnd


class Sighted(NamedTuple):
    """A face in a frame.

    Attributes:
        face: as detected.
        look: by which it is known again.
        patch: what clips show of it; None where it is too small or too blurred for clips.
    """

    face: Face
    look: Look
    patch: Patch | None


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A sampled frame.

    Attributes:
        index: number of the frame in the video, from 0.
        pts: in the stream's time base.
        pts_s: the same in seconds.
        thumb: [h, w, 3] uint8 BGR, by which shots are told apart; None where they are not.
        faces: those of the most evidence first.
    """

    index: int
    pts: int
    pts_s: float
    thumb: NDArray[np.uint8] | None
    faces: tuple[Sighted, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels."""
        patches = (seen.patch.pixels.nbytes for seen in self.faces if seen.patch is not None)
        return sum(patches) + (0 if self.thumb is None else self.thumb.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """A stretch of a span, in order; empty ones are signs of life.

    Attributes:
        sights: of its frames.
        seconds: that it took.
        end: with the last stretch of a span, how the span meets its neighbours.
    """

    sights: tuple[Sight, ...]
    seconds: float
    end: SpanEnd | None
