"""Faces by a model pack of InsightFace's: SCRFD, 3D landmarks, and ArcFace where the pack has it.

Loading and input scaling are the `insightface` package's; the networks run on several pictures and faces at
once. On a machine with CUDA and onnxruntime-gpu they run there, else on the CPU.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime
from insightface.model_zoo import get_model
from insightface.model_zoo.onnxruntime_utils import get_default_providers
from insightface.utils.face_align import arcface_dst
from numpy.typing import NDArray
from skimage.transform import SimilarityTransform

from workers.faces.blaze import suppress
from workers.faces.detection import DetectorConfig
from workers.faces.face import Box, Face, Located, measure
from workers.faces.insight_pack import LANDMARKS_PX, Pack, inspect_pack
from workers.faces.insight_scrfd import Scrfd, Sighting
from workers.faces.mesh import Square, angles_deg

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

_MARGIN = 1.5
"""Side of the landmarks' square in the box's longer sides."""
_POINTS = 68
_ARCFACE_PX = 112
"""Side of the square in which `arcface_dst` places keypoints."""
_AT_ONCE = 64
"""Faces that go through a network at once."""

# The square that MediaPipe's detector gives, by which crops were cut in training, from the box around the 68
# points: on 92 drawn and photographed faces its side is 1.09 (deviation 0.046) of the box's longer side, and
# its centre 0.07 (0.03) of that above the box's.
_CROP_SIDE, _CROP_RISE = 1.09, 0.07


class _Place(NamedTuple):
    """A face that SCRFD sees: its picture's number, box [4] and keypoints [5, 2]."""

    picture: int
    box_xyxy_px: Floats
    score: float
    keypoints_px: Floats


