"""Which tensor of which file becomes which parameter, and what does not fit: decided from headers alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from model.checkpoints.dormant_weights import dormant_groups
from model.checkpoints.weights import (
    Header,
    find_weights,
    is_finite,
    official_name,
    promised_names,
    read_headers,
    read_tensors,
    tower_prefix,
)
from model.network.config import CheckpointError, FaceLlavaConfig, IncompleteError, Kind
from model.network.face_llava import FaceLlava

_HUB_TOWER_PREFIX = "vision_model."
"""What the vision tower's names begin with in the LanguageBind repositories; the rest there is for text."""

_PLAIN_FLOATS = frozenset((torch.float64, torch.float32, torch.bfloat16, torch.float16))
"""Others would have lost their scale: a checkpoint that was quantised is not one that was saved."""


@dataclass(frozen=True, slots=True)
class WeightPlan:
    """The fit between weight files and a configuration.

    Attributes:
        files: every weight file, the checkpoint's first, then those of towers from elsewhere.
        sources: header of the tensor for each of FaceLlava's parameters, by parameter name.
        dormant: headers of tensors that never act, by official name.
        missing: official names that no file holds, of parameters, of what the index promises, and of the rest
            of a module that never acts and of which there is a part.
        unexpected: official names that the configuration has no place for.
        misshaped: sentences on tensors whose shape is not the configuration's, or which hold no plain floats.
        tower_ids: towers whose weights are not in the checkpoint, and where they come from.
    """

    files: tuple[Path, ...]
    sources: Mapping[str, Header]
    dormant: Mapping[str, Header]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    tower_ids: Mapping[Kind, str]

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence per kind of misfit, each naming all its tensors; empty when everything fits."""
        found = {"missing": self.missing, "unexpected": self.unexpected, "misshaped": self.misshaped}
        return tuple(f"{len(names)} {kind}: {', '.join(names)}" for kind, names in found.items() if names)


def build_empty(config: FaceLlavaConfig) -> FaceLlava:
    """Return the model without memory for its parameters: they are on torch's meta device."""
    with torch.device("meta"):
        return FaceLlava(config).eval().requires_grad_(requires_grad=False)


def describe_not_finite(names: Iterable[str], dtype: torch.dtype) -> tuple[str, ...]:
    """Return a sentence on tensors that are not finite; none when there are none."""
    named = sorted(names)
    kind = str(dtype).removeprefix("torch.")
    return (f"{len(named)} not finite as {kind}: {', '.join(named)}",) if named else ()


def find_not_finite(plan: WeightPlan, dtype: torch.dtype) -> tuple[str, ...]:
    """Read every planned tensor; return the official names of those with a NaN, an infinity or an overflow.

    Args:
        plan: without problems, or with them.
        dtype: in which the values will be used.

    Raises:
        CheckpointError: a file cannot be read.
    """
    names = {(header.path, header.name): official_name(name) for name, header in plan.sources.items()}
    names |= {(header.path, header.name): name for name, header in plan.dormant.items()}
    return tuple(
        sorted(
            names[path, name]
            for path in plan.files
            for name, tensor in read_tensors(path, [name for of, name in names if of == path])
            if not is_finite(tensor, dtype)
        )
    )


def plan_weights(model: FaceLlava, directory: Path, find_tower: Callable[[str], Path]) -> WeightPlan:
    """Compare a directory's weights with a model.

    Args:
        model: may be empty.
        directory: the checkpoint.
        find_tower: takes a tower's id to the directory of its weights; asked only for towers of which the
            checkpoint has no tensor at all.

    Raises:
        IncompleteError: a tower's weights are nowhere.
        CheckpointError: a weight file is missing or unreadable.
    """
    config = model.config
    files = find_weights(directory)
    found = [(header.name, header) for path in files for header in read_headers(path)]
    absent = set(promised_names(directory)) - {name for name, _ in found}
    tower_ids: dict[Kind, str] = {}
    missing: list[str] = []
    ids = {
        "image": config.image_tower and config.image_tower_id,
        "video": config.video_tower and config.video_tower_id,
    }
    for kind in get_args(Kind):
        tower_id, prefix = ids[kind], tower_prefix(kind)
        if tower_id is None or any(name.startswith(prefix) for name, _ in found):
            continue
        tower_ids[kind] = tower_id
        try:
            tower_files = find_weights(find_tower(tower_id))
        except CheckpointError as error:
            missing.append(f"the {kind} tower has no weights: {tower_id} {'; '.join(error.problems)}")
            continue
        files += tower_files
        found += [
            (prefix + header.name.removeprefix(_HUB_TOWER_PREFIX), header)
            for path in tower_files
            for header in read_headers(path)
            if header.name.startswith(_HUB_TOWER_PREFIX)
        ]
    if missing:
        raise IncompleteError(str(directory), tuple(missing))
    return _fit(model, files, found, tower_ids, absent)


def _fit(
    model: FaceLlava,
    files: tuple[Path, ...],
    found: Iterable[tuple[str, Header]],
    tower_ids: Mapping[Kind, str],
    absent: set[str],
) -> WeightPlan:
    wanted = {official_name(name): (name, tuple(value.shape)) for name, value in model.state_dict().items()}
    groups = dormant_groups(model.config)
    idle = {official: shape for group in groups for official, shape in group.items()}
    sources: dict[str, Header] = {}
    dormant: dict[str, Header] = {}
    unexpected: list[str] = []
    misshaped: list[str] = []
    for official, header in found:
        if official in wanted:
            name, shape = wanted.pop(official)
            misfit = _misfit(official, header, shape)
            if not misfit:
                sources[name] = header
        elif official in idle and official not in dormant:
            misfit = _misfit(official, header, idle[official])
            dormant[official] = header
        else:
            unexpected.append(official)  # also a name that comes twice
            continue
        misshaped += misfit
    for group in groups:
        if not dormant.keys().isdisjoint(group):
            absent |= group.keys() - dormant.keys()
    missing = tuple(sorted(absent.union(wanted)))
    return WeightPlan(
        files, sources, dormant, missing, tuple(sorted(unexpected)), tuple(misshaped), tower_ids
    )


def _misfit(official: str, header: Header, shape: tuple[int, ...] | None) -> tuple[str, ...]:
    """Return a sentence on a tensor of a wrong type or shape; none when it fits, or any would."""
    if shape is None:
        return ()
    if header.dtype not in _PLAIN_FLOATS:
        held = str(header.dtype).removeprefix("torch.")
        return (f"{official} is {held} and should be float32, bfloat16 or float16",)
    if header.shape != shape:
        return (f"{official} is {list(header.shape)} and should be {list(shape)}",)
    return ()
