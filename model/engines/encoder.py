"""Clips to visual tokens: what every engine does before its decoder has a say."""

from collections.abc import Sequence

import torch
from torch import Tensor

from model.clip import FaceClip
from model.network.face_llava import FaceLlava
from model.preprocess import Preprocess
from model.prompting.questions import View


class ClipEncoder:
    """Encodes clips with a model's towers, projector and landmark branch.

    B clips, N tokens of a picture, D width of the decoder.

    Args:
        model: on the device and in the dtype in which it shall run.
    """

    def __init__(self, model: FaceLlava) -> None:
        self._model = model
        video, image = model.config.video_tower, model.config.image_tower
        self._preprocess = Preprocess(
            video_size_px=video.image_size if video else 0,
            image_size_px=image.image_size if image else 0,
            frames=video.frames if video else 0,
        )

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the visual tokens."""
        return self._model.dtype

    def encode(self, view: View, clips: Sequence[FaceClip]) -> Tensor:
        """Return the visual tokens [B, pictures, N, D]; those of a clip that overflows are not finite."""
        take = self._preprocess.video if view == "clip" else self._preprocess.image
        pairs = [take(clip) for clip in clips]
        pixels = torch.stack([pair[0] for pair in pairs])
        has_branch = self._model.config.cross_attention != "none"
        landmarks = torch.stack([pair[1] for pair in pairs]) if has_branch else None
        if view == "clip":
            return self._model.encode_video(pixels, landmarks)
        return self._model.encode_image(pixels, landmarks)[:, None]

    def encode_blank(self, view: View) -> Tensor:
        """Return the visual tokens [1, pictures, N, D] of a clip in CLIP's mean colour without landmarks."""
        if view == "clip":
            size = self._preprocess.video_size_px
            return self._model.encode_video(torch.zeros(1, 3, self._preprocess.frames, size, size))
        size = self._preprocess.image_size_px
        return self._model.encode_image(torch.zeros(1, 3, size, size))[:, None]
