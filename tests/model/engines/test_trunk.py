"""Branches of one prefix against what the official code generates, prompt by prompt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.checkpoints.checkpoint import load_checkpoint
from model.engines.trunk import Trunk
from model.network.face_llava import FaceLlava
from model.prompting.prompts import Prompter
from model.prompting.token_tree import Scored, build_scoring_tree, build_tree
from model.prompting.tokenizer import load_tokenizer

PARITY = Path(__file__).parents[1] / "data" / "parity"
ROWS: list[dict[str, Any]] = json.loads((PARITY / "text" / "e2e.json").read_text())["rows"]
PROMPTER = Prompter(load_tokenizer(PARITY / "text" / "tokenizer.model"))


@pytest.fixture(scope="module")
def model() -> FaceLlava:
    torch.set_num_threads(1)
    return load_checkpoint(PARITY / "simple", dtype="float32", device="cpu").model


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    return load_file(PARITY / "simple" / "inputs.safetensors")


def root(
    model: FaceLlava, inputs: dict[str, torch.Tensor], media: str, *, has_landmarks: bool
) -> torch.Tensor:
    pixels = inputs[f"{media}_pixels"][:1]
    landmarks = inputs[f"{media}_landmarks"][:1] if has_landmarks else None
    visual = (
        model.encode_video(pixels, landmarks)[0]
        if media == "video"
        else model.encode_image(pixels, landmarks)
    )
    ids = torch.tensor(PROMPTER.prefix(len(visual)))[None]
    return model.splice(ids, list(visual)).inputs_embeds


@torch.inference_mode()
def test_all_questions_about_all_views_write_together_what_the_official_code_writes_alone(
    model: FaceLlava, inputs: dict[str, torch.Tensor]
) -> None:
    views = [(media, has_landmarks) for media in ("video", "image") for has_landmarks in (True, False)]
    numbers = [views.index((row["media"], row["landmarks"])) for row in ROWS]
    assert sorted(set(numbers)) == [0, 1, 2, 3]
    tree, paths = build_tree(
        (number, PROMPTER.suffix(row["question"])) for number, row in zip(numbers, ROWS, strict=True)
    )
    roots = [root(model, inputs, media, has_landmarks=has_landmarks) for media, has_landmarks in views]
    trunk = Trunk(model.llm, roots, room=len(tree) + 16 * len(ROWS))
    for _ in range(2):  # the trunk forgets its branches
        written = trunk.write(tree, paths, most_tokens=16, eos_id=2)
        assert written == [[row["generated_ids"] for row in ROWS]]


@torch.inference_mode()
def test_a_branch_ends_before_its_eos(model: FaceLlava, inputs: dict[str, torch.Tensor]) -> None:
    rows = [row for row in ROWS if row["media"] == "video" and row["landmarks"]]
    tree, paths = build_tree((0, PROMPTER.suffix(row["question"])) for row in rows)
    trunk = Trunk(model.llm, [root(model, inputs, "video", has_landmarks=True)], len(tree) + 16 * len(rows))
    end = rows[0]["generated_ids"][3]
    expected = [row["generated_ids"] for row in rows]
    cut = [ids[: ids.index(end)] if end in ids else ids for ids in expected]
    assert trunk.write(tree, paths, most_tokens=16, eos_id=end) == [cut]
    assert cut[0] == expected[0][:3]
    assert any(len(ids) > 3 for ids in cut)


@torch.inference_mode()
def test_tails_are_scored_as_in_a_prompt_of_their_own(
    model: FaceLlava, inputs: dict[str, torch.Tensor]
) -> None:
    question = "How old is the person?\nAnswer in years."
    head = PROMPTER.suffix(question)
    tails = [PROMPTER.continuation(question, answer) for answer in ("25 years", "26 years", "2", "the lips")]
    scoring = build_scoring_tree([Scored(0, head, tail) for tail in tails])
    trunk = Trunk(model.llm, [root(model, inputs, "image", has_landmarks=True)], len(scoring.tree))
    visual = model.encode_image(inputs["image_pixels"][:1], inputs["image_landmarks"][:1])
    expected: list[float] = []
    for tail in tails:
        ids = torch.tensor([*PROMPTER.prefix(1), *head, *tail])[None]
        log_probs = model(ids, list(visual)).logits[0, -len(tail) - 1 : -1].log_softmax(-1)
        expected.append(float(log_probs[range(len(tail)), list(tail)].sum()))
    assert trunk.score(scoring)[0] == pytest.approx(np.array(expected), abs=1e-4)
