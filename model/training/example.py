"""A sample as the network takes it: ids, labels, pixels, landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model.network.config import FaceLlavaConfig, Kind
from model.network.splicing import IGNORED_LABEL, PLACEHOLDER_ID
from model.preprocess import image_pixels, landmark_numbers, sampled_frames, video_pixels
from model.prompting.prompts import Prompter
from model.training.media import LANDMARK_CROP_PX, Media, read_landmarks
from model.training.sample import Sample


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One sample; S ids, of which each picture has one.

    Attributes:
        input_ids: [S] int64.
        labels: [S] int64, `IGNORED_LABEL` but for answers.
        kind: what the pixels are.
        pixels: [3, T, H, W] of a video, [3, H, W] of an image, normalised; None without pictures.
        landmarks: [T, 136] or [136], 0..1 of the crop; None when the branch does not take part.
    """

    input_ids: Tensor
    labels: Tensor
    kind: Kind | None
    pixels: Tensor | None
    landmarks: Tensor | None


class Examples(Dataset[Example]):
    """The samples of a file, made into examples when they are asked for.

    Args:
        samples: what there is to learn.
        network: sizes.
        prompter: with the training template.
        media: reads the pictures.
    """

    def __init__(
        self, samples: Sequence[Sample], network: FaceLlavaConfig, prompter: Prompter, media: Media
    ) -> None:
        self.samples = samples
        self._network = network
        self._prompter = prompter
        self._media = media

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Example:
        """Return an example.

        Raises:
            ValueError: a file of it is damaged, or the pictures leave no room for the first answer.
        """
        sample = self.samples[index]
        images = {None: 0, "image": 1, "video": self._network.frames if sample.kind == "video" else 0}
        ids, labels = self._prompter.conversation(images[sample.kind], sample.turns)
        self._check_room(sample, ids, labels)
        pixels, landmarks = self._look(sample)
        return Example(torch.tensor(ids), torch.tensor(labels), sample.kind, pixels, landmarks)

    def _look(self, sample: Sample) -> tuple[Tensor | None, Tensor | None]:
        if sample.media is None:
            return None, None
        points = None if sample.landmarks is None else read_landmarks(sample.landmarks)
        if sample.kind == "image":
            if points is not None and points.ndim > 2:
                raise ValueError(f"{sample.landmarks} has landmarks of {len(points)} frames for an image")
            side = self._network.image_tower.image_size if self._network.image_tower else 0
            pixels = image_pixels(self._media.image(sample.media), side, is_padded=True)
        else:
            tower = self._network.video_tower
            assert tower is not None, "_check_room has asked for its frames"
            pictures, available = self._media.video(sample.media, tower.frames)
            pixels = video_pixels(pictures, tower.image_size)
            if points is not None:
                if points.ndim != 3 or len(points) != available:
                    raise ValueError(
                        f"{sample.landmarks} has landmarks of shape {points.shape} for {sample.media} of "
                        f"{available} frames; give one row per frame"
                    )
                points = points[sampled_frames(available, tower.frames)]
        if points is None:
            return pixels, None
        return pixels, landmark_numbers(np.ascontiguousarray(points), LANDMARK_CROP_PX)

    def _check_room(self, sample: Sample, ids: tuple[int, ...], labels: tuple[int, ...]) -> None:
        """Refuse what has no answer left within the longest sequence: its loss would be no number."""
        limit = self._network.max_length
        if limit is None:
            return
        per_picture = {None: 1, "image": 0, "video": 0}
        if sample.kind == "image":
            per_picture["image"] = self._network.image_tokens
        elif sample.kind == "video":
            per_picture["video"] = self._network.frame_tokens
        first = next(place for place, label in enumerate(labels) if label != IGNORED_LABEL)
        before = first + ids[:first].count(PLACEHOLDER_ID) * (per_picture[sample.kind] - 1)
        if before >= limit:
            raise ValueError(
                f"sample {sample.number}: its first answer begins at token {before} of at most {limit}; "
                "shorten the question"
            )
