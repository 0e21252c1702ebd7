"""CREMA-D (Cao et al. 2014): actors who speak a sentence with one of six emotions."""

import re
from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import HASHED_SPLIT, Dataset, columns, find, hashed_split, twice
from model.datasets.sample import Item, Malformed, Sample

LABELS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
_VOTES = {**{code[0]: label for code, label in LABELS.items()}, **LABELS}
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
_NAME = re.compile(rf"(10[0-8]\d|109[01])_([A-Z]{{3}})_({'|'.join(LABELS)})_({'|'.join(_LEVELS)})")


def _read(root: Path, variant: str) -> Iterator[Item]:
    folder = find("CREMA-D", root, "VideoFlash")
    votes: dict[str, str | None] | None = None
    if variant == "perceived":
        table = find("CREMA-D", root, "processedResults/summaryTable.csv")
        votes = {}
        for item in _read_votes(table):
            if isinstance(item, Malformed):
                yield item
            else:
                votes[item[0]] = item[1]
    listed = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    # What was voted on is expected, whether it is there or not.
    names = {path.stem for path in listed}
    listed += [folder / f"{name}.flv" for name in votes or () if name not in names]
    for path in listed:
        name = _NAME.fullmatch(path.stem)
        if path.suffix.lower() != ".flv" or name is None or name[1] == "1000":
            yield Malformed(path, None, "its name is not <actor>_<sentence>_<emotion>_<level>.flv")
            continue
        if votes is not None and path.stem not in votes:
            yield Malformed(path, None, "processedResults/summaryTable.csv has no FaceVote for it")
            continue
        truth = LABELS[name[3]] if votes is None else votes[path.stem]
        if truth is not None:
            yield Sample(
                sample_id=path.stem,
                media=path,
                kind="video",
                truth=truth,
                split=hashed_split(name[1]),
                cluster=name[1],
                groups={"level": _LEVELS[name[4]]},
            )


def _read_votes(path: Path) -> Iterator[tuple[str, str | None] | Malformed]:
    """Yield every video's name and label, None where the vote is none, which is malformed, too."""
    seen: set[str] = set()
    for row in columns("CREMA-D", path, "FileName", "FaceVote"):
        if isinstance(row, Malformed):
            yield row
            continue
        line, (name, vote) = row
        label = _VOTES.get(vote)
        if name in seen:
            yield twice(path, line, name)
            continue
        seen.add(name)
        yield name, label
        if label is None:
            # The most frequent votes may be tied, e.g. A:N.
            yield Malformed(path, line, f"FaceVote of {name} is {vote!r}, not one of A D F H N S")


CREMA_D = Dataset(
    name="crema-d",
    title="CREMA-D",
    task="expression",
    labels=tuple(LABELS.values()),
    splits=("test", "train"),
    split_rule=f"{HASHED_SPLIT}; clusters are actors",
    variants=("acted", "perceived"),
    reader=_read,
)
"""`acted` takes the label from the file's name, `perceived` the FaceVote of summaryTable.csv: they differ."""
