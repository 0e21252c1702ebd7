"""What instruction data is made of: conversations, provenance of every sample, a page to look at."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flows.instruction.faces import KeptFace
from flows.instruction.sheet import sheet
from model.datasets.sample import Sample


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a sample: a row of instruct.parquet.

    Attributes:
        sample: of the dataset.
        split: train, val or test; a cluster is in one alone.
        status: kept, or why not: a filter's word, `failed`, or `rated low`.
        reason: in words.
        entry: the conversation, where it is kept.
        description: by the writer; empty without one.
        ratings: by the judge, by name.
        face: what was found in the file.
    """

    sample: Sample
    split: str
    status: str
    reason: str | None = None
    entry: dict[str, Any] | None = None
    description: str = ""
    ratings: dict[str, int] = field(default_factory=dict[str, int])
    face: KeptFace | None = None


def write_files(folder: Path, written: Sequence[Written], found: Mapping[str, Any], shown: int) -> None:
    """Write train.json, val.json, test.json, instruct.parquet, statistics.json and sheet.html.

    Args:
        folder: where to.
        written: of every sample.
        found: the statistics.
        shown: samples on the sheet.

    Raises:
        OSError: the folder does not take them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_split: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in written:
        if one.entry is not None:
            by_split[one.split].append(one.entry)
    for split in ("train", "val", "test"):
        (folder / f"{split}.json").unlink(missing_ok=True)
    for split, entries in by_split.items():
        text = json.dumps(entries, ensure_ascii=False, indent=1)
        (folder / f"{split}.json").write_text(text, encoding="utf-8")
    _write_rows(folder / "instruct.parquet", written, found)
    (folder / "statistics.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    (folder / "sheet.html").write_text(sheet(folder, written, found, shown), encoding="utf-8")


def _write_rows(path: Path, written: Sequence[Written], found: Mapping[str, Any]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - a quarter of a second, and only here
    from pyarrow import parquet  # noqa: PLC0415

    rows = [
        {
            "sample_id": one.sample.sample_id,
            **{name: found[name] for name in ("dataset", "variant", "writer", "judge")},
            "split": one.split,
            "cluster": one.sample.cluster,
            "status": one.status,
            "reason": one.reason,
            "source": str(one.sample.media),
            "frame": one.sample.frame,
            "truth_json": json.dumps(one.sample.truth),
            "groups_json": json.dumps(dict(one.sample.groups)),
            "description": one.description,
            "ratings_json": json.dumps(one.ratings),
            "entry_json": json.dumps(one.entry) if one.entry else None,
            **_face_columns(one.face or KeptFace(one.sample.kind)),
        }
        for one in written
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path)


def _face_columns(face: KeptFace) -> dict[str, str]:
    """Return what is known of the face; why there is none says the sample's own status."""
    return {name: value for name, value in asdict(face).items() if name not in {"status", "reason"}}
