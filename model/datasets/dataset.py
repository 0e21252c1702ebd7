"""The interface of a dataset, and what all readers need: places, lines, tables, splits."""

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model.datasets.sample import Item, Malformed

Task = Literal["expression", "action_units", "attributes", "age", "deepfake"]

_HELD_OUT = 0.2


class LayoutError(ValueError):
    """A directory is not laid out as its dataset is distributed.

    Attributes:
        dataset: its title.
        root: the directory.
        lacking: what was looked for.
    """

    def __init__(self, dataset: str, root: Path, lacking: str) -> None:
        super().__init__(dataset, root, lacking)
        self.dataset = dataset
        self.root = root
        self.lacking = lacking

    def __str__(self) -> str:
        return (
            f"{self.root} is not laid out as {self.dataset} is distributed: {self.lacking}; "
            "give its root directory, see docs/evaluation.md"
        )


HASHED_SPLIT = (
    "no standard split; ours: test is the fifth of the clusters whose names have the lowest SHA-256, train "
    "the rest, so no cluster is in both"
)
FOLDS_IN_TURN = (
    "three folds by subject, the subjects in order of their names in turn: the published folds are not "
    "distributed with it"
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """How a dataset is read and what is asked of it.

    Attributes:
        name: on the command line.
        title: in reports.
        task: the built-in question that it answers.
        labels: those of the question's labels that it annotates, in its order; none for a number.
        splits: those that it has, the one to report first.
        split_rule: where the splits come from.
        variants: readings of it between which one has to choose, the default first; recorded in every report.
        reader: root directory and variant in, samples and malformed lines of all splits out.
        folds: number of cross-validation folds; 0 where it has none.
        asks: questions that are asked together, so that several datasets share their scan; none: its own.
    """

    name: str
    title: str
    task: Task
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    split_rule: str
    variants: tuple[str, ...]
    reader: Callable[[Path, str], Iterator[Item]]
    folds: int = 0
    asks: tuple[Task, ...] = ()

    @property
    def is_hashed(self) -> bool:
        """Whether its splits are ours, by `hashed_split`, since it has none of its own."""
        return self.split_rule.startswith(HASHED_SPLIT)

    def read(self, root: Path, variant: str | None = None) -> Iterator[Item]:
        """Yield every sample of every split, and everything that is malformed.

        Args:
            root: directory of the dataset, as distributed.
            variant: one of `variants`; None is the first.

        Raises:
            LayoutError: something that every copy of the dataset has is not there.
            ValueError: there is no such variant.
        """
        chosen = variant or self.variants[0]
        if chosen not in self.variants:
            known = ", ".join(self.variants)
            raise ValueError(f"{self.title} has no variant {chosen!r}; choose one of {known}")
        if not root.is_dir():
            raise LayoutError(self.title, root, "there is no such directory")
        return self.reader(root, chosen)


def find(dataset: str, root: Path, *candidates: str) -> Path:
    """Return the first of some places below a root that is there.

    Raises:
        LayoutError: none is.
    """
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    raise LayoutError(dataset, root, f"there is no {' and no '.join(candidates)} in it")


def find_variant(dataset: str, root: Path, places: Mapping[str, Sequence[str]], variant: str) -> Path:
    """Return where the media of a variant are: the first of its places below a root that is there.

    Raises:
        LayoutError: none is; it names the variants that are.
    """
    try:
        return find(dataset, root, *places[variant])
    except LayoutError as error:
        others = [one for one, where in places.items() if any((root / place).exists() for place in where)]
        instead = f" (choose what is: variant {', '.join(others)})" if others else ""
        raise LayoutError(dataset, root, f"{error.lacking}{instead}") from None


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of every line that is not blank; a byte order mark is left out."""
    with path.open(encoding="utf-8-sig", errors="backslashreplace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.strip()


def table_rows(path: Path) -> Iterator[tuple[int, list[str]] | Malformed]:
    """Yield line and cells of every row of a table with commas that is not blank, the header first.

    Each line is a row: a quote that nobody closes costs one line, not all that follow.
    """
    for line, text in text_lines(path):
        try:
            (cells,) = csv.reader([text], strict=True)
        except csv.Error as error:
            yield Malformed(path, line, f"it cannot be divided into cells: {error}")
        else:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield line, cells


def columns(dataset: str, path: Path, *names: str) -> Iterator[tuple[int, list[str]] | Malformed]:
    """Yield line and cells of some columns of a table; a cell that a short line lacks is empty.

    Raises:
        LayoutError: the first line does not name these columns.
    """
    rows = table_rows(path)
    first = next(rows, None)
    header = first[1] if isinstance(first, tuple) else []
    if not set(names) <= set(header):
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        raise LayoutError(dataset, path, f"its first line does not name the columns {listed}")
    places = [header.index(name) for name in names]
    for row in rows:
        if isinstance(row, Malformed):
            yield row
        else:
            line, cells = row
            yield line, [cells[place] if place < len(cells) else "" for place in places]


def whole_number(text: str) -> int | None:
    """Return the number that a text is, digits only, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def hashed_split(cluster: str) -> str:
    """Return `test` for a fifth of all clusters, `train` for the others.

    By the SHA-256 of the cluster's name, so that it depends on nothing else: not on the other clusters, their
    order, or a seed.
    """
    digest = hashlib.sha256(cluster.encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < _HELD_OUT * 2**64 else "train"


def fold_of(subject: str, subjects: Sequence[str], folds: int) -> int:
    """Return the fold, from 1, of a subject: in order of their names, in turn."""
    return sorted(subjects).index(subject) % folds + 1


def twice(path: Path, line: int | None, name: str) -> Malformed:
    """Return the record of a sample that is listed a second time."""
    return Malformed(path, line, f"{name} is listed a second time; the first counts")
