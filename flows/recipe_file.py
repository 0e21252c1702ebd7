"""A file of settings, such as a recipe: TOML in, and what is wrong with it in words that its writer knows."""

import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from flows.usage import UsageError

LARGEST_BYTES = 1 << 20
"""Whatever is longer holds no settings but is a video, or a device that never ends."""
SHOWN_LETTERS = 60
"""Of a value that a setting cannot have."""

T = TypeVar("T")

_WANTED = {
    "int": "give a whole number",
    "float": "give a number",
    "finite": "give a finite number",
    "bool": "give true or false",
    "string": "give text in quotes",
    "tuple": 'give a list, such as ["age"]',
    "dataclass": "give a table of settings",
    "missing": "is missing",
}
"""By the first word of pydantic's error types."""


class RecipeError(UsageError):
    """A recipe, or another file of settings, that cannot be used; the message says where and why."""


def read_settings(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; a byte order mark is passed over, as is CR before LF.

    Raises:
        RecipeError: the file is missing, cannot be read, or is not TOML in UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise RecipeError(f"{path} is a folder; give a TOML file") from error
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_BYTES:
        raise RecipeError(f"{path} is no file of settings: it is longer than {LARGEST_BYTES >> 20} MiB")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(f"{path} is not UTF-8 at line {line}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error


def read_config(kind: type[T], path: Path) -> T:
    """Return a dataclass with the settings of a TOML file; those that the file leaves out have their default.

    Raises:
        RecipeError: as `read_settings`, or a setting is unknown or cannot have its value.
    """
    try:
        return TypeAdapter(kind).validate_python(read_settings(path))
    except ValidationError as error:
        found = "; ".join(_explain(kind, detail) for detail in error.errors(include_url=False))
        raise RecipeError(f"{path}: {found}") from error


def suggest(name: str, names: list[str]) -> str:
    """Return which of the names may be meant, else all of them, as the end of an error."""
    near = get_close_matches(name, names, n=3) or [
        other for other in names if len(name) > 2 and name in other
    ]
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"


def _explain(kind: type, found: ErrorDetails) -> str:
    where = _dotted(found["loc"])
    error_type, given = found["type"], _short(found["input"])
    wanted = _WANTED.get(error_type.partition("_")[0])
    if error_type == "unexpected_keyword_argument":
        return f"there is no setting {where}; {_suggest_setting(kind, found['loc'])}"
    if error_type == "value_error":
        message = str(found.get("ctx", {}).get("error", found["msg"]))
        names = [step for step in found["loc"] if isinstance(step, str)]
        # Most name the setting themselves.
        return message if not names or names[-1].rstrip("s") in message else f"{where}: {message}"
    if error_type == "missing":
        return f"{where} {wanted}"
    return f"{where} is {given}; {wanted or found['msg'].replace('Input should be', 'give')}"


def _suggest_setting(kind: type, loc: tuple[int | str, ...]) -> str:
    name = str(loc[-1])
    elsewhere = [path for path in _paths(kind) if path.rpartition(".")[2] == name]
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    for step in loc[:-1]:
        if isinstance(step, str):
            kind = _table(get_type_hints(kind)[step]) or kind
    assert is_dataclass(kind)
    return suggest(name, [part.name for part in fields(kind)])


def _paths(kind: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every setting."""
    for name, hint in get_type_hints(kind).items():
        table = _table(hint)
        if table is not None:
            yield from _paths(table, f"{prefix}{name}.")
        elif not name.startswith("_"):
            yield prefix + name


def _table(hint: Any) -> type | None:
    """Return the dataclass that a type is, or is a tuple of; None when it is neither."""
    kinds = (hint, *get_args(hint))
    return next((kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)), None)


def _dotted(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).lstrip(".")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 1] + "…"
