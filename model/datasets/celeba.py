"""CelebA (Liu et al. 2015): photographs of celebrities with forty attributes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from model.datasets.dataset import Dataset, LayoutError, find, find_variant, text_lines, twice
from model.datasets.sample import Item, Malformed, Sample
from model.prompting.labels import ATTRIBUTES

LABELS = tuple(label.name for label in ATTRIBUTES)
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_PLACES = {
    "aligned": ("Img/img_align_celeba", "img_align_celeba"),
    "in-the-wild": ("Img/img_celeba", "img_celeba"),
}


def _read(root: Path, variant: str) -> Iterator[Item]:
    table = find("CelebA", root, "Anno/list_attr_celeba.txt", "list_attr_celeba.txt")
    partition = find("CelebA", root, "Eval/list_eval_partition.txt", "list_eval_partition.txt")
    pictures = find_variant("CelebA", root, _PLACES, variant)
    splits: dict[str, str | None] = {}
    for item in _read_partition(partition):
        if isinstance(item, Malformed):
            yield item
        else:
            splits[item[0]] = item[1]
    identities = table.with_name("identity_CelebA.txt")
    people = dict(_read_people(identities)) if identities.exists() else {}
    left = dict(splits)
    for item in _read_attributes(table):
        if isinstance(item, Malformed):
            yield item
            continue
        line, name, truth = item
        if name not in splits:
            yield Malformed(table, line, f"{name} has no partition in {partition.name}")
        elif name not in left:
            yield twice(table, line, name)
        else:
            split = left.pop(name)
            person = people.get(name)
            cluster = name if person is None else f"person {person}"
            if truth is None:
                yield Malformed(table, line, f"{name} has not {len(LABELS)} values of 1 or -1")
            elif split is not None:
                yield Sample(name, pictures / name, "image", truth, split, cluster)
    for name in (name for name, split in left.items() if split is not None):
        yield Malformed(partition, None, f"{name} has no attributes in {table.name}")


def _read_partition(path: Path) -> Iterator[tuple[str, str | None] | Malformed]:
    """Yield every picture's name and split, None where it has none, which is malformed, too."""
    seen: set[str] = set()
    for line, text in text_lines(path):
        name, _, code = text.partition(" ")
        split = _SPLITS.get(code.strip())
        if name in seen:
            yield twice(path, line, name)
            continue
        seen.add(name)
        yield name, split
        if split is None:
            yield Malformed(path, line, f"{text!r} is not a picture's name and 0, 1 or 2")


def _read_attributes(path: Path) -> Iterator[tuple[int, str, Mapping[str, bool | None] | None] | Malformed]:
    """Yield line, picture and attributes, None where they are not forty; and whether the count is right."""
    lines = text_lines(path)
    _, stated = next(lines, (1, ""))
    _, header = next(lines, (2, ""))
    names = [name.lower() for name in header.split()]
    if sorted(names) != sorted(LABELS):
        raise LayoutError("CelebA", path, "its second line does not name the forty attributes")
    count = 0
    for line, text in lines:
        count += 1
        name, *values = text.split()
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            yield line, name, None
        else:
            truth = {label: value == "1" for label, value in zip(names, values, strict=True)}
            yield line, name, {label: truth[label] for label in LABELS}
    if str(count) != stated:
        yield Malformed(path, 1, f"it says that there are {stated} pictures, and there are {count}")


def _read_people(path: Path) -> Iterator[tuple[str, str]]:
    for _, text in text_lines(path):
        name, _, person = text.partition(" ")
        yield name, person.strip()


CELEBA = Dataset(
    name="celeba",
    title="CelebA",
    task="attributes",
    labels=LABELS,
    splits=("test", "val", "train"),
    split_rule="its own, list_eval_partition.txt; test is partition 2",
    variants=("aligned", "in-the-wild"),
    reader=_read,
)
