"""DFEW (Jiang et al. 2020): film clips with one of seven expressions, five folds."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import Dataset, LayoutError, columns, find, find_variant, twice, whole_number
from model.datasets.sample import Item, Malformed, Sample

LABELS = {1: "happiness", 2: "sadness", 3: "neutral", 4: "anger", 5: "surprise", 6: "disgust", 7: "fear"}
FOLDS = 5
_RATES_FPS: dict[str, float | None] = {"original": None, "clip_224x224": 25.0, "clip_224x224_16f": 8.0}
"""Folders of clips, and what their pictures are taken for where they are no videos: the faces of every frame,
or 16 of a clip, which are then two seconds, one window of a scan."""


def _read(root: Path, variant: str) -> Iterator[Item]:
    clips = find_variant("DFEW", root, {one: (f"Clip/{one}",) for one in _RATES_FPS}, variant)
    tables = find("DFEW", root, "EmoLabel_DataSplit")
    is_there = False
    for split in ("test", "train"):
        folder = tables / f"{split}(single-labeled)"
        if not folder.exists():
            folder = tables / f"{split}(single_labeled)"  # as its README spells it
        for fold in range(1, FOLDS + 1):
            path = folder / f"set_{fold}.csv"
            if path.exists():
                is_there = True
                yield from _read_set(path, clips, split, fold, _RATES_FPS[variant])
            else:
                yield Malformed(path, None, "it is not there: this fold has no samples")
    if not is_there:
        raise LayoutError("DFEW", tables, "there is no {test,train}(single-labeled)/set_1.csv in it")


def _read_set(path: Path, clips: Path, split: str, fold: int, fps: float | None) -> Iterator[Item]:
    seen: set[str] = set()
    for row in columns("DFEW", path, "video_name", "label"):
        if isinstance(row, Malformed):
            yield row
            continue
        line, (stated, label) = row
        number, code = whole_number(stated.removesuffix(".mp4")), whole_number(label)
        if number is None:
            yield Malformed(path, line, f"{stated!r} is no video's number")
            continue
        name = f"{number:05d}"
        if code not in LABELS:
            yield Malformed(path, line, f"label of {name} is {label!r}, none of 1..7")
        elif name in seen:
            yield twice(path, line, name)
        else:
            seen.add(name)
            yield Sample(
                sample_id=f"{split}/{fold}/{name}",
                media=clips / (name if fps and (clips / name).is_dir() else f"{name}.mp4"),
                kind="video",
                fps=fps,
                truth=LABELS[code],
                split=split,
                cluster=name,  # which film a clip is from is not distributed
                fold=fold,
            )


DFEW = Dataset(
    name="dfew",
    title="DFEW",
    task="expression",
    labels=tuple(LABELS.values()),
    splits=("test", "train"),
    split_rule="its own five folds, single-labelled; results are means over the folds' test sets",
    variants=tuple(_RATES_FPS),
    reader=_read,
    folds=FOLDS,
)
