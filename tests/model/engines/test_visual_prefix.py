"""What is sent to vLLM, and what is not."""

import pytest
import torch

from model.engines.visual_prefix import BadVisualError, visual_prefix
from model.network.splicing import PLACEHOLDER_ID

PREFIX = (1, 5, PLACEHOLDER_ID, 9, PLACEHOLDER_ID)


def pictures(tokens: int = 2, width: int = 4, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(tokens, width, dtype=dtype) for _ in range(2)]


def test_pictures_take_their_places_with_the_text_between_them() -> None:
    some = pictures()
    prefix = visual_prefix(PREFIX, some, 4)
    assert prefix.ids == (1, 5, 0, 0, 9, 0, 0)
    assert prefix.start == 2
    assert prefix.is_visual.tolist() == [True, True, False, True, True]
    assert torch.equal(prefix.tokens, torch.cat(some))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_equal_content_has_one_digest_and_other_content_another(dtype: torch.dtype) -> None:
    digest = visual_prefix(PREFIX, pictures(dtype=dtype), 4).digest
    assert visual_prefix(PREFIX, pictures(dtype=dtype), 4).digest == digest
    changed = pictures(dtype=dtype)
    changed[1][1, 3] += 0.5
    assert visual_prefix(PREFIX, changed, 4).digest != digest


def test_equal_tokens_of_other_shapes_or_types_are_told_apart() -> None:
    zeros = [torch.zeros(2, 4), torch.zeros(2, 4)]
    digests = {
        visual_prefix(PREFIX, zeros, 4).digest,
        visual_prefix(PREFIX, [zero.half() for zero in zeros], 4).digest,
        visual_prefix(PREFIX, [zeros[0], zeros[1][:1]], 4).digest,
        visual_prefix(PREFIX, [zero.view(4, 2) for zero in zeros], 2).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (pictures()[:1], "do not fit 2 places"),
        (pictures(width=3), "of width 4"),
        ([picture[0] for picture in pictures()], "do not fit"),
        ([pictures()[0], torch.full((2, 4), torch.nan)], "not finite"),
        ([pictures()[0], torch.full((2, 4), torch.inf)], "not finite"),
    ],
)
def test_what_would_break_the_engine_is_not_sent(bad: list[torch.Tensor], message: str) -> None:
    with pytest.raises(BadVisualError, match=message):
        visual_prefix(PREFIX, bad, 4)
