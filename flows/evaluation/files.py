"""What an evaluation leaves: report.md, report.json, predictions and metrics as Parquet, rows of the lake."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.display.output import to_json
from flows.evaluation.predictions import ReadFrom, file_of
from flows.evaluation.report import to_markdown
from flows.evaluation.samples import Located
from model.evaluation.prediction import Prediction
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import Evaluation, PredictionRecord


def write_report(
    out: Path,
    report: Mapping[str, Any],
    by: Mapping[ReadFrom, Sequence[Prediction]],
    located: Located,
    lake: Lake,
) -> None:
    """Write a report into a folder, and its predictions into the lake too.

    Raises:
        LakeError: the lake does not take them.
        OSError: the folder does not.
    """
    from pyarrow import parquet  # noqa: PLC0415 - a quarter of a second, and only here

    rows = [
        _row(report["evaluation_id"], source, one, located)
        for source, predictions in by.items()
        for one in predictions
    ]
    coverage = report["readings"][0]["coverage"]
    evaluation = Evaluation(
        evaluation_id=report["evaluation_id"],
        dataset=report["dataset"],
        variant=report["variant"],
        split=report["split"],
        recipe_id=report["recipe_id"],
        model_id=report["model_id"],
        is_demonstration=report["is_demonstration"],
        **coverage,
        report_json=to_json(report),
        created_at=datetime.now(UTC),
    )
    lake.append([*rows, evaluation])
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(to_json(report) + "\n", encoding="utf-8")
    (out / "report.md").write_text(to_markdown(report), encoding="utf-8")
    # As the views have them, which say of every row what model it is of.
    catalog = Catalog(lake).frozen()
    for view, name in (("predictions", "predictions"), ("evaluation_metrics", "metrics")):
        table = catalog.view(view, evaluation_id=report["evaluation_id"])
        parquet.write_table(table, out / f"{name}.parquet")


def _row(
    evaluation_id: str, read_from: ReadFrom, prediction: Prediction, located: Located
) -> PredictionRecord:
    sample = prediction.sample
    return PredictionRecord(
        evaluation_id=evaluation_id,
        read_from=read_from,
        sample_id=sample.sample_id,
        uri=file_of(prediction, located),
        video_id=prediction.video_id,
        cluster=sample.cluster,
        fold=sample.fold,
        status=prediction.status,
        reason=prediction.reason,
        truth_json=json.dumps(sample.truth),
        answer_json=None if prediction.answer is None else json.dumps(prediction.answer),
        score=prediction.score,
        groups_json=json.dumps(dict(sample.groups)),
    )
