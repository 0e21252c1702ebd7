"""Reasoning rated by a named judge model: how well a text fits the video, the truth, and itself.

The three criteria are those of the Face-LLaVA paper's table 10; its wording is not known, this one is ours.
"""

from collections.abc import Mapping, Sequence

from model.datasets.sample import Truth
from model.evaluation.published import CRITERIA
from model.instruct.chat import Chat, ask_ratings

_RUBRIC = """You rate the explanation that a model gave about a face.
Rate each of three criteria with a whole number from 1 (very poor) to 10 (perfect).
consistency_video: does the explanation agree with what the pictures show?
consistency_truth: does it agree with the ground truth?
completeness: does it name everything in the face that supports the conclusion?
Answer with a JSON object that has these three keys, and nothing else."""


def rate(
    chat: Chat, question: str, explanation: str, truth: Truth, pictures: Sequence[bytes]
) -> dict[str, int]:
    """Return the judge's ratings by criterion, 1..10.

    Args:
        chat: the judge.
        question: as the model was asked.
        explanation: what it said.
        truth: of the annotation.
        pictures: JPEG files of what it saw.

    Raises:
        ChatError: the judge gives none.
    """
    text = f"Question: {question}\nGround truth: {in_words(truth)}\nExplanation to rate: {explanation}"
    return ask_ratings(chat, _RUBRIC, text, pictures, CRITERIA)


def in_words(truth: Truth) -> str:
    """Return what an annotation says as words."""
    if isinstance(truth, Mapping):
        present, unknown = (
            ", ".join(label.replace("_", " ") for label, holds in truth.items() if holds is wanted)
            for wanted in (True, None)
        )
        known = present or ("none of them" if False in truth.values() else "")
        return "; ".join(part for part in (known, unknown and f"not coded: {unknown}") if part)
    return truth if isinstance(truth, str) else f"{truth:g} years"
