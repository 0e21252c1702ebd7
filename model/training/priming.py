"""Stage 0: towers that see faces, where there are no pre-trained ones.

A real Face-LLaVA begins with LanguageBind's towers. A small one has none, so its towers and projector first
learn to tell what is known of each clip, through heads that are thrown away afterwards: one on the mean of
the visual tokens, which is what a decoder finds without looking for it, and one that knows each token by its
place. The second has learned after a tenth of the pictures, and shows the towers what to look at.

Shapes: B clips, T frames, C channels, H W pixels, N visual tokens, D width of the LLM
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from model.network.face_llava import FaceLlava
from model.preprocess import CLIP_MEAN, CLIP_STD
from model.training.pictures import Pictures
from model.training.study import Lessons

Look = Literal["still", "clip"]
"""still: the image tower sees one frame; clip: the video tower sees all."""
_PLACE_WIDTH = 16
"""Numbers of each token that the heads by place see."""


@dataclass(frozen=True, slots=True, eq=False)
class Truths:
    """What is known of clips.

    Attributes:
        classes: per single-label question the label's number of each clip, int64 [clips].
        counts: how many labels each has.
        flags: yes or no, float32 [clips, flags].
        numbers: float32 [clips, numbers], about 0 with a deviation of about 1.
        seen: whether a frame shows it, bool [clips, T]; the others are not learned from as stills.
    """

    classes: tuple[NDArray[np.int64], ...]
    counts: tuple[int, ...]
    flags: NDArray[np.float32]
    numbers: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def outputs(self) -> int:
        """Numbers that heads give for a clip."""
        return sum(self.counts) + self.flags.shape[1] + self.numbers.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """Pictures and their truths.

    Attributes:
        pixels: [B, T, C, H, W] or [B, C, H, W], 0..1.
        classes: int64 [B, single-label questions].
        flags: float32 [B, flags].
        numbers: float32 [B, numbers].
    """

    pixels: Tensor
    classes: Tensor
    flags: Tensor
    numbers: Tensor

    @property
    def tokens(self) -> int:
        """Clips, of which a run counts what it learns from."""
        return len(self.pixels)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Return it on a device."""
        parts = (self.pixels, self.classes, self.flags, self.numbers)
        return type(self)(*(part.to(device, non_blocking=non_blocking) for part in parts))


class Glances(Dataset[Glance]):
    """Single frames or whole clips; their numbers are `clip * T + frame`, or the clip's."""

    def __init__(self, pictures: Pictures, truths: Truths, clips: Sequence[int], look: Look) -> None:
        self._pictures, self._truths, self._look = pictures, truths, look
        self._places = (
            [(clip, None) for clip in clips]
            if look == "clip"
            else [(clip, int(frame)) for clip in clips for frame in np.nonzero(truths.seen[clip])[0]]
        )

    def lessons(self) -> Lessons:
        """Return what a run needs to know of them."""
        count = len(self._places)
        return Lessons(self, [self._look] * count, [0] * count, _collate)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Glance:
        clip, frame = self._places[index]
        stored = self._pictures.frames[clip] if frame is None else self._pictures.stills[clip, frame]
        pixels = torch.from_numpy(np.array(stored)).movedim(-1, -3).float() / 255
        truths = self._truths
        return Glance(
            pixels,
            torch.tensor([int(of_question[clip]) for of_question in truths.classes]),
            torch.from_numpy(truths.flags[clip]),
            torch.from_numpy(truths.numbers[clip]),
        )


