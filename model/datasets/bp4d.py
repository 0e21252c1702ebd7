"""BP4D-Spontaneous (Zhang et al. 2014): frames of 41 people in eight tasks, action units coded in a part."""

import re
from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import (
    FOLDS_IN_TURN,
    Dataset,
    LayoutError,
    find,
    fold_of,
    table_rows,
    whole_number,
)
from model.datasets.sample import Item, Malformed, Sample

ACTION_UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
_CODES: dict[int | None, bool | None] = {0: False, 1: True, 9: None}
"""9: not coded, which is neither present nor absent."""
FOLDS = 3
_NAME = re.compile(r"([FM]\d{3})_(T\d+)")
_UNIT = re.compile(r"(?:AU)?0*(\d+)", re.IGNORECASE)


def _read(root: Path, _: str) -> Iterator[Item]:
    coded = find("BP4D", root, "AUCoding/AU_OCC")
    tables = sorted(coded.glob("*.csv"))
    named = [(path, name) for path in tables if (name := _NAME.fullmatch(path.stem))]
    if not named:
        raise LayoutError("BP4D", coded, "there is no table such as F001_T1.csv in it")
    subjects = sorted({name[1] for _, name in named})
    for path in tables:
        name = _NAME.fullmatch(path.stem)
        if name is None:
            yield Malformed(path, None, "its name is not <subject>_<task>.csv")
        else:
            folder = root / name[1] / name[2]
            yield from _read_table(path, folder, fold_of(name[1], subjects, FOLDS))


def _read_table(path: Path, folder: Path, fold: int) -> Iterator[Item]:
    subject, task = folder.parts[-2:]
    # Numbers in names have leading zeros in some tasks.
    pictures = {whole_number(picture.stem): picture for picture in sorted(folder.glob("*.jpg"))}
    seen: set[int] = set()
    rows = table_rows(path)
    first = next(rows, None)
    columns = _columns(first[1]) if isinstance(first, tuple) else {}
    if not columns:
        yield Malformed(path, 1, f"it does not name the action units {', '.join(map(str, ACTION_UNITS))}")
        return
    for row in rows:
        if isinstance(row, Malformed):
            yield row
            continue
        line, cells = row
        frame = whole_number(cells[0])
        if frame is None:
            yield Malformed(path, line, f"{cells[0]!r} is no frame's number")
            continue
        if frame in seen:
            yield Malformed(path, line, f"frame {frame} is listed a second time; the first counts")
            continue
        seen.add(frame)
        codes = {unit: whole_number(cells[at]) if at < len(cells) else None for unit, at in columns.items()}
        odd = [f"AU{unit}" for unit, code in codes.items() if code not in _CODES]
        if odd:
            yield Malformed(path, line, f"frame {frame} has none of 0, 1 and 9 for {', '.join(odd)}")
        yield Sample(
            sample_id=f"{subject}/{task}/{frame}",
            media=pictures.get(frame, folder / f"{frame}.jpg"),
            kind="image",
            truth={f"AU{unit}": _CODES.get(code) for unit, code in codes.items()},
            split="all",
            cluster=subject,
            fold=fold,
            groups={"task": task},
        )


def _columns(header: list[str]) -> dict[int, int]:
    """Return the column of every action unit, or nothing when the header does not name them all."""
    units = [_UNIT.fullmatch(cell) for cell in header]
    at = {int(unit[1]): column for column, unit in enumerate(units) if unit and column}
    return {unit: at[unit] for unit in ACTION_UNITS} if at.keys() >= set(ACTION_UNITS) else {}


BP4D = Dataset(
    name="bp4d",
    title="BP4D",
    task="action_units",
    labels=tuple(f"AU{unit}" for unit in ACTION_UNITS),
    splits=("all",),
    split_rule=FOLDS_IN_TURN,
    variants=("occurrence",),
    reader=_read,
    folds=FOLDS,
)
