"""The SQL of sql/: one select per file, its grain and key in the comment on top, its name that of a view."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "sql"


@dataclass(frozen=True, slots=True)
class Statement:
    """A file of sql/: a select, what a row of it is, the columns that tell rows apart (a check has none)."""

    name: str
    grain: str
    key: tuple[str, ...]
    select: str


@cache
def view_statements() -> tuple[Statement, ...]:
    """Return the views of sql/staging and sql/marts, each after those that it selects from."""
    statements = {one.name: one for one in (*_read("staging"), *_read("marts"))}
    needs = {one.name: _sources(one) & statements.keys() for one in statements.values()}
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
    keys = [line.removeprefix("Key: ") for line in header if line.startswith("Key: ")]
    grain = " ".join(line for line in header if not line.startswith("Key: "))
    return Statement(name, grain, tuple(keys[0].split(", ")) if keys else (), "\n".join(lines[len(header) :]))


def _header_lines(lines: Sequence[str]) -> int:
    return next(index for index, line in enumerate(lines) if not line.startswith("-- "))


def _sources(statement: Statement) -> set[str]:
    """Return what a select takes rows from; in a comment or of another schema, it is the name of no view."""
    return set(re.findall(r"\b(?:from|join)\s+([a-z_]+)\b(?!\.)", statement.select))
