"""Visual tokens take the place of their placeholders in the prompt.

Shapes:
    B rows, S ids of a row, L spliced length, N tokens of one picture, D width of the LLM
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

PLACEHOLDER_ID = -200
"""Stands for one picture: an image or a frame of a video."""

IGNORED_LABEL = -100
"""Label of a position that the loss leaves out."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """A batch as the LLM takes it, padded on the right."""

    inputs_embeds: Tensor
    """[B, L, D]."""
    attention_mask: Tensor
    """[B, L] bool, False for padding."""
    position_ids: Tensor
    """[B, L] int64 from 0; 0 for padding."""
    labels: Tensor | None
    """[B, L] int64, IGNORED_LABEL for pictures and padding."""


def splice(
    embed_tokens: Callable[[Tensor], Tensor],
    input_ids: Tensor | Sequence[Tensor],
    visuals: Sequence[Tensor],
    attention_mask: Tensor | None = None,
    labels: Tensor | Sequence[Tensor] | None = None,
    *,
    max_length: int | None = None,
    overflow: Literal["error", "cut"] = "error",
) -> Spliced:
    """Replace every placeholder by its picture's tokens.

    Unlike the official code, a row without placeholder takes no picture.

    Args:
        embed_tokens: takes ids [S] to embeddings [S, D].
        input_ids: rows of int64 ids [S], with PLACEHOLDER_ID where a picture goes.
        visuals: a picture's tokens [N, D] per placeholder, in reading order of the rows.
        attention_mask: [B, S], 0 for ids that are padding; they are dropped, wherever they are.
        labels: like input_ids; what stands at a placeholder does not matter.
        max_length: limit of L.
        overflow: what to do with a longer row: `cut` drops its end, as the official code does.

    Raises:
        ValueError: there are not as many placeholders as pictures, or a row is too long.
    """
    placeholders = sum(int((ids == PLACEHOLDER_ID).sum()) for ids in _unpad(input_ids, attention_mask))
    if placeholders != len(visuals):
        raise ValueError(f"{placeholders} placeholders in the prompts for {len(visuals)} pictures")
    pictures = iter(visuals)
    embeds_rows: list[Tensor] = []
    labels_rows: list[Tensor] = []
    # Without labels the ids stand in for them, and the result is thrown away.
    rows = _unpad(input_ids, attention_mask), _unpad(input_ids if labels is None else labels, attention_mask)
    for index, (ids_S, labels_S) in enumerate(zip(*rows, strict=True)):
        embeds_LD, labels_L = _splice_row(embed_tokens, ids_S, labels_S, pictures)
        if max_length is not None and len(embeds_LD) > max_length and overflow == "error":
            raise ValueError(f"prompt {index} is {len(embeds_LD)} tokens long; the model takes {max_length}")
        embeds_rows.append(embeds_LD[:max_length])
        labels_rows.append(labels_L[:max_length])
    embeds_BLD = pad_sequence(embeds_rows, batch_first=True)
    lengths_B1 = torch.tensor([[len(row)] for row in embeds_rows], device=embeds_BLD.device)
    positions_1L = torch.arange(embeds_BLD.shape[1], device=embeds_BLD.device)[None]
    mask_BL = positions_1L < lengths_B1
    padded_labels_BL = pad_sequence(labels_rows, batch_first=True, padding_value=IGNORED_LABEL)
    return Spliced(embeds_BLD, mask_BL, positions_1L * mask_BL, None if labels is None else padded_labels_BL)


def _unpad(rows: Tensor | Sequence[Tensor], attention_mask: Tensor | None) -> Iterator[Tensor]:
    if attention_mask is None:
        return iter(rows)
    return (row[mask.bool()] for row, mask in zip(rows, attention_mask, strict=True))


def _splice_row(
    embed_tokens: Callable[[Tensor], Tensor], ids_S: Tensor, labels_S: Tensor, pictures: Iterator[Tensor]
) -> tuple[Tensor, Tensor]:
    is_text_S = ids_S != PLACEHOLDER_ID
    text = iter(embed_tokens(ids_S[is_text_S]).split(_run_lengths(is_text_S)))
    embeds = [next(text)]
    start = len(embeds[0])
    labels = [labels_S[:start]]
    for text_embeds in text:
        picture_ND = next(pictures)
        start += 1  # the placeholder's own label
        labels += [
            labels_S.new_full((len(picture_ND),), IGNORED_LABEL),
            labels_S[start : start + len(text_embeds)],
        ]
        start += len(text_embeds)
        embeds += [picture_ND.to(text_embeds), text_embeds]
    return torch.cat(embeds), torch.cat(labels)


def _run_lengths(is_text_S: Tensor) -> list[int]:
    """Return the lengths of the texts before, between and after the placeholders, zeros included."""
    edges = [-1, *torch.nonzero(~is_text_S).flatten().tolist(), len(is_text_S)]
    return [after - before - 1 for before, after in itertools.pairwise(edges)]
