"""A prompt's beginning with the pictures in their places, fit to be sent to another process many times."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.network.splicing import PLACEHOLDER_ID


class BadVisualError(ValueError):
    """Visual tokens that would break the engine for everyone, or poison its cache."""


@dataclass(frozen=True, slots=True, eq=False)
class VisualPrefix:
    """What the prompts about one clip in one view begin with.

    Attributes:
        ids: with as many ids in a picture's place as it has tokens; what they are does not matter.
        tokens: [N, D] all pictures' visual tokens, on the CPU.
        start: index in `ids` of the first visual token.
        is_visual: [ids from the first to the last visual token] bool; text stands between pictures.
        digest: hash of the tokens.
    """

    ids: tuple[int, ...]
    tokens: Tensor
    start: int
    is_visual: Tensor
    digest: str


def visual_prefix(prefix: Sequence[int], pictures: Sequence[Tensor], width: int) -> VisualPrefix:
    """Put pictures in their places in a prompt's beginning.

    Args:
        prefix: ids with PLACEHOLDER_ID for each picture.
        pictures: [N, D] each.
        width: D of the decoder.

    Raises:
        BadVisualError: the pictures are not as many as their places, of another width, or not finite.
    """
    places = sum(id_ == PLACEHOLDER_ID for id_ in prefix)
    shapes = [tuple(picture.shape) for picture in pictures]
    if places != len(pictures) or any(len(shape) != 2 or shape[1] != width for shape in shapes):
        raise BadVisualError(f"visual tokens of shapes {shapes} do not fit {places} places of width {width}")
    tokens = torch.cat(list(pictures)).detach().cpu().contiguous()
    if not bool(tokens.isfinite().all()):
        raise BadVisualError("visual tokens are not finite")
    ids: list[int] = []
    is_visual: list[bool] = []
    remaining = iter(shapes)
    for id_ in prefix:
        count = next(remaining)[0] if id_ == PLACEHOLDER_ID else 1
        ids += [0 if id_ == PLACEHOLDER_ID else id_] * count
        is_visual += [id_ == PLACEHOLDER_ID] * count
    start, end = is_visual.index(True), len(is_visual) - is_visual[::-1].index(True)
    digest = hashlib.sha256(repr((tokens.dtype, tuple(tokens.shape))).encode())
    digest.update(tokens.view(torch.uint8).numpy().data)
    return VisualPrefix(tuple(ids), tokens, start, torch.tensor(is_visual[start:end]), digest.hexdigest())
