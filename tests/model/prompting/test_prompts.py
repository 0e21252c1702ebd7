import json
import re
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from model.network.splicing import IGNORED_LABEL
from model.prompting.prompts import Prompter
from model.prompting.tokenizer import LlamaTokenizer, load_tokenizer

TEXT = Path(__file__).parents[1] / "data" / "parity" / "text"
ROWS: list[dict[str, Any]] = json.loads((TEXT / "prompts.json").read_text())["rows"]
INFERENCE = [row for row in ROWS if row["kind"] == "inference"]
TRAINING = [row for row in ROWS if row["kind"] == "training"]


def prompter(*, template: Any = "inference", is_legacy: bool = False) -> Prompter:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(TEXT / "tokenizer.model"))
    return Prompter(LlamaTokenizer(pieces, is_legacy=is_legacy), template)


@pytest.mark.parametrize("is_legacy", [False, True])
@pytest.mark.parametrize("row", INFERENCE, ids=lambda row: f"{row['media']}-{row['question'][:12]}")
def test_inference_prompts_equal_the_official_ids(row: dict[str, Any], is_legacy: bool) -> None:
    prompts = prompter(is_legacy=is_legacy)
    images = 8 if row["media"] == "video" else 1
    ids = prompts.prefix(images) + prompts.suffix(row["question"])
    assert list(ids) == row["input_ids_if_tokenizer_legacy_true" if is_legacy else "input_ids"]
    assert prompts.text(images, row["question"]) == row["prompt"]


@pytest.mark.parametrize("is_legacy", [False, True])
@pytest.mark.parametrize("row", TRAINING, ids=lambda row: f"{row['media']}-{len(row['turns'])}")
def test_training_conversations_equal_the_official_ids_and_labels(
    row: dict[str, Any], is_legacy: bool
) -> None:
    prompts = prompter(template="training", is_legacy=is_legacy)
    said = [re.sub(r"^<(image|video)>\n", "", text) for _, text in row["turns"]]
    turns = list(zip(said[::2], said[1::2], strict=True))
    ids, labels = prompts.conversation(8 if row["media"] == "video" else 1, turns)
    suffix = "_if_tokenizer_legacy_true" if is_legacy else ""
    assert list(ids) == row["input_ids" + suffix]
    assert list(labels) == row["labels" + suffix]


def test_a_continuation_is_what_training_puts_behind_the_prompt() -> None:
    prompts = prompter(template="training")
    question, answer = "How old is the person?", "25 years old."
    ids, labels = prompts.conversation(1, [(question, answer)])
    learnt = tuple(label for label in labels if label != IGNORED_LABEL)
    assert prompts.continuation(question, answer) == learnt[:-1]
    assert ids[-1] == learnt[-1] == prompts.tokenizer.eos_id


def test_an_empty_answer_has_no_continuation() -> None:
    with pytest.raises(ValueError, match="has no tokens"):
        prompter(template="training").continuation("How old?", "")


def test_the_templates_differ_in_the_system_line_and_the_frames() -> None:
    tokenizer = load_tokenizer(TEXT / "tokenizer.model")
    inference, training = Prompter(tokenizer), Prompter(tokenizer, "training")
    assert "curious human" in inference.text(1, "?")
    assert "curious user" in training.text(1, "?")
    assert len(inference.prefix(8)) - len(inference.prefix(1)) == 14
    assert len(training.prefix(8)) - len(training.prefix(1)) == 7
