"""Archives that `facesift synth` rendered: films with several faces, of which everything is known.

Not one of the paper's datasets: it measures the system with truth, and the demonstration checkpoint.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from model.datasets.bp4d import ACTION_UNITS
from model.datasets.dataset import Dataset, LayoutError, Task, find
from model.datasets.morph import age_group
from model.datasets.sample import Item, Malformed, Place, Sample, Truth
from model.prompting.labels import AUTHENTICITY, EXPRESSIONS
from model.synthetic.attributes import ATTRIBUTES

_LABELS: dict[Task, tuple[str, ...]] = {
    "expression": tuple(label.name for label in EXPRESSIONS),
    "action_units": tuple(f"AU{unit}" for unit in ACTION_UNITS),
    "attributes": ATTRIBUTES,
    "age": (),
    "deepfake": tuple(label.name for label in AUTHENTICITY),
}


def _read(root: Path, _: str, task: Task) -> Iterator[Item]:
    path = find("an archive of facesift synth", root, "labels.parquet")
    for line, row in enumerate(_rows(path), start=1):
        missing = [name for name, value in row.items() if value is None and name != "manipulation"]
        if missing:
            yield Malformed(path, line, f"row {line} lacks {', '.join(missing)}")
            continue
        place = Place((row["start_s"] + row["end_s"]) / 2, row["x_px"], row["y_px"], row["w_px"], row["h_px"])
        yield Sample(
            sample_id=f"{row['file']}/{row['face']}",
            media=root / row["file"],
            kind="video",
            truth=_truth(task, row),
            split="test" if hashlib.sha256(row["file"].encode()).digest()[0] % 2 else "val",
            cluster=row["file"],
            groups={"manipulation": row["manipulation"] or "none", "age": age_group(int(row["age_years"]))},
            place=place,
        )


def _rows(path: Path) -> list[dict[str, Any]]:
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - the rest of model runs without Arrow

    from model.synthetic.film import Label  # noqa: PLC0415 - what draws needs OpenCV

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        raise LayoutError("an archive of facesift synth", path, f"it is no Parquet file ({error})") from error
    lacking = [one.name for one in fields(Label) if one.name not in table.column_names]
    if lacking:
        raise LayoutError("an archive of facesift synth", path, f"it has no column {', '.join(lacking)}")
    return table.to_pylist()


def _truth(task: Task, row: dict[str, Any]) -> Truth:
    match task:
        case "expression":
            return str(row["expression"])
        case "action_units" | "attributes":
            present = set(row[task])
            return {label: label in present for label in _LABELS[task]}
        case "age":
            return float(row["age_years"])
        case "deepfake":
            return "fake" if row["is_manipulated"] else "real"


def _rendered(task: Task, splits: tuple[str, ...]) -> Dataset:
    return Dataset(
        name=f"rendered-{task.replace('_', '-')}",
        title=f"Rendered films, {task.replace('_', ' ')}",
        task=task,
        labels=_LABELS[task],
        splits=splits,
        split_rule="val and test are halves of the films by the SHA-256 of their names",
        variants=("rendered",),
        reader=partial(_read, task=task),
        asks=tuple(_LABELS),
    )


RENDERED = tuple(
    _rendered(task, ("test", "val", "all") if task == "deepfake" else ("all", "test", "val"))
    for task in _LABELS
)
"""One for each question; all five are asked at once, so that one folder serves five evaluations."""
