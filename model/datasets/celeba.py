"""CelebA (Liu et al. 2015): photographs of celebrities with forty attributes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from model.datasets.dataset import Dataset, LayoutError, find, text_lines, twice
from model.datasets.sample import Item, Malformed, Sample
from model.labels import ATTRIBUTES

LABELS = tuple(label.name for label in ATTRIBUTES)
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_PLACES = {
    "aligned": ("Img/img_align_celeba", "img_align_celeba"),
    "in-the-wild": ("Img/img_celeba", "img_celeba"),
}


def _read(root: Path, variant: str) -> Iterator[Item]:
    table = find("CelebA", root, "Anno/list_attr_celeba.txt", "list_attr_celeba.txt")
    partition = find("CelebA", root, "Eval/list_eval_partition.txt", "list_eval_partition.txt")
    pictures = find("CelebA", root, *_PLACES[variant])
    splits: dict[str, str] = {}
    for line, text in text_lines(partition):
        name, _, code = text.partition(" ")
        if code.strip() not in _SPLITS:
            yield Malformed(partition, line, f"{text!r} is not a picture's name and 0, 1 or 2")
        elif name in splits:
            yield twice(partition, line, name)
        else:
            splits[name] = _SPLITS[code.strip()]
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
        elif left.pop(name, None) is None:
            yield twice(table, line, name)
        else:
            person = people.get(name)
            cluster = name if person is None else f"person {person}"
            yield Sample(name, pictures / name, "image", truth, splits[name], cluster)
    for name in left:
        yield Malformed(partition, None, f"{name} has no usable attributes in {table.name}")


def _read_attributes(path: Path) -> Iterator[tuple[int, str, Mapping[str, bool | None]] | Malformed]:
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
            yield Malformed(path, line, f"{name} has not {len(names)} values of 1 or -1")
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
