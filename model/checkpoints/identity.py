"""What makes a checkpoint the same checkpoint, found without loading it.

Real or for demonstration? Labels of a model that was never trained on faces mean nothing, so a checkpoint is
for demonstration unless there is reason to believe in it:

1. with true under `facesift_demonstration` in config.json, it always is;
2. else, with a training card `facesift_training.json` beside the weights, it is real: someone trained it;
3. else it is real only if it has the released model's shape, a 7B decoder (width 4096, 32 layers) with a
   landmark branch. A small or random checkpoint, and a Video-LLaVA without the branch, are for demonstration.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from model.checkpoints.blueprint import Blueprint, draw_blueprint
from model.checkpoints.layout import setting_changes
from model.checkpoints.weight_plan import describe_not_finite, find_not_finite
from model.checkpoints.weights import hash_weights
from model.network.config import BranchKind, CheckpointError, FaceLlavaConfig

TRAINING_CARD_FILE = "facesift_training.json"

_SIDE_FILES = (
    *("config.json", "image_tower_config.json", "video_tower_config.json"),
    *("tokenizer.model", "tokenizer_config.json"),
)
"""What changes an answer besides the weights; other files of a checkpoint are not read."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything in a checkpoint that can change an answer, as SHA-256 in hex digits.

    Attributes:
        weights_sha256: of the weight files' bytes, those of towers from elsewhere included, see
            `model.checkpoints.weights.hash_weights`.
        files: name and SHA-256 of the configurations, those of towers from elsewhere included, and of the
            tokenizer's files; of a file that is not there, that of nothing.
        is_demonstration: True when its labels mean nothing on real people, see above.
    """

    weights_sha256: str
    files: tuple[tuple[str, str], ...]
    is_demonstration: bool

    @property
    def sha256(self) -> str:
        """Of the weights and the files together."""
        digest = hashlib.sha256(self.weights_sha256.encode())
        for name, of_file in self.files:
            digest.update(f"\n{name} {of_file}".encode())
        return digest.hexdigest()

    def differences(self, other: "Fingerprint") -> tuple[str, ...]:
        """Return what is not the same in another one, in words; nothing when they are equal."""
        pairs = zip(self.files, other.files, strict=True)
        names = [] if self.weights_sha256 == other.weights_sha256 else ["the weights"]
        names += [name for (name, one), (_, another) in pairs if one != another]
        if self.is_demonstration != other.is_demonstration:
            names.append(f"whether there is a {TRAINING_CARD_FILE}")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class CheckpointIdentity:
    """The name and content of a checkpoint.

    Attributes:
        model_id: as in `model.checkpoints.checkpoint.Checkpoint`.
        fingerprint: of its content.
        config: of the network, with what was asked for instead of the checkpoint's own settings.
        directory: where it is on this machine.
    """

    model_id: str
    fingerprint: Fingerprint
    config: FaceLlavaConfig
    directory: Path

    @property
    def is_demonstration(self) -> bool:
        """True when its labels mean nothing on real people."""
        return self.fingerprint.is_demonstration


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
    blueprint = draw_blueprint(checkpoint, setting_changes(branch_scale, cross_attention))
    problems = blueprint.plan.problems
    if not blueprint.tokenizer_path.is_file():
        problems += ("tokenizer.model is missing: questions cannot be asked",)
    problems += describe_not_finite(find_not_finite(blueprint.plan, dtype), dtype)
    if problems:
        raise CheckpointError(str(checkpoint), problems)
    fingerprint = take_fingerprint(blueprint)
    return CheckpointIdentity(
        model_id=name_checkpoint(checkpoint, fingerprint.weights_sha256),
        fingerprint=fingerprint,
        config=blueprint.config,
        directory=blueprint.directory,
    )


def take_fingerprint(blueprint: Blueprint) -> Fingerprint:
    """Hash all files of a checkpoint that can change an answer; the weights once per process."""
    stamps = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in blueprint.plan.files)
    paths = {name: blueprint.directory / name for name in _SIDE_FILES} | dict(blueprint.config_files)
    return Fingerprint(
        weights_sha256=_hash_once(stamps),
        files=tuple((name, _hash_file(paths[name])) for name in _SIDE_FILES),
        is_demonstration=is_demonstration(blueprint.directory, blueprint.config),
    )


def name_checkpoint(checkpoint: str | Path, weights_sha256: str) -> str:
    """Return a checkpoint's model_id: its folder's name or hub id, and 12 digits of the weights' hash."""
    path = Path(checkpoint)
    name = path.resolve().name if path.is_dir() else str(checkpoint).partition("@")[0]
    return f"{name}@{weights_sha256[:12]}"


def is_demonstration(directory: Path, config: FaceLlavaConfig) -> bool:
    """Tell whether a checkpoint's labels mean nothing on real people; the rule stands on top of this file."""
    if config.is_marked_demonstration:
        return True
    if (directory / TRAINING_CARD_FILE).exists():
        return False
    has_released_shape = (config.llm.hidden_size, config.llm.layers) == (4096, 32)
    return not (has_released_shape and config.cross_attention != "none")


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()


@cache
def _hash_once(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash weight files of such sizes and times: once per process, for a real checkpoint takes a while."""
    return hash_weights([path for path, _, _ in stamps])
