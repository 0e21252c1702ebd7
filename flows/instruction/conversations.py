"""The conversation about one face: described by a writer, rated by a judge, or its label alone."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flows.instruction.faces import KeptFace
from flows.instruction.files import Written
from model.datasets.dataset import Dataset
from model.datasets.sample import Sample
from model.instruct.chat import Chat, ChatError, KeptChat, as_jpeg
from model.instruct.config import InstructConfig
from model.instruct.rating import rate_description
from model.instruct.wording import (
    described_answer,
    label_answer,
    label_question_for,
    question_for,
    writing_prompt,
)

_RESERVED = re.compile(r"</s>|<(?:image|video)>")
"""What means something to training, which refuses a file with an answer that has it."""


@dataclass(frozen=True, slots=True)
class Conversations:
    """Makes conversations about the faces of a dataset.

    Attributes:
        dataset: whose task is talked about.
        config: threshold, and how many pictures are shown.
        folder: of the data.
        writer: describes faces; None writes labels only.
        judge: rates descriptions; None keeps all.
    """

    dataset: Dataset
    config: InstructConfig
    folder: Path
    writer: KeptChat | None
    judge: KeptChat | None

    @property
    def asked(self) -> int:
        """Answers that were not on disk."""
        return sum(chat.asked for chat in (self.writer, self.judge) if chat)

    def about(self, sample: Sample, face: KeptFace) -> Written:
        """Return the conversation about a sample's face, or why it is not kept."""
        task, truth = self.dataset.task, sample.truth
        if self.writer is None:
            entry = self._entry(sample, face, label_question_for(task, face.kind), label_answer(task, truth))
            return Written(sample, sample.split, "kept", None, entry, face=face)
        try:
            description, ratings = self._describe(self.writer, sample, face)
        except ChatError as error:
            return Written(sample, sample.split, "failed", str(error), face=face)
        low = {name: rating for name, rating in ratings.items() if rating < self.config.threshold}
        if low:
            reason = ", ".join(f"{name} {rating}" for name, rating in low.items())
            return Written(sample, sample.split, "rated low", reason, None, description, ratings, face)
        question = question_for(task, face.kind, sample.sample_id)
        entry = self._entry(sample, face, question, described_answer(task, truth, description))
        return Written(sample, sample.split, "kept", None, entry, description, ratings, face)

    def _describe(self, writer: Chat, sample: Sample, face: KeptFace) -> tuple[str, dict[str, int]]:
        """Return what the writer says of a face, and the judge's ratings of that."""
        task = self.dataset.task
        pictures = _pictures(self.folder, face, self.config.pictures)
        description = writer.ask(*writing_prompt(task, sample.truth, face.kind), pictures).text.strip()
        if self.judge is None:
            return description, {}
        return description, rate_description(self.judge, task, sample.truth, description, pictures)

    def _entry(self, sample: Sample, face: KeptFace, question: str, answer: str) -> dict[str, Any]:
        return {
            "id": f"{self.dataset.name}/{sample.sample_id}",
            face.kind: face.media,
            "landmarks_2d": face.landmarks,
            "conversations": [
                {"from": "human", "value": f"<{face.kind}>\n{question}"},
                {"from": "gpt", "value": _RESERVED.sub(" ", answer)},
            ],
        }


def _pictures(folder: Path, face: KeptFace, count: int) -> list[bytes]:
    """Return what writer and judge see, as JPEG files."""
    if face.kind == "image":
        with Image.open(folder / face.media) as picture:
            return [as_jpeg(picture)]
    crops = np.load(folder / face.media, allow_pickle=False)
    places = np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(int)
    return [as_jpeg(Image.fromarray(crops[place])) for place in places]
