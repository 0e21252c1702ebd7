"""The files that make a checkpoint a parity directory, see `model.checkpoints.parity`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.network.config import CheckpointError, Kind


@dataclass(frozen=True, slots=True, eq=False)
class ParityFiles:
    """What a parity directory holds besides its checkpoint.

    Attributes:
        inputs: of inputs.safetensors: pixels, landmarks, token ids.
        expected: of expected.safetensors: what the official code made of them.
        mixed_visuals: kind and row of the mixed batch's pictures, in reading order; None when meta.json names
            none.
        left_out: names that may be absent from `expected`.
        announced: shapes by name, for directories whose meta.json lists what is expected; else empty.
    """

    inputs: Mapping[str, Tensor]
    expected: Mapping[str, Tensor]
    mixed_visuals: tuple[tuple[Kind, int], ...] | None
    left_out: frozenset[str]
    announced: Mapping[str, tuple[int, ...]]

    def unkept(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each announced tensor that is not there as announced, and what is wrong."""
        for name, shape in self.announced.items():
            if name not in self.expected:
                if name not in self.left_out:
                    yield name, "is not in expected.safetensors"
            elif tuple(self.expected[name].shape) != shape:
                held = list(self.expected[name].shape)
                yield name, f"is {held} in expected.safetensors, {list(shape)} in meta.json"


def read_parity_files(directory: Path) -> ParityFiles:
    """Read the three files.

    Raises:
        CheckpointError: one is missing or is not what it should be.
    """
    try:
        meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
        if not isinstance(meta, dict):
            raise TypeError(f"it is {type(meta).__name__}, not an object")  # noqa: TRY301 (one message for all)
        mixed_visuals, left_out, announced = _parse_meta(cast("Mapping[str, Any]", meta))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(str(directory), (f"meta.json cannot be read: {error}",)) from error
    inputs, expected = (_read_tensors(directory, name) for name in ("inputs", "expected"))
    return ParityFiles(inputs, expected, mixed_visuals, left_out, announced)


def _parse_meta(
    meta: Mapping[str, Any],
) -> tuple[tuple[tuple[Kind, int], ...] | None, frozenset[str], dict[str, tuple[int, ...]]]:
    visuals = meta.get("notes", {}).get("mixed_visuals_in_order")
    left_out = meta.get("left_out", [])
    if not isinstance(left_out, list) or not all(
        isinstance(name, str) for name in cast("list[Any]", left_out)
    ):
        raise TypeError(f"left_out {left_out!r} is no list of names")
    announced = {
        name: tuple(int(side) for side in shape) for name, (_, shape) in meta.get("expected", {}).items()
    }
    return (
        None if visuals is None else tuple(_parse_visual(visual) for visual in visuals),
        frozenset(cast("list[str]", left_out)),
        announced,
    )


def _parse_visual(text: str) -> tuple[Kind, int]:
    """Split `video[0]` into kind and row."""
    match = re.fullmatch(r"(video|image)\[(\d+)\]", text)
    if match is None:
        raise ValueError(f"mixed visual {text!r} is not like 'video[0]'")
    return cast("Kind", match[1]), int(match[2])


def _read_tensors(directory: Path, name: str) -> dict[str, Tensor]:
    path = directory / f"{name}.safetensors"
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(str(directory), (f"{path.name} cannot be read: {error}",)) from error
