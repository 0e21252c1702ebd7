"""The recipe as a text for people: every setting under a comment that says what it is."""

import textwrap
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import tomli_w

from storage.records.field_docs import field_docs

WIDTH = 100


def recipe_text(recipe: Any) -> str:
    """Return a config and the configs in it as TOML, with the docstrings of their fields as comments.

    A setting that has no value, for which TOML has no word, is a comment alone, and so is a list of tables
    that is empty: TOML would not let a reader add one to it. The text reads back equal.
    """
    return "\n".join(_lines(recipe, ())).strip() + "\n"


def _lines(config: Any, path: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    tables: list[str] = []
    if path:
        lines += ["", f"[{'.'.join(path)}]"]
    for part in fields(config):
        value = getattr(config, part.name)
        if is_dataclass(value):
            tables += _lines(value, (*path, part.name))
        else:
            is_set = value is not None and not (value == () and _holds_tables(config, part.name))
            lines += _comment(config, part, is_set=is_set)
            lines += [tomli_w.dumps({part.name: _plain(value)}).rstrip()] if is_set else []
    return lines + tables


def _holds_tables(config: Any, name: str) -> bool:
    return any(is_dataclass(kind) for kind in get_args(get_type_hints(type(config))[name]))


def _comment(config: Any, part: Field[Any], *, is_set: bool) -> list[str]:
    doc = " ".join(field_docs(type(config)).get(part.name, "").replace("`", "").split())
    if not part.metadata.get("changes_results", True):
        doc = f"{doc} Does not change results."
    if not is_set:
        doc = f"{part.name}, which is not set: {doc}"
    return textwrap.wrap(doc, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _plain(value: Any) -> Any:
    """Return a value of a setting as what TOML can write: tables without the keys that hold None."""
    if is_dataclass(value):
        items = {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
        return {key: item for key, item in items.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