class InsightDetector:
    """Finds faces with a model pack. Not for several threads at once."""

    def __init__(self, config: DetectorConfig) -> None:
        """Load the pack's models.

        Raises:
            PackError: it cannot be used, or is not the one of `config.pack_sha256`.
        """
        assert config.pack is not None
        cv2.setNumThreads(config.num_threads)
        self._config = config
        pack = inspect_pack(Path(config.pack))
        pack.check(config.pack_sha256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config.num_threads
        options.log_severity_level = 3
        providers = get_default_providers()
        self._scrfd = Scrfd(pack.detection, config.input_px, options, providers)
        self._landmarks = _Landmarks(pack, options, providers)
        self._arcface = None if pack.recognition is None else _ArcFace(pack.recognition, options, providers)

    @property
    def batch(self) -> int:
        """Pictures that are best given at once."""
        return self._config.batch

    def detect(self, images: Sequence[Image]) -> list[list[Face]]:
        """Return per picture [H, W, 3] uint8 RGB its faces, the surest first."""
        places = [
            place
            for number, seen in enumerate(self._scrfd.look(images, self._config.score))
            for place in self._kept(number, seen)
        ]
        meshes = self._landmarks.of(images, places)
        identities = [None] * len(places) if self._arcface is None else self._arcface.of(images, places)
        located: list[list[Located]] = [[] for _ in images]
        for place, mesh, identity in zip(places, meshes, identities, strict=True):
            located[place.picture].append(
                Located(
                    box_xywh_px=_xywh(place.box_xyxy_px),
                    detector_xywh_px=crop_box(mesh.points_px),
                    score=place.score,
                    landmarks_px=mesh.points_px,
                    pose_deg=mesh.pose_deg,
                    identity=identity,
                )
            )
        return [measure(image, found) for image, found in zip(images, located, strict=True)]

    def _kept(self, picture: int, seen: Sighting) -> list[_Place]:
        sizes = (seen.boxes_xyxy_px[:, 2:] - seen.boxes_xyxy_px[:, :2]).min(axis=1, initial=np.inf)
        large = np.flatnonzero(sizes >= self._config.min_face_px)
        rows = large[suppress(seen.boxes_xyxy_px[large], seen.scores[large], self._config.overlap)]
        return [
            _Place(picture, seen.boxes_xyxy_px[row], float(seen.scores[row]), seen.keypoints_px[row])
            for row in rows[: self._config.max_faces]
        ]


class _Mesh68(NamedTuple):
    points_px: Floats
    pose_deg: tuple[float, float, float]


class _Landmarks:
    """The 3D landmarks: 68 iBUG points with depth, and the head's pose by fitting InsightFace's mean head."""

    def __init__(self, pack: Pack, options: Any, providers: Sequence[Any]) -> None:
        self._model: Any = get_model(str(pack.landmarks), sess_options=options, providers=list(providers))
        # [68, 3] to the picture's right and down, and towards the viewer.
        mean: NDArray[np.float64] = np.asarray(self._model.mean_lmk, np.float64)
        self._fit = np.linalg.pinv(np.hstack([mean, np.ones((_POINTS, 1))]))

    def of(self, images: Sequence[Image], places: Sequence[_Place]) -> list[_Mesh68]:
        squares = [_square(place.box_xyxy_px) for place in places]
        crops: list[Any] = [
            cv2.warpAffine(
                images[place.picture],
                square.to_picture(LANDMARKS_PX),
                (LANDMARKS_PX, LANDMARKS_PX),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            for place, square in zip(places, squares, strict=True)
        ]
        return [
            self._mesh(values, square)
            for values, square in zip(_in_batches(crops, self._values), squares, strict=True)
        ]

    def _values(self, crops: Sequence[Image]) -> Floats:
        blob = (np.stack(crops).astype(np.float32) - self._model.input_mean) / self._model.input_std
        blob = np.ascontiguousarray(blob.transpose(0, 3, 1, 2), np.float32)
        (values,) = self._model.session.run(self._model.output_names, {self._model.input_name: blob})
        return values

    def _mesh(self, values: Floats, square: Square) -> _Mesh68:
        points = (values.reshape(-1, 3)[-_POINTS:] + np.array([1.0, 1.0, 0.0])) * (LANDMARKS_PX / 2)
        to_picture = square.to_picture(LANDMARKS_PX)
        xy = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        depth = points[:, 2:] * (square.side_px / LANDMARKS_PX)
        # Our depth grows away from the viewer.
        across, down = (self._fit @ np.hstack([xy, depth]))[:2] * (1, 1, -1)
        pose_deg = angles_deg(across / np.linalg.norm(across), down / np.linalg.norm(down))
        return _Mesh68(xy.astype(np.float32), pose_deg)


class _ArcFace:
    """The identity network."""

    def __init__(self, file: Path, options: Any, providers: Sequence[Any]) -> None:
        self._model: Any = get_model(str(file), sess_options=options, providers=list(providers))

    def of(self, images: Sequence[Image], places: Sequence[_Place]) -> list[Floats]:
        crops: list[Any] = [self._aligned(images[place.picture], place.keypoints_px) for place in places]
        return [_unit(vector) for vector in _in_batches(crops, self._vectors)]

    def _aligned(self, image: Image, keypoints_px: Floats) -> Any:
        """Return the face turned and scaled so that its keypoints lie where ArcFace wants them."""
        side_px: int = self._model.input_size[0]
        wanted = arcface_dst * (side_px / _ARCFACE_PX)
        to_crop: Any = SimilarityTransform.from_estimate(keypoints_px, wanted)
        return cv2.warpAffine(image, to_crop.params[:2], (side_px, side_px))

    def _vectors(self, crops: Sequence[Image]) -> Floats:
        # InsightFace takes BGR and turns it round itself.
        return self._model.get_feat([np.ascontiguousarray(crop[..., ::-1]) for crop in crops])


def crop_box(points_px: Floats) -> Box:
    """Return the square of `Face.detector_xywh_px` for 68 points [68, 2]."""
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    longer_px = float((high - low).max())
    x, y = (float(value) for value in (low + high) / 2)
    side_px = _CROP_SIDE * longer_px
    return x - side_px / 2, y - _CROP_RISE * longer_px - side_px / 2, side_px, side_px


def _square(box_xyxy_px: Floats) -> Square:
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    return Square((x0 + x1) / 2, (y0 + y1) / 2, max(1.0, _MARGIN * max(x1 - x0, y1 - y0)), 0.0)


def _in_batches(crops: Sequence[Image], run: Callable[[Sequence[Image]], Floats]) -> list[Floats]:
    """Return a network's answers, crop by crop."""
    answers: list[Floats] = []
    for start in range(0, len(crops), _AT_ONCE):
        answers += list(run(crops[start : start + _AT_ONCE]))
    return answers


def _unit(vector: Floats) -> Floats:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))


def _xywh(box_xyxy_px: Floats) -> Box:
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    return x0, y0, x1 - x0, y1 - y0
