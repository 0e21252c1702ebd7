"""The BlazeFace detectors: a window of the picture in, boxes and six keypoints out.

Both networks answer per anchor with a box, six keypoints and a logit, in pixels of the network's input
relative to the anchor's centre. They were trained on squares, but being all convolutions they look at windows
of any size: there are more or fewer anchors then. The anchors are those of the single-shot detector (Liu
et al. 2016, section 2.2) as BlazeFace uses them (Bazarevsky et al. 2019, arXiv 1907.05047): every anchor has
unit size, so only its centre matters.

Keypoints, by the person's own left and right: right eye, left eye, nose tip, mouth centre, right ear, left
ear. On an upright face the right eye is the left one in the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.faces.litert import Network, model_path
from workers.faces.window import Pyramid, Window

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blaze:
    """One of the two networks: what it wants and how its answers are laid out."""

    file: str
    """Key in `workers.faces.litert.MODEL_FILES`."""
    input_px: int
    """Side of the squares that it was trained on."""
    grids: tuple[tuple[int, int], ...]
    """(stride in pixels, anchors per cell) per output layer, in the order of the output's rows."""


SHORT_RANGE = Blaze("face_detection_short_range", 128, ((8, 2), (16, 6)))
FULL_RANGE = Blaze("face_detection_full_range_sparse", 192, ((4, 1),))

_KEPT_SIZES = 6
"""Of inputs: a video has four at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Places where a face may be, columnar and in one unit: pixels of the picture or of a network's input."""

    boxes_xyxy_px: Floats
    """[N, 4]"""
    scores: Floats
    """[N], 0..1"""
    keypoints_px: Floats
    """[N, 6, 2]"""

    def __len__(self) -> int:
        return len(self.scores)


def join(parts: list[Candidates]) -> Candidates:
    """Return all rows of several candidate lists in order."""
    return Candidates(
        np.concatenate([part.boxes_xyxy_px for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.keypoints_px for part in parts]),
    )


def anchor_centres(blaze: Blaze, width: int, height: int) -> Floats:
    """Return the anchors' centres [N, 2] as x, y in pixels of an input of the given size."""
    layers: list[Floats] = []
    for stride_px, per_cell in blaze.grids:
        columns, rows = (
            (np.arange(side // stride_px, dtype=np.float32) + 0.5) * stride_px for side in (width, height)
        )
        x, y = np.meshgrid(columns, rows)
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(layers)


def decode(raw: Floats, logits: Floats, centres: Floats, minimum_score: float) -> Candidates:
    """Return the candidates of a network's answer, in pixels of its input.

    Args:
        raw: [N, 16] float32: cx, cy, w, h and six keypoints x, y, all relative to the anchor.
        logits: [N] float32.
        centres: [N, 2] of `anchor_centres`.
        minimum_score: those below are left out.
    """
    rows = np.flatnonzero(logits >= math.log(minimum_score / (1 - minimum_score)))
    values = raw[rows]
    values[:, 4:] += np.tile(centres[rows], 6)
    middle: Floats = values[:, :2] + centres[rows]
    half: Floats = values[:, 2:4] * np.float32(0.5)
    return Candidates(
        np.concatenate([middle - half, middle + half], axis=1),
        (1 / (1 + np.exp(-logits[rows]))).astype(np.float32),
        values[:, 4:].reshape(-1, 6, 2),
    )


def ious(boxes_xyxy: Floats, others_xyxy: Floats) -> Floats:
    """Return the intersection over union [N, M] of boxes [N, 4] and [M, 4]."""
    # Side by side as columns and rows: numpy is several times slower along short last axes.
    x0, y0, x1, y1 = boxes_xyxy.T[..., None]
    left, top, right, bottom = others_xyxy.T
    width = np.minimum(x1, right) - np.maximum(x0, left)
    height = np.minimum(y1, bottom) - np.maximum(y0, top)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    union = (x1 - x0) * (y1 - y0) + (right - left) * (bottom - top) - common
    return common / np.maximum(union, np.float32(1e-9))


def suppress(boxes_xyxy: Floats, ranks: Floats, overlap: float) -> list[int]:
    """Return the rows that are best where they are, best first: greedy non-maximum suppression.

    Args:
        boxes_xyxy: [N, 4].
        ranks: [N], larger is better; equal ones keep their order.
        overlap: intersection over union above which the lesser of two goes.
    """
    is_over = ious(boxes_xyxy, boxes_xyxy) > overlap
    is_gone = np.zeros(len(ranks), bool)
    kept: list[int] = []
    for row in np.argsort(-ranks, kind="stable").tolist():
        if not is_gone[row]:
            kept.append(row)
            is_gone |= is_over[row]
    return kept


def blend(candidates: Candidates, row: int, overlap: float) -> tuple[Floats, Floats]:
    """Return the box [4] and keypoints [6, 2] at a row, averaged by score with all that overlap its box.

    This is how MediaPipe makes one detection of an anchor's and its neighbours' (its weighted suppression).
    """
    near = ious(candidates.boxes_xyxy_px[row, None], candidates.boxes_xyxy_px)[0] > overlap
    weights = candidates.scores[near] / candidates.scores[near].sum()
    boxes, keypoints = candidates.boxes_xyxy_px[near], candidates.keypoints_px[near]
    return np.einsum("n,nk->k", weights, boxes), np.einsum("n,nkd->kd", weights, keypoints)


class BlazeFace:
    """One detector network with its anchors."""

    def __init__(self, blaze: Blaze, num_threads: int) -> None:
        """Find the network, to be loaded as needed; see `litert.model_path` for what can fail."""
        model_path(blaze.file)
        self._blaze = blaze
        self._num_threads = num_threads
        self._sized: dict[tuple[int, int], tuple[Network, Floats]] = {}

    @property
    def input_px(self) -> int:
        """Side of the squares that it was trained on."""
        return self._blaze.input_px

    def look(self, picture: Pyramid, window: Window, minimum_score: float) -> Candidates:
        """Return what it sees in a window of a picture, in picture pixels."""
        network, centres = self._network(window.width, window.height)
        tensor = window.draw(picture).astype(np.float32)
        tensor *= 2 / 255
        tensor -= 1
        raw, logits = network(tensor[None])
        seen = decode(raw[0], logits[0, :, 0], centres, minimum_score)
        scale = np.float32(window.scale)
        origin = np.array([window.left_px, window.top_px] * 2, np.float32)
        boxes: Floats = seen.boxes_xyxy_px * scale + origin
        return Candidates(boxes, seen.scores, seen.keypoints_px * scale + origin[:2])

    def _network(self, width: int, height: int) -> tuple[Network, Floats]:
        """Return the network for inputs of a size; those of the sizes made last are kept."""
        if (width, height) not in self._sized:
            if len(self._sized) == _KEPT_SIZES:
                del self._sized[next(iter(self._sized))]
            network = Network(self._blaze.file, self._num_threads, (width, height))
            self._sized[width, height] = network, anchor_centres(self._blaze, width, height)
        return self._sized[width, height]
