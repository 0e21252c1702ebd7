"""How well a checkpoint knows rendered faces: an archive is rendered, scanned, and the lake asked in SQL.

What the lake says of a track, the mean over its clips, is compared with the label of the face whose time and
place it has. Tracks of no label and labels of no track are counted and left out. Metrics are scikit-learn's,
and the ECE that of an evaluation: of each face, the mean over its clips; 15 bins of equal width.

    python -m benchmarks.demonstration --checkpoint DIR --out DIR [--videos 60] [--seed 901]

The figures that a demonstration checkpoint has to reach are printed beside its own; the exit status is 1 when
one is missed.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, recall_score, roc_auc_score

from model.evaluation.forensic import ece
from model.prompting.labels import ACTION_UNITS
from model.synthetic.archive import write_archive
from model.synthetic.attributes import ATTRIBUTES
from storage.catalog import Catalog
from storage.lake import Lake

FACES = """
with places as (
    select track_id, avg(x_px + w_px / 2) as x_px, avg(y_px + h_px / 2) as y_px from boxes group by all
), scores as (
    select track_id, question, label, avg(score) as score from findings group by all
), tracked as (
    select track_id, parse_filename(uri) as file, tracks.start_s, tracks.end_s, x_px, y_px
    from tracks join videos using (video_id, recipe_id) join places using (track_id)
), pairs as (
    select
        track_id,
        labels.file || '#' || labels.face as face,
        least(tracked.end_s, labels.end_s) - greatest(tracked.start_s, labels.start_s) as shared_s
    from tracked
    join read_parquet($labels) as labels on tracked.file = labels.file
        and abs(tracked.x_px - labels.x_px - labels.w_px / 2) < labels.w_px / 2
        and abs(tracked.y_px - labels.y_px - labels.h_px / 2) < labels.h_px / 2
    where shared_s > 0
    qualify row_number() over (partition by track_id order by shared_s desc) = 1
)
select face, question, label, avg(score) as score from pairs join scores using (track_id) group by all
"""
UNITS = tuple(label.name for label in ACTION_UNITS)


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what it has to reach."""

    name: str
    value: float
    bound: float
    is_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.value <= self.bound if self.is_most else self.value >= self.bound


def render(out: Path, videos: int, seed: int) -> Path:
    archive = out / "archive"
    if not (archive / "labels.parquet").exists():
        write_archive(archive, videos, seed, processes=2)
    return archive


def scan(archive: Path, lake: Path, checkpoint: Path) -> None:
    command = [sys.executable, "-m", "flows", "scan", str(archive), "--lake", str(lake)]
    subprocess.run([*command, "--checkpoint", str(checkpoint)], check=True)


def compare(lake: Path, archive: Path) -> tuple[list[Goal], dict[str, Any]]:
    catalog, labels = Catalog(Lake(str(lake))), str(archive / "labels.parquet")
    said: dict[str, dict[tuple[str, str], float]] = {}
    for row in catalog.query(FACES, {"labels": labels}).to_pylist():
        said.setdefault(row["face"], {})[row["question"], row["label"]] = row["score"]
    rows = catalog.query(
        "select *, file || '#' || face as key from read_parquet($labels)", {"labels": labels}
    )
    truth = {row["key"]: row for row in rows.to_pylist() if row["key"] in said}
    faces = sorted(truth)
    goals = [
        *_expression(faces, said, truth),
        *_yes_no(faces, said, truth),
        *_deepfake(faces, said, truth),
        Goal(
            "age MAE, years",
            mean_absolute_error(
                [truth[face]["age_years"] for face in faces],
                [said[face]["age", "age_years"] for face in faces],
            ),
            8,
            is_most=True,
        ),
    ]
    return goals, {"faces": len(rows), "of them in the lake": len(faces)}


Said = Mapping[str, Mapping[tuple[str, str], float]]
Truth = Mapping[str, Mapping[str, Any]]


def _expression(faces: list[str], said: Said, truth: Truth) -> list[Goal]:
    names = sorted({label for question, label in said[faces[0]] if question == "expression"})
    told = [max(names, key=lambda name: said[face]["expression", name]) for face in faces]
    true = [truth[face]["expression"] for face in faces]
    return [Goal("expression UAR", float(recall_score(true, told, average="macro")), 0.80)]


def _yes_no(faces: list[str], said: Said, truth: Truth) -> list[Goal]:
    f1s: dict[str, float] = {}
    for unit in UNITS:
        true = [unit in truth[face]["action_units"] for face in faces]
        if any(true):
            told = [said[face]["action_units", unit] > 0.5 for face in faces]
            f1s[unit] = float(f1_score(true, told)) if any(told) else 0.0
    # Of those that a drawn face can have; the others, which are absent from all, would be right for nothing.
    accuracies: list[float] = []
    shares: list[float] = []
    areas: dict[str, float] = {}
    for name in ATTRIBUTES:
        true = np.array([name in truth[face]["attributes"] for face in faces])
        scores = np.array([said[face]["attributes", name] for face in faces])
        accuracies.append(float(accuracy_score(true, scores > 0.5)))
        shares.append(max(float(true.mean()), 1 - float(true.mean())))
        if len(set(true.tolist())) > 1:
            areas[name] = float(roc_auc_score(true, scores))
    print("F1 " + ", ".join(f"{unit} {f1:.2f}" for unit, f1 in f1s.items()))
    print("AUC " + ", ".join(f"{name} {area:.2f}" for name, area in areas.items()))
    print(
        f"attributes: mean AUC {np.mean(list(areas.values())):.3f}; "
        f"the more frequent answer to each would have an accuracy of {np.mean(shares):.3f}"
    )
    return [
        Goal(f"mean F1 of the {len(f1s)} action units that occur", float(np.mean(list(f1s.values()))), 0.70),
        Goal(
            f"mAcc of the {len(ATTRIBUTES)} attributes that can be present", float(np.mean(accuracies)), 0.85
        ),
    ]


def _deepfake(faces: list[str], said: Said, truth: Truth) -> list[Goal]:
    scores = np.array([said[face]["deepfake", "fake"] for face in faces])
    true = np.array([truth[face]["is_manipulated"] for face in faces])
    for kind in sorted({truth[face]["manipulation"] for face in faces if truth[face]["manipulation"]}):
        kept = np.array([truth[face]["manipulation"] in {None, kind} for face in faces])
        print(f"AUC of {kind}: {roc_auc_score(true[kept], scores[kept]):.3f}")
    return [
        Goal("deepfake AUC", float(roc_auc_score(true, scores)), 0.90),
        Goal("deepfake ECE", ece(true, scores), 0.05, is_most=True),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=901, help="another one than the training's")
    options = parser.parse_args()
    archive = render(options.out, options.videos, options.seed)
    lake = options.out / "lake"
    scan(archive, lake, options.checkpoint)
    goals, counts = compare(lake, archive)
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))
    for goal in goals:
        sign = "<=" if goal.is_most else ">="
        print(f"{goal.name:48} {goal.value:7.3f}  {sign} {goal.bound:<5} {'' if goal.is_met else 'MISSED'}")
    return 0 if all(goal.is_met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
