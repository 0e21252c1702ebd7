"""An evaluation: choose samples, scan exactly these, read the lake, measure, report.

The scan is the scan: same readers, same describers, same lake, and so it goes on where it was interrupted.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.calibrate import check_card, read_card
from flows.evaluation.card_fit import Scored, check_contents, check_samples, check_splits, fit_card
from flows.evaluation.card_trial import Verdicts, calibration_values
from flows.evaluation.files import write_report
from flows.evaluation.predictions import Found, ReadFrom, predict, predict_tracks
from flows.evaluation.reasoning import reasoning_values
from flows.evaluation.report import assessment_values, notice, published_values
from flows.evaluation.request import EvaluationRequest
from flows.evaluation.samples import Chosen, Located, SampleScan, choose, evaluation_recipe, locate
from flows.recipe import PinnedRecipe
from flows.steps import scan_here
from flows.usage import UsageError
from model.datasets.catalogue import dataset_named
from model.datasets.dataset import Dataset
from model.demonstration import DEMONSTRATION_PATH
from model.evaluation.assessment import assess
from model.evaluation.card import CalibrationCard
from model.evaluation.prediction import Prediction
from model.evaluation.published import published
from model.instruct.chat import Chat, KeptChat
from storage.lake import Lake


def evaluate(
    request: EvaluationRequest,
    on_step: Callable[[str], None] = lambda _: None,
    judge: Chat | None = None,
) -> dict[str, Any]:
    """Measure a checkpoint on a dataset; return the report, which lies in the output folder too.

    Args:
        request: what to evaluate.
        on_step: told what is being done.
        judge: rates texts; its answers are kept in the output folder.

    Raises:
        UsageError: the request is at fault: dataset, layout, recipe, checkpoint or card; or, when the report
            is written, no card can be made of these samples, or tested on them.
        FleetError: the workers do not start.
        LakeError: the lake does not take the rows.
    """
    return _Evaluation(request, on_step).report(judge)


class _Evaluation:
    def __init__(self, request: EvaluationRequest, on_step: Callable[[str], None]) -> None:
        self._request = request
        self._on_step = on_step
        try:
            self._dataset: Dataset = dataset_named(request.dataset)
        except ValueError as error:
            raise UsageError(str(error)) from error
        dataset = self._dataset
        self._root = Path(request.root).expanduser().absolute()
        self._out = Path(request.output).expanduser().absolute()
        self._variant = request.variant or dataset.variants[0]
        self._check()
        self._checkpoint = request.checkpoint or str(DEMONSTRATION_PATH)
        on_step("reading the annotation")
        self._chosen = self._choose(request.split)
        self._split = self._chosen.split
        if request.split is None and self._split != dataset.splits[0]:
            on_step(f"so few clusters that none is in {dataset.splits[0]}: all samples are taken")
        self._for_card = self._choose(request.calibrate_on) if request.calibrate else None
        if self._for_card is not None:
            check_splits(self._for_card.samples, self._chosen.samples)
        self._every = (*self._chosen.samples, *(self._for_card.samples if self._for_card else ()))
        self._has_places = any(sample.place is not None for sample in self._every)
        # A text is read of the main face alone, and none of the samples of one video may be that.
        self._has_text = request.has_text and not self._has_places
        on_step("checking the model")
        self._pinned: PinnedRecipe = evaluation_recipe(
            request.recipe,
            dataset.asks or (dataset.task,),
            self._checkpoint,
            has_text=self._has_text,
            is_whole_picture=request.is_whole_picture,
        )
        self._check_labels()
        self._card = read_card(request.calibration) if request.calibration else None
        if self._card is not None:
            check_card(self._card, self._pinned)
            check_samples(self._card, dataset, self._chosen.samples)

    def _check(self) -> None:
        request = self._request
        if (request.calibrate or request.calibration) and len(self._dataset.labels) != 2:
            raise UsageError(f"{self._dataset.title} has not two labels to tell apart; calibrate on ff++")
        if request.calibrate and not Path(request.calibrate).absolute().parent.is_dir():
            raise UsageError(f"there is no folder to write {request.calibrate} to")
        if request.calibrate and request.calibration:
            raise UsageError("a card is either made (--calibrate) or applied (--calibration)")
        tested = request.split or self._dataset.splits[0]
        if request.calibrate and request.calibrate_on == tested:
            raise UsageError(
                f"a card that is fitted on {tested} cannot be tested on it; give another --calibrate-on"
            )

    def _check_labels(self) -> None:
        asked = {question.name: question for question in self._pinned.recipe.asked}
        question = asked[self._dataset.task]
        lacking = set(self._dataset.labels) - {label.name for label in question.labels}
        if lacking:
            raise UsageError(
                f"question {question.name} of the recipe has no label {', '.join(sorted(lacking))}, which "
                f"{self._dataset.title} annotates"
            )

    def _choose(self, split: str | None) -> Chosen:
        limit, step = self._request.limit, self._request.frame_step
        return choose(self._dataset, self._root, self._variant, split, limit=limit, frame_step=step)

    def report(self, judge: Chat | None) -> dict[str, Any]:
        request, samples = self._request, self._chosen.samples
        if judge is not None and not self._has_text:
            raise UsageError(
                f"a judge rates texts, and none are asked for of the faces of {self._dataset.title}; leave "
                "--judge out"
            )
        located = locate(self._every, self._out / "frames", self._on_step)
        lake = self._scan(located)
        self._on_step("measuring")
        # Of a forgery each face counts, too; a sample with a place is one face already.
        has_tracks = self._dataset.task == "deepfake" and not self._has_places
        found = Found.of(
            lake,
            self._pinned.recipe_id,
            self._dataset.task,
            has_places=self._has_places,
            has_tracks=has_tracks,
        )
        sources: tuple[ReadFrom, ...] = ("scores", "text") if self._has_text else ("scores",)
        by: dict[ReadFrom, list[Prediction]] = {
            source: predict(self._dataset, samples, located, found, source) for source in sources
        }
        if has_tracks:
            by["tracks"] = predict_tracks(self._dataset, samples, located, found)
        report = self._values(by)
        card, refusal = self._card, None
        try:
            if self._for_card is not None:
                chosen = predict(self._dataset, self._for_card.samples, located, found, "scores")
                card = self._fit(Scored(chosen))
            if card is not None:
                check_contents(card, Scored(by["scores"]))
                report["calibration"] = self._try(card, by, lake)
        except UsageError as error:
            refusal = error  # the rest of the report is as good as ever
            report["calibration"] = {"levels": {}, "tables": [], "notes": [f"no card: {error}"]}
        if judge is not None:
            kept = KeptChat(judge, self._out / "judged")
            step = max(1, len(samples) // request.judged)
            report["reasoning"] = reasoning_values(
                self._dataset,
                samples[::step][: request.judged],
                located,
                found,
                lake=lake,
                judge=kept,
                on_step=self._on_step,
            )
        write_report(self._out, report, by, located, lake)
        if refusal is not None:
            raise refusal
        if card is not None and request.calibrate is not None:
            Path(request.calibrate).write_text(card.to_json(), encoding="utf-8")
        return report

    def _scan(self, located: Located) -> Lake:
        request = self._request
        scan = SampleScan(
            archives=(str(self._root),),
            lake=str(self._out / "lake"),
            checkpoint=self._checkpoint,
            readers=request.readers,
            describers=request.describers,
            progress=request.progress,
            listed=tuple(located.listed.values()),
            pinned=self._pinned,
        )
        if located.listed:
            scan_here(scan)
        return scan.open_lake()

    def _fit(self, scored: Scored) -> CalibrationCard:
        request = self._request
        described = {
            "variant": self._variant,
            "split": request.calibrate_on,
            "limit": request.limit,
            "is_whole_picture": request.is_whole_picture,
        }
        return fit_card(self._dataset, scored, self._pinned, request.fitting, described)

    def _try(
        self, card: CalibrationCard, by: Mapping[ReadFrom, Sequence[Prediction]], lake: Lake
    ) -> dict[str, Any]:
        scored = Scored(by["scores"])
        levels = {"videos": scored, "faces": Scored(by["tracks"])} if "tracks" in by else {"faces": scored}
        verdicts = Verdicts.by(card, lake, self._pinned.recipe_id)
        return calibration_values(card, levels, verdicts, self._request.bootstrap)

    def _values(self, by: dict[ReadFrom, list[Prediction]]) -> dict[str, Any]:
        request, dataset, identity = self._request, self._dataset, self._pinned.identity
        samples = self._chosen.samples
        return {
            **notice(identity.is_demonstration),
            "evaluation_id": uuid.uuid4().hex,
            "dataset": dataset.name,
            "title": dataset.title,
            "task": dataset.task,
            "root": str(self._root),
            "variant": self._variant,
            "split": self._split,
            "split_rule": dataset.split_rule,
            "limit": request.limit,
            "frame_step": request.frame_step,
            "is_whole_picture": request.is_whole_picture,
            "annotated": dict(self._chosen.annotated),
            "samples": len(samples),
            "clusters": len({sample.cluster for sample in samples}),
            "draws": request.bootstrap.draws,
            "level": request.bootstrap.level,
            "seed": request.bootstrap.seed,
            "checkpoint": self._checkpoint,
            "model_id": identity.model_id,
            "is_demonstration": identity.is_demonstration,
            "recipe_id": self._pinned.recipe_id,
            "readings": [
                assessment_values(assess(dataset, predictions, source, request.bootstrap), predictions)
                for source, predictions in by.items()
            ],
            "published": published_values(published(dataset.name)),
            "malformed": [str(line) for line in self._chosen.malformed],
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
