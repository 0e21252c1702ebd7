"""What a dataset says of one picture, video or frame, in facesift's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MediaKind = Literal["image", "video"]
Truth = str | float | Mapping[str, bool | None]
"""By the kind of question: a label's name; a number; or per label whether it holds, None where not coded."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which of several faces is meant: its box in pixels of the upright picture, at a time."""

    at_s: float
    x_px: float
    y_px: float
    w_px: float
    h_px: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One annotated face.

    Attributes:
        sample_id: unique within a dataset's variant.
        media: the file, or the folder of the pictures of a video, `1.jpg`, ...; it need not be there.
        kind: `image` or `video`.
        truth: what the annotation says.
        split: `train`, `val`, `test`; `all` where the dataset has none.
        cluster: what is drawn together in a bootstrap and kept together in a split: the person, or the source
            video; the sample itself where neither is known.
        fold: of a cross-validation, from 1.
        frames: first and last frame that the annotation is about, counted from 0; None is all of the file.
        place: which face of a file with several; None is the one that it shows most.
        fps: pictures a second of such a folder, which does not say.
        groups: what the annotation says beside the truth, e.g. gender, race, age, method, compression.
    """

    sample_id: str
    media: Path
    kind: MediaKind
    truth: Truth
    split: str
    cluster: str
    fold: int | None = None
    frames: tuple[int, int] | None = None
    place: Place | None = None
    fps: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def frame(self) -> int | None:
        """The one frame that the sample is, or None when it is a whole file."""
        return self.frames[0] if self.frames is not None and self.frames[0] == self.frames[1] else None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line, a name or a file that an annotation should not have; what it meant is not guessed.

    Attributes:
        file: where it stands.
        line: from 1; None when the whole file, or its name, is meant.
        problem: what is wrong.
    """

    file: Path
    line: int | None
    problem: str

    def __str__(self) -> str:
        place = str(self.file) if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.problem}"


Item = Sample | Malformed
