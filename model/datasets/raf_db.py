"""RAF-DB (Li et al. 2017): photographs of faces with one of seven basic expressions."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from model.datasets.dataset import Dataset, find, text_lines, twice, whole_number
from model.datasets.sample import Item, Malformed, Sample

LABELS = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
_ANNOTATED = {
    "gender": ("male", "female", "unsure"),
    "race": ("caucasian", "african-american", "asian"),
    "age": ("0-3", "4-19", "20-39", "40-69", "70+"),
}
"""What stands in the last three lines of an attribute file, in that order, as numbers from 0."""


def _read(root: Path, variant: str) -> Iterator[Item]:
    table = find("RAF-DB", root, "basic/EmoLabel/list_patition_label.txt", "EmoLabel/list_patition_label.txt")
    basic = table.parents[1]
    pictures = find("RAF-DB", basic, f"Image/{variant}")
    annotated = basic / "Annotation" / "manual"
    seen: set[str] = set()
    for line, text in text_lines(table):
        parts = text.split()
        stem = parts[0].removesuffix(".jpg")
        split = stem.partition("_")[0]
        code = whole_number(parts[1]) if len(parts) == 2 else None
        if code not in LABELS or split not in {"train", "test"} or not parts[0].endswith(".jpg"):
            yield Malformed(table, line, f"{text!r} is not <train|test>_<number>.jpg and a label 1..7")
            continue
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
