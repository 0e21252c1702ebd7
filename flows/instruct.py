"""Instruction data from a dataset: find the one face, have it described, have that judged, write it down.

Every step leaves its result on disk before the next begins, so a run that was stopped goes on.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flows.instruct_faces import FaceTask, KeptFace, find_face, keep_reader
from flows.instruct_files import Written, write_files
from flows.instruct_sheet import statistics
from flows.recipe import Recipe
from flows.request import UsageError
from flows.samples import Located, choose, locate
from model.datasets.catalogue import dataset_named
from model.datasets.dataset import Dataset, hashed_split
from model.datasets.sample import Sample
from model.instruct.chat import Chat, ChatError, KeptChat, as_jpeg
from model.instruct.config import Estimate, InstructConfig, estimate
from model.instruct.rating import rate_description
from model.instruct.wording import (
    described_answer,
    label_answer,
    label_question_for,
    question_for,
    writing_prompt,
)
from workers.detection import DetectorConfig


@dataclass(frozen=True, slots=True)
class InstructRequest:
    """What to build.

    Attributes:
        dataset: name of one of `model.datasets.catalogue.DATASETS`.
        root: its directory.
        output: folder of the data, and of all that a later run goes on with.
        variant: of the dataset; None is its first.
        fold: of a dataset with folds and splits, whose splits to take.
        limit: so many samples at most.
        frame_step: of samples that are frames of a video, every n-th.
        is_whole_picture: take pictures for crops of one face.
        readers: processes that find faces.
        config: who writes and judges.
    """

    dataset: str
    root: str
    output: str
    variant: str | None = None
    fold: int = 1
    limit: int | None = None
    frame_step: int = 1
    is_whole_picture: bool = False
    readers: int = 1
    config: InstructConfig = field(default_factory=InstructConfig)


class Instruct:
    """One building of instruction data.

    Args:
        request: what to build.
        writer: describes faces; None writes labels only.
        judge: rates descriptions.
        on_step: told what is being done.

    Raises:
        UsageError: the dataset or the request cannot be used.
    """

    def __init__(
        self,
        request: InstructRequest,
        writer: Chat | None = None,
        judge: Chat | None = None,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        try:
            self._dataset: Dataset = dataset_named(request.dataset)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self._request = request
        self._on_step = on_step
        self._out = Path(request.output).expanduser().absolute()
        self._root = Path(request.root).expanduser().absolute()
        self._variant = request.variant or self._dataset.variants[0]
        kept = self._out / "answers"
        self._writer = KeptChat(writer, kept) if writer else None
        self._judge = KeptChat(judge, kept) if judge else None
        on_step("reading the annotation")
        chosen = choose(
            self._dataset,
            self._root,
            self._variant,
            "all",
            limit=None,
            frame_step=request.frame_step,
        )
        self._malformed = chosen.malformed
        self._samples = self._split(chosen.samples)
        self._faces: dict[str, KeptFace] = {}
        self._located = Located({}, {})

    def _split(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the samples with their splits, of one fold where folds have splits of their own."""
        request, dataset = self._request, self._dataset
        if dataset.folds and dataset.splits != ("all",):
            samples = [sample for sample in samples if sample.fold == request.fold]
        split = [
            replace(one, split=hashed_split(one.cluster)) if one.split == "all" else one for one in samples
        ]
        if request.limit is not None and request.limit < len(split):
            split = sorted(split, key=lambda one: hashlib.sha256(one.sample_id.encode()).digest())
            split = split[: request.limit]
        return split

    def find_faces(self) -> Estimate:
        """Find the one face of every sample; return what describing and judging them costs at most."""
        located = self._located = locate(self._samples, self._out / "frames", self._on_step)
        config = Recipe().reader
        if self._request.is_whole_picture:
            config = replace(config, detector=DetectorConfig(backend="whole_picture"))
        share = self._request.config.one_face_share
        tasks = [
            FaceTask(
                located.listed[sample.sample_id],
                sample.kind,
                self._dataset.task,
                sample.sample_id,
                self._out,
                share,
            )
            for sample in self._samples
            if sample.sample_id in located.listed
        ]
        for number, (task, found) in enumerate(zip(tasks, self._found(tasks, config), strict=True), start=1):
            self._faces[task.sample_id] = found
            if number % 100 == 0 or number == len(tasks):
                self._on_step(f"looked for faces in {number:,} of {len(tasks):,} samples")
        found = [face for face in self._faces.values() if face.reason is None]
        videos = sum(face.kind == "video" for face in found)
        return estimate(self._request.config, len(found), videos)

    def _found(self, tasks: Sequence[FaceTask], config: Any) -> Iterator[KeptFace]:
        if self._request.readers < 2:
            keep_reader(config)
            yield from map(find_face, tasks)
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(
            self._request.readers, context, initializer=keep_reader, initargs=(config,)
        ) as pool:
            yield from pool.map(find_face, tasks, chunksize=8)

    def write(self) -> dict[str, Any]:
        """Describe, judge and write; return the statistics.

        Raises:
            OSError: the folder does not take it.
        """
        written: list[Written] = []
        for number, sample in enumerate(self._samples, start=1):
            written.append(self._write(sample))
            if self._writer is not None and (number % 20 == 0 or number == len(self._samples)):
                self._on_step(f"described {number:,} of {len(self._samples):,}")
        return self._save(_disjoint(written))

    def _write(self, sample: Sample) -> Written:
        if sample.sample_id in self._located.lacking:
            return Written(sample, sample.split, "failed", self._located.lacking[sample.sample_id])
        face = self._faces[sample.sample_id]
        if face.reason is not None:
            return Written(sample, sample.split, face.status, face.reason, face=face)
        task = self._dataset.task
        if self._writer is None:
            return self._kept(sample, face, label_answer(task, sample.truth), "", {})
        pictures = _pictures(self._out, face, self._request.config.pictures)
        try:
            description = self._writer.ask(
                *writing_prompt(task, sample.truth, face.kind), pictures
            ).text.strip()
            ratings = (
                rate_description(self._judge, task, sample.truth, description, pictures)
                if self._judge
                else {}
            )
        except ChatError as error:
            return Written(sample, sample.split, "failed", str(error), face=face)
        low = {name: rating for name, rating in ratings.items() if rating < self._request.config.threshold}
        if low:
            reason = ", ".join(f"{name} {rating}" for name, rating in low.items())
            return Written(
                sample,
                sample.split,
                "rated low",
                reason,
                description=description,
                ratings=ratings,
                face=face,
            )
        answer = described_answer(task, sample.truth, description)
        return self._kept(sample, face, answer, description, ratings)

    def _kept(
        self, sample: Sample, face: KeptFace, answer: str, description: str, ratings: dict[str, int]
    ) -> Written:
        task = self._dataset.task
        question = (
            question_for(task, face.kind, sample.sample_id)
            if description
            else label_question_for(task, face.kind)
        )
        entry = {
            "id": f"{self._dataset.name}/{sample.sample_id}",
            face.kind: face.media,
            "landmarks_2d": face.landmarks,
            "conversations": [
                {"from": "human", "value": f"<{face.kind}>\n{question}"},
                {"from": "gpt", "value": answer.replace("</s>", " ")},
            ],
        }
        return Written(sample, sample.split, "kept", None, entry, description, ratings, face)

    def _save(self, written: Sequence[Written]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "dataset": self._dataset.name,
            "variant": self._variant,
            "root": str(self._root),
            "split_rule": self._dataset.split_rule,
            "fold": self._request.fold if self._dataset.folds else None,
            "writer": self._writer.model if self._writer else None,
            "judge": self._judge.model if self._judge else None,
            "threshold": self._request.config.threshold if self._judge else None,
            "asked": sum(chat.asked for chat in (self._writer, self._judge) if chat),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "malformed": [str(line) for line in self._malformed],
            **statistics(written),
        }
        write_files(self._out, written, found, self._request.config.sheet_samples)
        return found


def _disjoint(written: Sequence[Written]) -> list[Written]:
    """Return all, those left out whose cluster is in another split with more of it."""
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in written:
        sizes[one.sample.cluster][one.split] += 1
    home = {cluster: counts.most_common(1)[0][0] for cluster, counts in sizes.items()}
    return [
        one
        if one.split == home[one.sample.cluster]
        else replace(
            one,
            status="in another split",
            reason=f"{one.sample.cluster} is in {home[one.sample.cluster]}",
            entry=None,
        )
        for one in written
    ]


def _pictures(folder: Path, face: KeptFace, count: int) -> list[bytes]:
    """Return what writer and judge see, as JPEG files."""
    if face.kind == "image":
        with Image.open(folder / face.media) as picture:
            return [as_jpeg(picture)]
    crops = np.load(folder / face.media, allow_pickle=False)
    places = np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(int)
    return [as_jpeg(Image.fromarray(crops[place])) for place in places]
