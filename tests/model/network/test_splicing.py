from typing import Any

import pytest
import torch
from torch import Tensor

from model.network.splicing import IGNORED_LABEL, PLACEHOLDER_ID, splice

P = PLACEHOLDER_ID
I = IGNORED_LABEL  # noqa: E741 (short, as P)


def embed(ids: Tensor) -> Tensor:
    """Embed id 7 as [7, 7]."""
    return ids[:, None].expand(-1, 2).float()


def picture(value: float, tokens: int) -> Tensor:
    return torch.full((tokens, 2), value)


def splice_rows(rows: list[list[int]], visuals: list[Tensor], **options: Any) -> Any:
    return splice(embed, [torch.tensor(row) for row in rows], visuals, **options)


def test_pictures_take_the_places_of_their_placeholders() -> None:
    spliced = splice_rows([[1, P, 2, 3, P]], [picture(0.1, 2), picture(0.2, 3)])
    assert spliced.inputs_embeds[0, :, 0].tolist() == pytest.approx([1, 0.1, 0.1, 2, 3, 0.2, 0.2, 0.2])
    assert spliced.position_ids.tolist() == [list(range(8))]
    assert spliced.attention_mask.all()
    assert spliced.labels is None


def test_neighbouring_placeholders_and_edges() -> None:
    spliced = splice_rows([[P, P, 5]], [picture(0.1, 1), picture(0.2, 1)])
    assert spliced.inputs_embeds[0, :, 0].tolist() == pytest.approx([0.1, 0.2, 5])


def test_ragged_rows_are_padded_on_the_right() -> None:
    labels = [torch.tensor([9, 9, 8]), torch.tensor([6])]
    spliced = splice_rows([[1, P, 2], [4]], [picture(0.1, 2)], labels=labels)
    assert spliced.inputs_embeds[..., 0].tolist() == [pytest.approx([1, 0.1, 0.1, 2]), [4, 0, 0, 0]]
    assert spliced.attention_mask.tolist() == [[True] * 4, [True, False, False, False]]
    assert spliced.position_ids.tolist() == [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert spliced.labels.tolist() == [[9, I, I, 8], [6, I, I, I]]


def test_masked_ids_are_dropped_wherever_they_are() -> None:
    ids = torch.tensor([[0, 0, 1, P, 2], [3, P, 4, 0, P]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=torch.uint8)
    labels = torch.tensor([[50, 51, 52, 53, 54], [60, 61, 62, 63, 64]])
    spliced = splice(embed, ids, [picture(0.1, 1), picture(0.2, 1)], mask, labels)
    assert spliced.inputs_embeds[..., 0].tolist() == [pytest.approx([1, 0.1, 2]), pytest.approx([3, 0.2, 4])]
    assert spliced.labels is not None
    assert spliced.labels.tolist() == [[52, I, 54], [60, I, 62]]


def test_a_row_of_text_takes_no_picture() -> None:
    spliced = splice_rows([[1, 2], [P]], [picture(0.5, 1)])
    assert spliced.inputs_embeds[..., 0].tolist() == [[1, 2], [0.5, 0]]


@pytest.mark.parametrize("visuals", [0, 1, 3])
def test_pictures_must_be_as_many_as_placeholders(visuals: int) -> None:
    with pytest.raises(ValueError, match=f"2 placeholders in the prompts for {visuals} pictures"):
        splice_rows([[1, P, P]], [picture(0.1, 2)] * visuals)


def test_a_long_prompt_is_refused_or_cut() -> None:
    rows, visuals = [[4], [1, P, 2, 3]], [picture(0.1, 3)]
    with pytest.raises(ValueError, match="prompt 1 is 6 tokens long; the model takes 5"):
        splice_rows(rows, visuals, max_length=5)
    labels = [torch.tensor(row) for row in rows]
    cut = splice_rows(rows, visuals, max_length=5, overflow="cut", labels=labels)
    assert cut.inputs_embeds.shape == (2, 5, 2)
    assert cut.labels.tolist() == [[4, I, I, I, I], [1, I, I, I, 2]]
    assert splice_rows(rows, visuals, max_length=6).inputs_embeds.shape == (2, 6, 2)


def test_pictures_take_the_dtype_of_the_text() -> None:
    spliced = splice(lambda ids: embed(ids).bfloat16(), [torch.tensor([1, P])], [picture(0.1, 1)])
    assert spliced.inputs_embeds.dtype == torch.bfloat16
