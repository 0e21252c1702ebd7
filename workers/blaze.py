"""The BlazeFace detectors: a window of the picture in, boxes and six keypoints out.

Both networks look at a square and answer per anchor with a box, six keypoints and a logit, in pixels of
the network's input relative to the anchor's centre. The anchors are those of the single-shot detector (Liu
et al. 2016, section 2.2) as BlazeFace uses them (Bazarevsky et al. 2019, arXiv 1907.05047): every anchor has
unit size, so only its centre matters.

Keypoints, by the person's own left and right: right eye, left eye, nose tip, mouth centre, right ear, left
ear. On an upright face the right eye is the left one in the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.litert import Network
from workers.window import Window

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blaze:
    """One of the two networks: what it wants and how its answers are laid out."""

    file: str
    """Key in `workers.litert.MODEL_FILES`."""
    input_px: int
    grids: tuple[tuple[int, int], ...]
    """(stride in pixels, anchors per cell) per output layer, in the order of the output's rows."""


SHORT_RANGE = Blaze("face_detection_short_range", 128, ((8, 2), (16, 6)))
FULL_RANGE = Blaze("face_detection_full_range_sparse", 192, ((4, 1),))


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


def anchor_centres(blaze: Blaze) -> Floats:
    """Return the anchors' centres [N, 2] as x, y in pixels of the network's input."""
    layers: list[Floats] = []
    for stride_px, per_cell in blaze.grids:
        ticks = (np.arange(blaze.input_px // stride_px, dtype=np.float32) + 0.5) * stride_px
        x, y = np.meshgrid(ticks, ticks)
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
    raw, centre = raw[rows], centres[rows]
    middle: Floats = raw[:, :2] + centre
    half: Floats = raw[:, 2:4] * np.float32(0.5)
    return Candidates(
        np.concatenate([middle - half, middle + half], axis=1),
        (1 / (1 + np.exp(-logits[rows]))).astype(np.float32),
        raw[:, 4:16].reshape(-1, 6, 2) + centre[:, None],
    )


def ious(boxes_xyxy: Floats, others_xyxy: Floats) -> Floats:
    """Return the intersection over union [N, M] of boxes [N, 4] and [M, 4]."""
    low = np.maximum(boxes_xyxy[:, None, :2], others_xyxy[None, :, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], others_xyxy[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    other_areas = np.prod(others_xyxy[:, 2:] - others_xyxy[:, :2], axis=1)
    union = areas[:, None] + other_areas[None] - common
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
        """Load the network; see `workers.litert.model_path` for what can fail."""
        self._blaze = blaze
        self._centres = anchor_centres(blaze)
        self._network = Network(blaze.file, num_threads)

    def look(self, image: NDArray[np.uint8], window: Window, minimum_score: float) -> Candidates:
        """Return what it sees in a window of a picture [H, W, 3] uint8 RGB, in picture pixels."""
        tensor = window.draw(image, self._blaze.input_px).astype(np.float32)
        tensor *= 2 / 255
        tensor -= 1
        raw, logits = self._network(tensor[None])
        seen = decode(raw[0], logits[0, :, 0], self._centres, minimum_score)
        scale = np.float32(self._scale(window))
        origin = np.array([window.left_px, window.top_px], np.float32)
        boxes: Floats = seen.boxes_xyxy_px * scale + np.tile(origin, 2)
        return Candidates(boxes, seen.scores, seen.keypoints_px * scale + origin)

    def network_px(self, window: Window, boxes_xyxy_px: Floats) -> Floats:
        """Return how large boxes [N, 4] of a window are to the network: longer sides [N] in its pixels."""
        return (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).max(axis=1) / np.float32(self._scale(window))

    def _scale(self, window: Window) -> float:
        return window.side_px / self._blaze.input_px
