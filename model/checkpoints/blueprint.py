"""A checkpoint's files laid against the network that they are for, before a single weight is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model.checkpoints.hub import Progress, fetch, fetch_tower
from model.checkpoints.layout import find_configs, read_config
from model.checkpoints.weight_plan import WeightPlan, build_empty, plan_weights
from model.checkpoints.weights import find_weights
from model.network.config import FaceLlavaConfig, IncompleteError
from model.network.face_llava import FaceLlava

TOKENIZER_FILE = "tokenizer.model"


@dataclass(frozen=True, slots=True, eq=False)
class Blueprint:
    """What loading a checkpoint will do.

    Attributes:
        directory: where it is.
        config: of the network.
        config_files: what fixes its sizes, by name, see `model.checkpoints.layout.find_configs`: a tower from
            elsewhere brings its own.
        model: the network, empty: its parameters are on torch's meta device.
        plan: which tensor of which file becomes which parameter, and what does not fit.
    """

    directory: Path
    config: FaceLlavaConfig
    config_files: Mapping[str, Path]
    model: FaceLlava
    plan: WeightPlan

    @property
    def tokenizer_path(self) -> Path:
        """Where its tokenizer belongs; it may be missing."""
        return self.directory / TOKENIZER_FILE


def draw_blueprint(
    checkpoint: str | Path,
    changes: Mapping[str, Any] | None = None,
    *,
    may_download: bool = True,
    report: Callable[[Progress], None] | None = None,
) -> Blueprint:
    """Find a checkpoint and the towers that it takes from elsewhere, and compare what they hold.

    Args:
        checkpoint: directory or hub id.
        changes: fields that count instead of those in config.json.
        may_download: False to stay with what is on this machine.
        report: told as bytes arrive.

    Raises:
        IncompleteError: files of it are not here; it names them all.
        CheckpointError: it is not here, or a file cannot be read.
    """
    directory = fetch(checkpoint, may_download=may_download, report=report)
    find_tower = partial(fetch_tower, directory, may_download=may_download, report=report)
    find_config = partial(find_tower, needs_weights=False)
    missing: list[str] = []
    config_files: Mapping[str, Path] = {}
    try:
        config_files = find_configs(directory, find_config)
    except IncompleteError as error:
        missing += error.problems
    try:
        find_weights(directory)
    except IncompleteError as error:
        missing += error.problems
    if missing:
        raise IncompleteError(str(checkpoint), tuple(missing))
    config = read_config(directory, find_config, changes)
    model = build_empty(config)
    plan = plan_weights(model, directory, partial(find_tower, needs_weights=True))
    return Blueprint(directory, config, config_files, model, plan)
