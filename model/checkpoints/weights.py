"""Weight files: which there are, what they hold under which names, and their hash.

Official names differ from FaceLlava's own only in prefixes, see `official_name`. Some official tensors never
act and are neither needed nor loaded: saved rotary frequencies, the branch's second LayerNorm, and what lies
behind the towers' selected hidden state.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # nothing is unpickled here but by torch.load(weights_only=True)
from typing import cast
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.network.config import CheckpointError, IncompleteError, Kind

_SINGLE = ("model.safetensors", "pytorch_model.bin")
"""Names of unsharded weights, the preferred format first; shards are listed in NAME.index.json."""

_LOAD_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError)
"""What torch.load raises on a broken file."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a weight file says about one of its tensors."""

    path: Path
    name: str
    """In the file."""
    dtype: torch.dtype
    shape: tuple[int, ...]


def official_name(name: str) -> str:
    """Return the official checkpoints' name of one of FaceLlava's parameters.

    The LLM is a whole LlamaForCausalLM here, so its names lose `llm.`; all others gain `model.`, and those of
    the towers are doubled.

    Example:
        >>> official_name("llm.lm_head.weight"), official_name("llm.model.norm.weight")
        ('lm_head.weight', 'model.norm.weight')
        >>> official_name("mm_projector.0.bias"), official_name("image_tower.pre_layrnorm.bias")
        ('model.mm_projector.0.bias', 'model.image_tower.image_tower.pre_layrnorm.bias')
    """
    if name.startswith("llm."):
        return name.removeprefix("llm.")
    return "model." + re.sub(r"^((?:image|video)_tower)\.", r"\1.\1.", name)


def tower_prefix(kind: Kind) -> str:
    """Return what the official names of a tower's tensors begin with."""
    return f"model.{kind}_tower.{kind}_tower."


def find_weights(directory: Path) -> tuple[Path, ...]:
    """Return a directory's weight files in the order of their names, safetensors before .bin.

    Raises:
        IncompleteError: there are none, or the index names files that are missing.
        CheckpointError: the index cannot be read.
    """
    for single in _SINGLE:
        index = directory / f"{single}.index.json"
        if index.exists():
            return _read_index(index)
        if (directory / single).exists():
            return (directory / single,)
    raise IncompleteError(
        str(directory), (f"has no weights: none of {', '.join(_SINGLE)} or their .index.json",)
    )


def promised_names(directory: Path) -> tuple[str, ...]:
    """Return the names that a directory's index says its shards hold; none without an index.

    Raises:
        CheckpointError: the index cannot be read.
    """
    for single in _SINGLE:
        index = directory / f"{single}.index.json"
        if index.exists():
            return tuple(_read_weight_map(index))
        if (directory / single).exists():
            break
    return ()


def read_headers(path: Path) -> tuple[Header, ...]:
    """Return what a weight file holds, without reading the tensors."""
    if path.suffix == ".safetensors":
        return tuple(_read_safetensors_headers(path))
    tensors = _load_bin(path, torch.device("meta"))
    return tuple(Header(path, name, tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items())


def read_tensors(path: Path, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Yield the named tensors of a weight file, each mapped from disk when it is its turn."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType] # untyped
            for name in names:
                yield name, cast("Tensor", file.get_tensor(name))
    else:
        tensors = _load_bin(path, torch.device("cpu"))
        yield from ((name, tensors[name]) for name in names)


def is_finite(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Tell whether all values of a tensor are finite, and stay so in another dtype.

    Floats of one byte, whose extremes torch does not find, count as finite: their type is refused.
    """
    if not tensor.is_floating_point() or tensor.dtype.itemsize == 1 or not tensor.numel():
        return True
    # The extremes of a tensor with a NaN are NaN. Unlike torch.isfinite this takes no memory, and it is 25
    # times as fast: 16 GB/s on one core, where hashing the files has 1.7.
    extremes = torch.stack(torch.aminmax(tensor)).to(dtype)
    return bool(torch.isfinite(extremes).all())


def hash_weights(paths: Sequence[Path]) -> str:
    """Return the SHA-256, 64 hex digits, of the files' bytes one after the other.

    For a single file it is what `sha256sum` prints, for several what `cat FILES | sha256sum` prints.
    """
    digest = hashlib.sha256()
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(buffer):
                digest.update(view[:size])
    return digest.hexdigest()


def _read_index(index: Path) -> tuple[Path, ...]:
    files = tuple(index.parent / name for name in sorted(set(_read_weight_map(index).values())))
    missing = [file.name for file in files if not file.exists()]
    if missing:
        raise IncompleteError(str(index.parent), (f"{index.name} names missing files: {', '.join(missing)}",))
    return files


def _read_weight_map(index: Path) -> dict[str, str]:
    """Return the names of tensors and of the files beside the index that hold them."""
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        is_beside = bool(weight_map) and all(name and name == Path(name).name for name in weight_map.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{index.name} is no index of weight files ({type(error).__name__}: {error})"
        raise CheckpointError(str(index.parent), (problem,)) from error
    if not is_beside:
        problem = f"{index.name} is no index of weight files: it names none beside it"
        raise CheckpointError(str(index.parent), (problem,))
    return cast("dict[str, str]", weight_map)


def _read_safetensors_headers(path: Path) -> Iterator[Header]:
    try:
        with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType] # untyped
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                # get_tensor maps the file and reads nothing yet; the slice knows no torch dtype.
                yield Header(path, name, file.get_tensor(name).dtype, tuple(part.get_shape()))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(str(path.parent), (f"{path.name} cannot be read: {error}",)) from error


def _load_bin(path: Path, device: torch.device) -> dict[str, Tensor]:
    try:
        # Only torch's newer format, a zip file, can be mapped.
        tensors = torch.load(path, map_location=device, weights_only=True, mmap=is_zipfile(path))
    except UnpicklingError as error:
        # Torch's own message advises to run what is in the file.
        held = re.search(r"GLOBAL (\S+)", str(error))
        what = f", {held[1]}," if held else ""
        problem = (
            f"{path.name} is no file of tensors alone: it was not loaded, for code in it{what} would run"
        )
        raise CheckpointError(str(path.parent), (problem,)) from error
    except _LOAD_ERRORS as error:
        raise CheckpointError(str(path.parent), (f"{path.name} cannot be read: {error}",)) from error
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointError(str(path.parent), (f"{path.name} is no plain dictionary of tensors",))
    sparse = [name for name, value in tensors.items() if value.layout != torch.strided]
    if sparse:
        raise CheckpointError(str(path.parent), (f"{path.name} holds sparse tensors: {', '.join(sparse)}",))
    return cast("dict[str, Tensor]", tensors)