class Primer(nn.Module):
    """Towers and projector of a model with heads that tell the truths.

    Args:
        model: of which a tower learns.
        truths: what there is to tell.
        look: which tower.
    """

    def __init__(self, model: FaceLlava, truths: Truths, look: Look) -> None:
        super().__init__()
        self.model = model
        self._look, self._counts = look, truths.counts
        self._flags, self._numbers = truths.flags.shape[1], truths.numbers.shape[1]
        width = model.config.llm.hidden_size
        for name, values in (("mean", CLIP_MEAN), ("std", CLIP_STD)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.heads = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, truths.outputs))
        self.place_heads = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, _PLACE_WIDTH),
            nn.Flatten(),
            nn.Linear(_tokens(model, look) * _PLACE_WIDTH, truths.outputs),
        )

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield what learns: the image tower, the projector and the heads; or the video tower and the heads.

        The projector is shared: the video tower has to fit to what it has become with the image tower.
        """
        heads = ("heads.", "place_heads.")
        stills = ("model.image_tower.", "model.mm_projector.", *heads)
        parts = stills if self._look == "still" else ("model.video_tower.", *heads)
        return (pair for pair in self.named_parameters() if pair[0].startswith(parts))

    def forward(self, batch: Glance) -> Tensor:
        """Return the loss, pictures being varied while it learns."""
        tokens_BND = self._look_at(_varied(batch.pixels) if self.training else batch.pixels)
        return self._loss(self.heads(tokens_BND.mean(dim=1)), batch) + self._loss(
            self.place_heads(tokens_BND), batch
        )

    def _loss(self, told: Tensor, batch: Glance) -> Tensor:
        of_classes, flags, numbers = told.float().split(
            [sum(self._counts), self._flags, self._numbers], dim=1
        )
        losses = [
            F.cross_entropy(of_class, batch.classes[:, place])
            for place, of_class in enumerate(of_classes.split(list(self._counts), dim=1))
        ]
        losses.append(3 * F.binary_cross_entropy_with_logits(flags, batch.flags))
        losses.append(2 * F.smooth_l1_loss(numbers, batch.numbers))
        return torch.stack(losses).sum()

    def _look_at(self, pixels: Tensor) -> Tensor:
        """Return the visual tokens [B, N, D] of pixels 0..1, [B, C, H, W] or [B, T, C, H, W]."""
        normalised = (pixels - self.get_buffer("mean")) / self.get_buffer("std")
        if self._look == "still":
            assert self.model.image_tower is not None, "a demonstration has both towers"
            features = self.model.image_tower.encode_image(normalised, self.model.config.select_feature)
        else:
            assert self.model.video_tower is not None, "a demonstration has both towers"
            features = self.model.video_tower.encode_video(normalised.transpose(1, 2)).flatten(1, 2)
        return cast("Tensor", self.model.mm_projector(features))


def _tokens(model: FaceLlava, look: Look) -> int:
    """Return how many visual tokens there are of what is looked at."""
    config = model.config
    return config.image_tokens if look == "still" else config.frames * config.frame_tokens


def copy_image_tower(model: FaceLlava) -> None:
    """Let the video tower begin as the image tower, with temporal attention that changes nothing yet."""
    assert model.image_tower is not None, "a demonstration has both towers"
    assert model.video_tower is not None, "a demonstration has both towers"
    model.video_tower.load_state_dict(model.image_tower.state_dict(), strict=False)
    for name, parameter in model.video_tower.named_parameters():
        if ".temporal_embedding" in name or ".temporal_attn.out_proj." in name:
            nn.init.zeros_(parameter)


def _collate(glances: list[Glance]) -> Glance:
    return Glance(
        *(
            torch.stack([getattr(glance, name) for glance in glances])
            for name in ("pixels", "classes", "flags", "numbers")
        )
    )


def _varied(pixels: Tensor) -> Tensor:
    """Return pictures mirrored, shifted and exposed at random, each clip as a whole."""
    count, spare = len(pixels), pixels.shape[-1] // 22
    is_mirrored = torch.rand(count, device=pixels.device) < 0.5
    varied = torch.where(is_mirrored.view(-1, *[1] * (pixels.ndim - 1)), pixels.flip(-1), pixels)
    shifts = torch.randint(-spare, spare + 1, (count, 2)).tolist()
    varied = torch.stack([clip.roll(shift, (-2, -1)) for clip, shift in zip(varied, shifts, strict=True)])
    gain, offset = torch.randn(2, count, *[1] * (pixels.ndim - 1), device=pixels.device)
    return varied * (1 + 0.12 * gain) + 0.04 * offset
