"""RAF-DB (Li et al. 2017): photographs of faces with one of seven basic expressions."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from model.datasets.dataset import Dataset, find, find_variant, text_lines, twice, whole_number
from model.datasets.sample import Item, Malformed, Sample

LABELS = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
_LINE = re.compile(r"((train|test)_\d+)\.jpg\s+(\S+)")
_PLACES = {"aligned": ("Image/aligned",), "original": ("Image/original",)}
_ANNOTATED = {
    "gender": ("male", "female", "unsure"),
    "race": ("caucasian", "african-american", "asian"),
    "age": ("0-3", "4-19", "20-39", "40-69", "70+"),
}
"""What stands in the last three lines of an attribute file, in that order, as numbers from 0."""


def _read(root: Path, variant: str) -> Iterator[Item]:
    table = find("RAF-DB", root, "basic/EmoLabel/list_patition_label.txt", "EmoLabel/list_patition_label.txt")
    basic = table.parents[1]
    pictures = find_variant("RAF-DB", basic, _PLACES, variant)
    annotated = basic / "Annotation" / "manual"
    seen: set[str] = set()
    for line, text in text_lines(table):
        parts = _LINE.fullmatch(text)
        code = whole_number(parts[3]) if parts else None
        if parts is None or code not in LABELS:
            yield Malformed(table, line, f"{text!r} is not <train|test>_<number>.jpg and a label 1..7")
            continue
        stem, split = parts[1], parts[2]
        if stem in seen:
            yield twice(table, line, stem)
            continue
        seen.add(stem)
        groups = _read_groups(annotated / f"{stem}_manu_attri.txt")
        if isinstance(groups, Malformed):
            yield groups
            groups = {}
        name = f"{stem}_aligned.jpg" if variant == "aligned" else f"{stem}.jpg"
        yield Sample(
            sample_id=stem,
            media=pictures / name,
            kind="image",
            truth=LABELS[code],
            split=split,
            cluster=stem,  # who is in the picture is not annotated
            groups=groups,
        )


def _read_groups(path: Path) -> Mapping[str, str] | Malformed:
    """Return gender, race and age; five lines of landmarks come before them."""
    if not path.exists():
        return {}
    lines = list(text_lines(path))[-len(_ANNOTATED) :]
    groups: dict[str, str] = {}
    for (name, values), (line, text) in zip(_ANNOTATED.items(), lines, strict=False):
        code = whole_number(text)
        if code is None or code >= len(values):
            return Malformed(path, line, f"{name} is {text!r}, not a number below {len(values)}")
        groups[name] = values[code]
    if len(groups) < len(_ANNOTATED):
        return Malformed(path, None, "it does not end in gender, race and age, a line each")
    return groups


RAF_DB = Dataset(
    name="raf-db",
    title="RAF-DB",
    task="expression",
    labels=tuple(LABELS.values()),
    splits=("test", "train"),
    split_rule="its own, by the beginning of the names",
    variants=("aligned", "original"),
    reader=_read,
)
