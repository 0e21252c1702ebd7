"""How a video is read in spans, apart from each other: what they are, how they meet, and what hinders it."""

from dataclasses import dataclass

from workers.video.frames import Facts


class UnsplittableError(Exception):
    """A video that has to be read in one piece: its spans do not give what the whole gives.

    Not a failure; whoever meets it begins again without spans.
    """


@dataclass(frozen=True, slots=True)
class Spans:
    """How a video divides into spans, and what its first frame has decided for all of them.

    A span goes on until the first key frame that is `length_s` or more after its own, with which the next one
    begins: each has a key frame, however rare they are and however far the clock leaps between them.
    """

    length_s: float
    duration_s: float | None
    """As the header states it."""
    size_px: tuple[int, int]
    """Width and height of every picture."""
    rotation_deg: int
    pixel_format: str


@dataclass(frozen=True, slots=True)
class Seam:
    """The key frame at which two spans meet: its number, and a check sum of its pixels."""

    index: int
    checksum: int


@dataclass(frozen=True, slots=True)
class SpanEnd:
    """How a span meets its neighbours. Both decode the key frame between them and must see the same.

    Attributes:
        begins: its own first frame; None behind the last span.
        ends: the next span's; None in the last span and behind it.
        facts: of the whole video, but for `frames_sampled`, where no frame follows the span.
    """

    begins: Seam | None
    ends: Seam | None
    facts: Facts | None
