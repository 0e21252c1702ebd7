"""Instruction data from a dataset: find the one face, have it described, have that judged, write it down.

Every step leaves its result on disk before the next begins, so a run that was stopped goes on.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from flows.evaluation.samples import Located, choose, locate
from flows.instruction.conversations import Conversations
from flows.instruction.faces import FaceTask, KeptFace, find_face, keep_reader
from flows.instruction.files import Written, write_files
from flows.instruction.sheet import statistics
from flows.recipe import Recipe
from flows.usage import UsageError
from model.datasets.catalogue import dataset_named
from model.datasets.dataset import Dataset
from model.datasets.sample import Sample
from model.instruct.chat import Chat, ChatError, KeptChat
from model.instruct.config import Estimate, InstructConfig, estimate
from workers.faces.detection import DetectorConfig


@dataclass(frozen=True, slots=True)
class InstructRequest:
    """What to build.

    Attributes:
        dataset: name of one of `model.datasets.catalogue.DATASETS`.
        root: its directory.
        output: folder of the data, and of all that a later run goes on with.
        variant: of the dataset; None is its first.
        fold: of a dataset with folds: the one to test. Its splits are taken where it has some, else the
            other folds are what is learned from.
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
        self._conversations = Conversations(
            self._dataset,
            request.config,
            self._out,
            KeptChat(writer, kept) if writer else None,
            KeptChat(judge, kept) if judge else None,
        )
        on_step("reading the annotation")
        chosen = choose(
            self._dataset,
            self._root,
            self._variant,
            "all",
            limit=None,
            frame_step=request.frame_step,
        )
        if any(sample.place is not None for sample in chosen.samples):
            raise UsageError(
                f"{self._dataset.title} has films of several faces, and instruction data has one each; "
                "`facesift train --stage demonstration` makes its own"
            )
        self._malformed = chosen.malformed
        self._samples = self._split(chosen.samples)
        self._home = _homes(self._samples)
        self._faces: dict[str, KeptFace] = {}
        self._located = Located({}, {})

    def _split(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the samples with their splits, as an evaluation on the same fold has them."""
        request, dataset = self._request, self._dataset
        if dataset.folds and request.fold > dataset.folds:
            raise UsageError(f"--fold {request.fold}: {dataset.title} has {dataset.folds}")
        split = list(samples)
        if dataset.folds and dataset.splits == ("all",):
            split = [replace(one, split="test" if one.fold == request.fold else "train") for one in samples]
        elif dataset.folds:
            split = [one for one in samples if one.fold == request.fold]
        if request.limit is not None and request.limit < len(split):
            split = sorted(split, key=lambda one: hashlib.sha256(one.sample_id.encode()).digest())
            split = split[: request.limit]
        return split

    @property
    def _split_rule(self) -> str:
        """Where the splits of what is written come from."""
        rule, fold = self._dataset.split_rule, self._request.fold
        return f"{rule}; test is that of fold {fold}" if self._dataset.folds else rule

    def find_faces(self) -> Estimate:
        """Find the one face of every sample; return about what describing and judging costs."""
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
        asked = [self._faces[one.sample_id] for one in self._samples if self._left_out(one) is None]
        videos = sum(face.kind == "video" for face in asked)
        return estimate(self._request.config, len(asked), videos)

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

    @property
    def kept_answers(self) -> int:
        """Answers of writer and judge that are on disk already."""
        return sum(1 for _ in (self._out / "answers").glob("*.json"))

    def write(self) -> dict[str, Any]:
        """Describe, judge and write; return the statistics.

        Raises:
            ChatError: writer or judge have failed too often in a row.
            OSError: the folder does not take it.
        """
        written: list[Written] = []
        config, has_writer, failures = self._request.config, self._conversations.writer is not None, 0
        pool = ThreadPoolExecutor(config.asked_at_once if has_writer else 1)
        try:
            for one in pool.map(self._write, self._samples):
                written.append(one)
                if one.status in {"kept", "rated low"}:  # what is left out tells nothing about the models
                    failures = 0
                failures += one.status == "failed" and one.face is not None
                if failures == config.give_up_after:
                    raise ChatError(f"{failures} samples in a row failed, the last one so: {one.reason}")
                if has_writer and (len(written) % 20 == 0 or len(written) == len(self._samples)):
                    self._on_step(f"described {len(written):,} of {len(self._samples):,}")
        finally:
            pool.shutdown(cancel_futures=True)
        return self._save(written)

    def _left_out(self, sample: Sample) -> tuple[str, str] | None:
        """Return why nothing is asked about a sample: status and reason; None when something is."""
        if sample.sample_id in self._located.lacking:
            return "failed", self._located.lacking[sample.sample_id]
        if isinstance(sample.truth, Mapping) and not any(sample.truth.values()):
            unknown = [label for label, holds in sample.truth.items() if holds is None]
            if unknown:  # "none" would say more than people have coded
                return "not coded", f"nothing is coded as present, and {', '.join(unknown)} not at all"
        face, home = self._faces[sample.sample_id], self._home[sample.cluster]
        if face.reason is not None:
            return face.status, face.reason
        return None if sample.split == home else ("in another split", f"{sample.cluster} is in {home}")

    def _write(self, sample: Sample) -> Written:
        face, left_out = self._faces.get(sample.sample_id), self._left_out(sample)
        if left_out is None and face is not None:
            return self._conversations.about(sample, face)
        # A failure that has a face is one of writer or judge.
        shown = face if face is not None and face.status != "failed" else None
        return Written(sample, sample.split, *(left_out or ("failed", None)), face=shown)

    def _save(self, written: Sequence[Written]) -> dict[str, Any]:
        writer, judge = self._conversations.writer, self._conversations.judge
        found: dict[str, Any] = {
            "dataset": self._dataset.name,
            "variant": self._variant,
            "root": str(self._root),
            "split_rule": self._split_rule,
            "fold": self._request.fold if self._dataset.folds else None,
            "writer": writer.model if writer else None,
            "judge": judge.model if judge else None,
            "threshold": self._request.config.threshold if judge else None,
            "asked": self._conversations.asked,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "malformed": [str(line) for line in self._malformed],
            **statistics(written),
        }
        write_files(self._out, written, found, self._request.config.sheet_samples)
        return found


def _homes(samples: Sequence[Sample]) -> dict[str, str]:
    """Return the split of every cluster: that which has most of it. Its samples in others are left out."""
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        sizes[sample.cluster][sample.split] += 1
    return {cluster: counts.most_common(1)[0][0] for cluster, counts in sizes.items()}
