"""The one face of a sample, cut out and kept on disk with its landmarks; made for worker processes."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from model.datasets.dataset import Task
from model.datasets.sample import MediaKind
from model.training.media import LANDMARK_CROP_PX
from storage.archive import Listed
from storage.records import Source
from workers.failure import WorkerError
from workers.reader import Reader
from workers.reading import ReaderConfig
from workers.single_face import NoSingleFace, single_face

_CLIP_TASKS = ("expression", "deepfake")


@dataclass(frozen=True, slots=True)
class FaceTask:
    """A sample whose face is to be found.

    Attributes:
        listed: its file.
        kind: of the file.
        task: what is going to be asked: of most, one picture is enough.
        sample_id: unique in the dataset.
        folder: where the face goes.
        one_face_share: see `workers.single_face`.
    """

    listed: Listed
    kind: MediaKind
    task: Task
    sample_id: str
    folder: Path
    one_face_share: float


@dataclass(frozen=True, slots=True)
class KeptFace:
    """What was found of a sample's face.

    Attributes:
        kind: of what is kept: eight crops of a video are a video.
        status: `kept`, `failed`, or the filter's word.
        reason: why there is none; None where there is one.
        media: of the crops, relative to the folder: PNG, or `.npy` [8, 256, 256, 3] uint8 RGB.
        landmarks: `.npy` of [68, 2] or [8, 68, 2] float32 in pixels of a crop of 256.
        video_id: SHA-256 of the source's bytes.
        crops_sha256: of the clip's pixels.
        frame_indices: of the clip in the source, comma-separated.
    """

    kind: MediaKind
    status: str = "failed"
    reason: str | None = None
    media: str = ""
    landmarks: str = ""
    video_id: str = ""
    crops_sha256: str = ""
    frame_indices: str = ""


_kept: list[tuple[Reader, ReaderConfig]] = []
"""The reader of this process, and its configuration: loading its networks takes a second."""


def keep_reader(config: ReaderConfig) -> None:
    """Load the reader of this process."""
    _kept[:] = [(Reader(config), config)]


def find_face(task: FaceTask) -> KeptFace:
    """Return the face of a sample, from disk where it was found before under the same version of the file.

    What failed is not kept: the next run tries it again.
    """
    ((reader, config),) = _kept
    asked = (task.listed.uri, task.listed.etag, task.task, task.one_face_share, repr(config))
    name = hashlib.sha256(repr(asked).encode()).hexdigest()[:24]
    path = task.folder / "faces" / name[:2] / f"{name}.json"
    if path.exists():
        return KeptFace(**json.loads(path.read_text(encoding="utf-8")))
    path.parent.mkdir(parents=True, exist_ok=True)
    found = _find(reader, task, path.with_suffix(""))
    if found.status == "failed":
        return found
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(found)), encoding="utf-8")
    part.rename(path)
    return found


def _find(reader: Reader, task: FaceTask, stem: Path) -> KeptFace:
    listed = task.listed
    source = Source(
        listed.uri,
        listed.size_bytes,
        listed.etag,
        listed.modified_at,
        listed_at=datetime.now(UTC),
        scan_id="",
        recipe_id="",
    )
    kind: MediaKind = "video" if task.kind == "video" and task.task in _CLIP_TASKS else "image"
    try:
        cut = single_face(reader, source, task.one_face_share)
    except WorkerError as error:
        return KeptFace(kind, "failed", str(error))
    if isinstance(cut, NoSingleFace):
        return KeptFace(kind, cut.reason, cut.reason)
    clip = cut.clip
    landmarks = clip.landmarks_px * np.float32(LANDMARK_CROP_PX / clip.size_px)
    if kind == "video":
        media = stem.with_suffix(".npy")
        np.save(media, clip.crops)
    else:
        media = stem.with_suffix(".png")
        Image.fromarray(clip.crops[clip.best_frame]).save(media)
        landmarks = landmarks[clip.best_frame]
    points = stem.with_suffix(".landmarks.npy")
    np.save(points, landmarks)
    return KeptFace(
        kind,
        "kept",
        None,
        str(media.relative_to(task.folder)),
        str(points.relative_to(task.folder)),
        cut.record.video_id,
        cut.record.crops_sha256,
        ",".join(map(str, cut.record.frame_indices)),
    )
