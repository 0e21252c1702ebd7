"""SCRFD (Guo et al. 2021, arXiv 2105.04714) on several pictures at once.

Three feature maps, at strides 8, 16 and 32, two anchors a cell: per anchor a score, the distances from its
centre to the box's four sides, and five keypoints, in strides. InsightFace runs it picture by picture, and
its published models fix the batch at one. A model is opened for more here, and where a trial shows that
several pictures together do not give what each gives alone, it is run picture by picture after all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from workers.faces.blaze import suppress

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

_STRIDES_PX = (8, 16, 32)
_ANCHORS = 2
_MEAN, _SCALE = 127.5, 1 / 128
_SAME_PLACE_IOU = 0.4
"""InsightFace's: above it two boxes are one face."""
_TRIAL_PX = 64


class Sighting(NamedTuple):
    """Faces of one picture, the surest first, in its pixels."""

    boxes_xyxy_px: Floats
    """[N, 4]"""
    scores: Floats
    """[N], 0..1"""
    keypoints_px: Floats
    """[N, 5, 2]: the eyes, the nose's tip and the mouth's corners, each pair from the picture's left."""


class Scrfd:
    """The detector of a pack."""

    def __init__(self, file: Path, input_px: int, options: Any, providers: Sequence[Any]) -> None:
        """Load the model.

        Args:
            file: checked by `workers.faces.insight_pack`.
            input_px: longer side to which pictures are scaled, a multiple of 32; a model of a fixed size
                keeps its own.
            options: of the onnxruntime session.
            providers: onnxruntime's, in order of preference.
        """
        model: Any = onnx.load_model(str(file))
        axes = model.graph.input[0].type.tensor_type.shape.dim
        fixed_px = axes[2].dim_value, axes[3].dim_value
        self._fixed_px = fixed_px if all(fixed_px) else None
        self._input_px = input_px
        _open_batch(model)
        self._session: Any = onnxruntime.InferenceSession(
            model.SerializeToString(), sess_options=options, providers=list(providers)
        )
        self._input: str = self._session.get_inputs()[0].name
        self._outputs: list[str] = [output.name for output in self._session.get_outputs()]
        self.is_batched = self._gives_the_same_together()
        """Whether several pictures go through the network at once."""

    def look(self, images: Sequence[Image], minimum_score: float) -> list[Sighting]:
        """Return what is seen in pictures [H, W, 3] uint8 RGB; they may differ in size."""
        sightings: dict[int, Sighting] = {}
        for size_px, places in _by_size([self._size_px(image) for image in images]).items():
            drawn = [_letterbox(images[place], size_px) for place in places]
            blobs = np.stack([blob for blob, _ in drawn])
            seen = _decode(self._run(blobs), size_px, minimum_score)
            for place, (_, scale), sighting in zip(places, drawn, seen, strict=True):
                sightings[place] = Sighting(
                    sighting.boxes_xyxy_px / np.float32(scale),
                    sighting.scores,
                    sighting.keypoints_px / np.float32(scale),
                )
        return [sightings[place] for place in range(len(images))]

    def _size_px(self, image: Image) -> tuple[int, int]:
        """Return height and width of the network's input for a picture: its shape, in whole cells."""
        if self._fixed_px is not None:
            return self._fixed_px
        height, width = image.shape[:2]
        scale = self._input_px / max(height, width)
        cell = _STRIDES_PX[-1]
        return max(cell, -(-round(height * scale) // cell) * cell), max(
            cell, -(-round(width * scale) // cell) * cell
        )

    def _run(self, blobs: Floats) -> list[Floats]:
        """Return per output [B, cells and anchors, values] for inputs [B, 3, H, W]."""
        if self.is_batched or len(blobs) == 1:
            return [_apart(output, len(blobs)) for output in self._answers(blobs)]
        alone = [self._run(blob[None]) for blob in blobs]
        return [np.concatenate(outputs) for outputs in zip(*alone, strict=True)]

    def _answers(self, blobs: Floats) -> list[Floats]:
        return self._session.run(self._outputs, {self._input: blobs})

    def _gives_the_same_together(self) -> bool:
        size_px = self._fixed_px or (_TRIAL_PX, _TRIAL_PX)
        trial = np.random.default_rng(0).uniform(-1, 1, (2, 3, *size_px)).astype(np.float32)
        alone = [self._answers(blob[None]) for blob in trial]
        try:
            together = [_apart(output, 2) for output in self._answers(trial)]
        except Exception:  # the runtime's errors have no common class
            return False
        return all(
            np.allclose(both[place], _apart(output, 1)[0], atol=1e-4)
            for place, outputs in enumerate(alone)
            for both, output in zip(together, outputs, strict=True)
        )


def _open_batch(model: Any) -> None:
    """Let a graph take any number of pictures: its tensors' noted sizes were those of one."""
    axes = model.graph.input[0].type.tensor_type.shape.dim
    axes[0].dim_param = "pictures"
    # Some models give height and width one name, which would make them equal.
    for name, axis in (("height", axes[2]), ("width", axes[3])):
        if not axis.dim_value:
            axis.dim_param = name
    del model.graph.value_info[:]
    for output in model.graph.output:
        for number, axis in enumerate(output.type.tensor_type.shape.dim):
            axis.dim_param = f"{output.name}_{number}"


def _apart(output: Floats, pictures: int) -> Floats:
    """Return an output [B, N, C]; one [cells x B x anchors, C] has the pictures within the cells."""
    if output.ndim == 3:
        return output
    cells = output.reshape(-1, pictures, _ANCHORS, output.shape[-1])
    return cells.swapaxes(0, 1).reshape(pictures, -1, output.shape[-1])


def _by_size(sizes_px: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
    places: dict[tuple[int, int], list[int]] = {}
    for place, size_px in enumerate(sizes_px):
        places.setdefault(size_px, []).append(place)
    return places


def _letterbox(image: Image, size_px: tuple[int, int]) -> tuple[Floats, float]:
    """Return a picture as input [3, H, W], at the top left and black beyond, and the scale it has there."""
    height, width = image.shape[:2]
    scale = min(size_px[0] / height, size_px[1] / width)
    inner = max(1, int(width * scale)), max(1, int(height * scale))
    drawn = np.zeros((*size_px, 3), np.uint8)
    drawn[: inner[1], : inner[0]] = cv2.resize(image, inner)
    blob = (drawn.astype(np.float32) - np.float32(_MEAN)) * np.float32(_SCALE)
    return np.ascontiguousarray(blob.transpose(2, 0, 1)), scale


def _decode(outputs: list[Floats], size_px: tuple[int, int], minimum_score: float) -> list[Sighting]:
    """Return what outputs [B, N, C], in input pixels, say: scores, sides and keypoints by stride."""
    scores, sides, keypoints = (outputs[first : first + len(_STRIDES_PX)] for first in (0, 3, 6))
    strides = np.concatenate(
        [np.full(part.shape[1], stride, np.float32) for part, stride in zip(scores, _STRIDES_PX, strict=True)]
    )
    centres = np.concatenate([_centres(size_px, stride) for stride in _STRIDES_PX])
    every_score = np.concatenate(scores, axis=1)[..., 0]
    every_side = np.concatenate(sides, axis=1) * strides[:, None]
    every_keypoint = np.concatenate(keypoints, axis=1) * strides[:, None]
    sightings: list[Sighting] = []
    for score, side, keypoint in zip(every_score, every_side, every_keypoint, strict=True):
        rows = np.flatnonzero(score >= minimum_score)
        centre = centres[rows]
        boxes = np.concatenate([centre - side[rows, :2], centre + side[rows, 2:]], axis=1)
        kept = rows[(order := suppress(boxes, score[rows], _SAME_PLACE_IOU))]
        points = keypoint[kept].reshape(-1, 5, 2) + centres[kept][:, None]
        sightings.append(Sighting(boxes[order], score[kept], points))
    return sightings


def _centres(size_px: tuple[int, int], stride_px: int) -> Floats:
    """Return the anchors' centres [N, 2] as x, y: the cells' top left corners."""
    y, x = np.mgrid[: size_px[0] // stride_px, : size_px[1] // stride_px].astype(np.float32) * stride_px
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), _ANCHORS, axis=0)
