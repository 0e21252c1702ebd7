"""What makes a checkpoint the same checkpoint, found without loading it."""

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch

from model.checkpoint import is_demonstration, name_checkpoint, setting_changes
from model.config import BranchKind, CheckpointError, FaceLlavaConfig
from model.hub import fetch, fetch_tower
from model.layout import read_config
from model.weight_plan import build_empty, describe_not_finite, find_not_finite, plan_weights
from model.weights import hash_weights

_SIDE_FILES = (
    *("config.json", "image_tower_config.json", "video_tower_config.json"),
    *("tokenizer.model", "tokenizer_config.json"),
)
"""What changes an answer besides the weights."""


@dataclass(frozen=True, slots=True)
class CheckpointIdentity:
    """The name and content of a checkpoint.

    Attributes:
        model_id: as in `model.checkpoint.Checkpoint`.
        weights_sha256: over the weight files, as in `model.checkpoint.Checkpoint`.
        sha256: over the weight files, the configurations and the tokenizer.
        is_demonstration: True when its labels mean nothing on real people.
        config: of the network, with what was asked for instead of the checkpoint's own settings.
        directory: where it is on this machine.
    """

    model_id: str
    weights_sha256: str
    sha256: str
    is_demonstration: bool
    config: FaceLlavaConfig
    directory: Path


def identify_checkpoint(
    checkpoint: str | Path,
    dtype: torch.dtype = torch.float32,
    *,
    branch_scale: float | None = None,
    cross_attention: BranchKind | None = None,
) -> CheckpointIdentity:
    """Read a checkpoint's files once: hash them, and find everything that would keep it from being loaded.

    Args:
        checkpoint: directory or hub id.
        dtype: in which it will be run.
        branch_scale: as in `load_checkpoint`.
        cross_attention: as in `load_checkpoint`.

    Raises:
        CheckpointError: it is not there, its tensors do not fit its configuration or are not finite, or it
            has no tokenizer; it names them all.
    """
    directory = fetch(checkpoint)
    changes = setting_changes(branch_scale, cross_attention)
    config = read_config(directory, partial(fetch_tower, directory, needs_weights=False), changes)
    plan = plan_weights(build_empty(config), directory, partial(fetch_tower, directory, needs_weights=True))
    problems = plan.problems
    if not (directory / "tokenizer.model").is_file():
        problems += ("tokenizer.model is missing: questions cannot be asked",)
    problems += describe_not_finite(find_not_finite(plan, dtype), dtype)
    if problems:
        raise CheckpointError(str(checkpoint), problems)
    stamps = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in plan.files)
    weights_sha256 = _hash_once(stamps)
    digest = hashlib.sha256(weights_sha256.encode())
    for name in _SIDE_FILES:
        path = directory / name
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
    return CheckpointIdentity(
        model_id=name_checkpoint(checkpoint, weights_sha256),
        weights_sha256=weights_sha256,
        sha256=digest.hexdigest(),
        is_demonstration=is_demonstration(directory, config),
        config=config,
        directory=directory,
    )


@cache
def _hash_once(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash weight files of such sizes and times: once per process, for a real checkpoint takes a while."""
    return hash_weights([path for path, _, _ in stamps])
