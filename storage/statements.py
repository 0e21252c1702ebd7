"""The SQL of sql/: one select per file, its name that of a view.

The comment on top states the grain, the key, and what the columns are that no table has:

    -- A listed object.
    -- Key: uri
    -- status: done, no_face, failed, duplicate, skipped or pending.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "sql"
_NAMED = re.compile(r"(Key|[a-z0-9_]+): ")


@dataclass(frozen=True, slots=True)
class Statement:
    """A file of sql/: a select, what a row of it is, the columns that tell rows apart (a check has none).

    Attributes:
        docs: what explains a column that is made here, by its name.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    docs: Mapping[str, str]
    select: str

    @property
    def sources(self) -> tuple[str, ...]:
        """What it takes rows from, in order: views, `raw.` tables, and its own steps."""
        # What is so called in a comment is the name of no view.
        return tuple(dict.fromkeys(re.findall(r"\b(?:from|join)\s+((?:raw\.)?[a-z_]+)\b(?!\.)", self.select)))


@cache
def view_statements() -> tuple[Statement, ...]:
    """Return the views of sql/staging and sql/marts, each after those that it selects from."""
    statements = {one.name: one for one in (*_read("staging"), *_read("marts"))}
    needs = {one.name: set(one.sources) & statements.keys() for one in statements.values()}
    return tuple(statements[name] for name in TopologicalSorter(needs).static_order())


@cache
def check_statements() -> tuple[Statement, ...]:
    """Return the checks: selects over the views that give no rows while all is well."""
    return tuple(_read("checks"))


@cache
def plan_statement(name: str) -> str:
    """Return a select of sql/plan, over the views and the tables of `storage.inventory`."""
    return _parse(name, (FOLDER / "plan" / f"{name}.sql").read_text()).select


def _read(folder: str) -> Sequence[Statement]:
    return [_parse(path.stem, path.read_text()) for path in sorted((FOLDER / folder).glob("*.sql"))]


def _parse(name: str, text: str) -> Statement:
    lines = text.splitlines()
    header = [line.removeprefix("-- ") for line in lines[: _header_lines(lines)]]
    named = dict(line.split(": ", 1) for line in header if _NAMED.match(line))
    grain = " ".join(line for line in header if not _NAMED.match(line))
    key = named.pop("Key", None)
    select = "\n".join(lines[len(header) :])
    return Statement(name, grain, tuple(key.split(", ")) if key else (), named, select)


def _header_lines(lines: Sequence[str]) -> int:
    return next(index for index, line in enumerate(lines) if not line.startswith("-- "))
