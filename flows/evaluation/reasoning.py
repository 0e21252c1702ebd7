"""Reasoning in an evaluation: texts of the lake rated by a judge, beside the paper's ratings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flows.evaluation.predictions import Found
from flows.evaluation.samples import Located
from model.datasets.dataset import Dataset
from model.datasets.sample import Sample
from model.evaluation.judge import rate
from model.evaluation.published import CRITERIA, REASONING, REASONING_TASKS
from model.instruct.chat import Chat, ChatError
from storage.lake import Lake


def reasoning_values(
    dataset: Dataset,
    samples: Sequence[Sample],
    located: Located,
    found: Found,
    *,
    lake: Lake,
    judge: Chat,
    on_step: Callable[[str], None],
) -> dict[str, Any]:
    """Return the ratings of the texts about samples, as a part of a report.

    Args:
        dataset: says the task.
        samples: whose texts are rated; those without a text are left out, and counted.
        located: where their files are.
        found: what the lake holds of them.
        lake: for the pictures that the model saw.
        judge: is asked once per text.
        on_step: told how far it is.
    """
    ratings: list[Mapping[str, int]] = []
    problems: list[str] = []
    texts = 0
    for number, sample in enumerate(samples, start=1):
        answer, evidence = _text_of(sample, located, found)
        if not answer:
            continue
        texts += 1
        picture = lake.read_evidence(evidence) if evidence else None
        if texts % 10 == 1:
            on_step(f"judging {number} of {len(samples)}")
        try:
            ratings.append(
                rate(judge, answer["prompt"], answer["text"], sample.truth, [picture] if picture else [])
            )
        except ChatError as error:
            problems.append(f"{sample.sample_id}: {error}")
    return {
        "judge": judge.model,
        "texts": texts,
        "rated": len(ratings),
        "problems": problems,
        "means": {name: _mean([one[name] for one in ratings]) for name in CRITERIA},
        "tables": [_table(dataset, judge.model, ratings)],
        "notes": [
            f"{len(ratings)} of {texts} texts rated by {judge.model}; the paper's ratings are by GPT-4o",
            *problems[:10],
        ],
    }


def _text_of(sample: Sample, located: Located, found: Found) -> tuple[Mapping[str, Any] | None, str | None]:
    """Return the answer about the main face, where it has a text, and the picture of what was seen."""
    listed = located.listed.get(sample.sample_id)
    video_id = found.video_id(listed.uri) if listed else None
    face = found.faces.get(video_id) if video_id else None
    answer = found.answers.get(face["clip_id"]) if face else None
    if face is None or answer is None or not answer["text"].strip():
        return None, None
    return answer, face["evidence"]


def _mean(values: Sequence[int]) -> float | None:
    return float(np.mean(values)) if values else None


def _table(dataset: Dataset, model: str, ratings: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    column = REASONING_TASKS.index(dataset.task)
    ours = [f"this run, rated by {model}", *(_mean([one[name] for one in ratings]) for name in CRITERIA)]
    paper = [
        [f"{method}, from the paper", *(row[column] for row in rows)]
        for method, rows in REASONING.items()
        if rows[0][column] is not None
    ]
    columns = ["method", "reason and video", "reason and truth", "completeness"]
    return {"title": "Ratings, 1 to 10", "columns": columns, "rows": [ours, *paper]}
