"""What every face detector is asked and answers, and how it is set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from workers.faces.face import Face
from workers.faces.insight_pack import inspect_pack

Backend = Literal["embedded", "insightface", "whole_picture"]


class FaceDetector(Protocol):
    """Finds the faces of pictures. Deterministic; not for several threads at once."""

    @property
    def batch(self) -> int:
        """Pictures that are best given at once."""
        ...

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return per picture [H, W, 3] uint8 RGB its faces; pictures of one call may differ in size."""
        ...


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """How faces are looked for and what is taken for one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    backend: Backend = "embedded"
    """embedded, which comes with facesift; insightface, which runs a model pack of yours; or whole_picture,
    which looks for none: every picture is a crop of one face."""
    min_face_px: float = 16.0
    """Shorter side of the smallest face box that is kept."""
    overlap: float = 0.5
    """Intersection over union of two faces' boxes above which they are one."""
    max_faces: int = 256
    """Faces kept per picture, the surest."""
    tile_px: int = 640
    """Embedded: side of the tiles in which a larger picture is looked at."""
    crowd_faces: int = 6
    """Embedded: faces of less than a tenth of a tile from which a picture is a crowd and is looked at again,
    in tiles of half the size; 0 never does."""
    candidate_score: float = 0.2
    """Embedded: ensemble's score from which a place is looked at close up."""
    evidence: float = 0.6
    """Embedded: 0.4 ensemble's + 0.4 close-up's score + 0.2 mesh's presence, from which a place is a face."""
    agreement: float = 0.5
    """Embedded: intersection over union of the close-up's and the mesh's box, for them to mean one face."""
    settled: float = 0.15
    """Embedded: how far the corners of the square in which the mesh was seen may be off from those of the
    square around it, in sides; where they are further off, the mesh is laid on again."""
    pack: str | None = field(default=None, metadata={"changes_results": False})
    """InsightFace: directory of the model pack. What is in it changes results, not where it lies."""
    pack_sha256: str | None = None
    """InsightFace: of the pack's models; found when a scan starts, checked wherever the pack is loaded."""
    input_px: int = 640
    """InsightFace: longer side to which a picture is scaled for SCRFD, a multiple of 32."""
    score: float = 0.5
    """InsightFace: SCRFD's score from which a place is a face."""
    batch: int = field(default=8, metadata={"changes_results": False})
    """InsightFace: pictures that go through the networks at once."""
    num_threads: int = field(default=1, metadata={"changes_results": False})
    """Threads of each network, and of OpenCV in the whole process."""

    def __post_init__(self) -> None:
        for name in ("candidate_score", "evidence", "agreement", "overlap", "score"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"detector.{name} is {getattr(self, name)}; give a number between 0 and 1")
        for name, least in (("tile_px", 64), ("max_faces", 1), ("num_threads", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"detector.{name} is {getattr(self, name)}; give at least {least}")
        for name in ("settled", "crowd_faces"):
            if getattr(self, name) < 0:
                raise ValueError(f"detector.{name} is {getattr(self, name)}; give 0 or more")
        if self.input_px < 32 or self.input_px % 32:
            raise ValueError(f"detector.input_px is {self.input_px}; give a multiple of 32")
        if self.backend == "insightface" and self.pack is None:
            raise ValueError(
                'detector.backend is "insightface": give detector.pack, a model pack\'s directory'
            )
        if self.backend != "insightface" and (self.pack or self.pack_sha256):
            raise ValueError(
                'detector.pack is for detector.backend = "insightface": set that or leave it out'
            )

    def pinned(self) -> Self:
        """Return the same with the absolute path of the pack and the hash of its models, where there is one.

        Raises:
            PackError: it cannot be used, or is not the one of `pack_sha256`.
        """
        if self.pack is None:
            return self
        path = Path(self.pack).expanduser().absolute()
        pack = inspect_pack(path)
        pack.check(self.pack_sha256)
        return replace(self, pack=str(path), pack_sha256=pack.sha256)
