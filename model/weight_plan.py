"""Which tensor of which file becomes which parameter, and what does not fit: decided from headers alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from model.config import FaceLlavaConfig, Kind
from model.face_llava import FaceLlava
from model.weights import Header, find_weights, is_dormant, official_name, read_headers, tower_prefix

_HUB_TOWER_PREFIX = "vision_model."
"""What the vision tower's names begin with in the LanguageBind repositories; the rest there is for text."""


@dataclass(frozen=True, slots=True)
class WeightPlan:
    """The fit between weight files and a configuration.

    Attributes:
        files: every weight file, the checkpoint's first, then those of towers from elsewhere.
        sources: header of the tensor for each of FaceLlava's parameters, by parameter name.
        dormant: headers of tensors that never act, by official name.
        missing: official names that no file holds.
        unexpected: official names that the configuration has no place for.
        misshaped: sentences on tensors whose shape is not the configuration's.
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


def plan_weights(model: FaceLlava, directory: Path, find_tower: Callable[[str], Path]) -> WeightPlan:
    """Compare a directory's weights with a model.

    Args:
        model: may be empty.
        directory: the checkpoint.
        find_tower: takes a tower's id to the directory of its weights; asked only for towers of which the
            checkpoint has no tensor at all.

    Raises:
        CheckpointError: a weight file is missing or unreadable.
    """
    config = model.config
    files = find_weights(directory)
    found = [(header.name, header) for path in files for header in read_headers(path)]
    tower_ids: dict[Kind, str] = {}
    ids = {
        "image": config.image_tower and config.image_tower_id,
        "video": config.video_tower and config.video_tower_id,
    }
    for kind in get_args(Kind):
        tower_id, prefix = ids[kind], tower_prefix(kind)
        if tower_id is None or any(name.startswith(prefix) for name, _ in found):
            continue
        tower_ids[kind] = tower_id
        tower_files = find_weights(find_tower(tower_id))
        files += tower_files
        found += [
            (prefix + header.name.removeprefix(_HUB_TOWER_PREFIX), header)
            for path in tower_files
            for header in read_headers(path)
            if header.name.startswith(_HUB_TOWER_PREFIX)
        ]
    return _fit(model, files, found, tower_ids)


def _fit(
    model: FaceLlava,
    files: tuple[Path, ...],
    found: Iterable[tuple[str, Header]],
    tower_ids: Mapping[Kind, str],
) -> WeightPlan:
    wanted = {official_name(name): (name, tuple(value.shape)) for name, value in model.state_dict().items()}
    sources: dict[str, Header] = {}
    dormant: dict[str, Header] = {}
    unexpected: list[str] = []
    misshaped: list[str] = []
    for official, header in found:
        if official in wanted:
            name, shape = wanted.pop(official)
            if header.shape == shape:
                sources[name] = header
            else:
                misshaped.append(f"{official} is {list(header.shape)} and should be {list(shape)}")
        elif is_dormant(official, model.config):
            dormant[official] = header
        else:
            unexpected.append(official)  # also a name that comes twice
    return WeightPlan(
        files, sources, dormant, tuple(sorted(wanted)), tuple(sorted(unexpected)), tuple(misshaped), tower_ids
    )
