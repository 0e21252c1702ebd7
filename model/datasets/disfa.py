"""DISFA (Mavadati et al. 2013): videos of 27 people, the intensity of action units in every frame."""

import re
from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import (
    FOLDS_IN_TURN,
    Dataset,
    find,
    find_variant,
    fold_of,
    text_lines,
    whole_number,
)
from model.datasets.sample import Item, Malformed, Sample

ACTION_UNITS = (1, 2, 4, 6, 9, 12, 25, 26)
POSITIVE_FROM = 2
"""Intensity, 0..5, from which an action unit counts as present."""
FOLDS = 3
_PLACES = {"left": ("Videos_LeftCamera",), "right": ("Video_RightCamera", "Videos_RightCamera")}
"""The right camera's folder lacks an s, and its videos end in `_Comp.avi`."""
_SUBJECT = re.compile(r"SN\d{3}")


def _read(root: Path, variant: str) -> Iterator[Item]:
    labels = find("DISFA", root, "ActionUnit_Labels")
    videos = find_variant("DISFA", root, _PLACES, variant)
    subjects = sorted(path.name for path in labels.iterdir() if _SUBJECT.fullmatch(path.name))
    named = {subject: videos / f"{variant.capitalize()}Video{subject}_comp.avi" for subject in subjects}
    by_name = {path.name.lower(): subject for subject, path in named.items()}
    for path in sorted(videos.iterdir()):
        if path.name.lower() in by_name:
            named[by_name[path.name.lower()]] = path
        elif not path.name.startswith("."):
            yield Malformed(path, None, "there are no labels for it in ActionUnit_Labels")
    for subject, path in named.items():
        yield from _read_subject(labels / subject, path, fold_of(subject, subjects, FOLDS))


def _read_subject(folder: Path, video: Path, fold: int) -> Iterator[Item]:
    frames: dict[int, dict[str, bool | None]] = {}
    for unit in ACTION_UNITS:
        path = folder / f"{folder.name}_au{unit}.txt"
        if not path.exists():
            yield Malformed(path, None, f"it is not there: AU{unit} of {folder.name} is not coded")
            continue
        for item in _read_unit(path):
            if isinstance(item, Malformed):
                yield item
            else:
                number, is_present = item
                frames.setdefault(number, {f"AU{one}": None for one in ACTION_UNITS})[f"AU{unit}"] = (
                    is_present
                )
    for number, truth in sorted(frames.items()):
        yield Sample(
            sample_id=f"{folder.name}/{number}",
            media=video,
            kind="video",
            truth=truth,
            split="all",
            cluster=folder.name,
            fold=fold,
            frames=(number - 1, number - 1),  # the labels count from 1
        )


def _read_unit(path: Path) -> Iterator[tuple[int, bool] | Malformed]:
    seen: set[int] = set()
    for line, text in text_lines(path):
        number, _, intensity = (part.strip() for part in text.partition(","))
        frame, level = whole_number(number), whole_number(intensity)
        if frame is None or frame < 1:
            yield Malformed(path, line, f"{text!r} does not begin with a frame's number, from 1")
        elif level is None or level > 5:
            yield Malformed(path, line, f"intensity in {text!r} is none of 0..5")
        elif frame in seen:
            yield Malformed(path, line, f"frame {frame} is listed a second time; the first counts")
        else:
            seen.add(frame)
            yield frame, level >= POSITIVE_FROM


DISFA = Dataset(
    name="disfa",
    title="DISFA",
    task="action_units",
    labels=tuple(f"AU{unit}" for unit in ACTION_UNITS),
    splits=("all",),
    split_rule=FOLDS_IN_TURN,
    variants=("left", "right"),
    reader=_read,
    folds=FOLDS,
)
