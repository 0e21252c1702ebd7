"""UTKFace (Zhang et al. 2017): photographs whose names say age, gender and race."""

import re
from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import HASHED_SPLIT, Dataset, LayoutError, hashed_split, twice
from model.datasets.morph import age_group
from model.datasets.sample import Item, Malformed, Sample

_NAME = re.compile(r"((\d{1,3})_([01])_([0-4])_\d+\.jpg)(?:\.chip\.jpg)?")
_GENDERS = ("male", "female")
_RACES = ("white", "black", "asian", "indian", "other")
_OLDEST = 120


def _read(root: Path, _: str) -> Iterator[Item]:
    # Only one of them: the parts hold the same people, uncropped.
    folders = [folder for folder in (root, root / "UTKFace") if any(folder.glob("*.jpg"))]
    if not folders:
        raise LayoutError("UTKFace", root, "there is no .jpg in it and none in UTKFace in it")
    seen: set[str] = set()
    for path in sorted(folders[0].iterdir()):
        if path.is_dir() or path.name.startswith("."):
            continue
        name = _NAME.fullmatch(path.name)
        if name is None:
            yield Malformed(path, None, "its name is not <age>_<gender>_<race>_<time>.jpg[.chip.jpg]")
        elif int(name[2]) > _OLDEST:
            yield Malformed(path, None, f"its name says {name[2]} years")
        elif name[1] in seen:
            yield twice(path, None, name[1])  # a picture and its chip
        else:
            seen.add(name[1])
            groups = {
                "gender": _GENDERS[int(name[3])],
                "race": _RACES[int(name[4])],
                "age": age_group(int(name[2])),
            }
            # Who is in the picture is not annotated; a picture and its chip are of one split in every copy.
            split = hashed_split(name[1])
            yield Sample(path.name, path, "image", float(name[2]), split, name[1], groups=groups)


UTKFACE = Dataset(
    name="utkface",
    title="UTKFace",
    task="age",
    labels=(),
    splits=("test", "train"),
    split_rule=f"{HASHED_SPLIT}; clusters are pictures, since who is in them is not annotated",
    variants=("chips",),
    reader=_read,
)
