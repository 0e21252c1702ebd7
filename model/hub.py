"""Checkpoints by name: a directory, or a Hugging Face hub id, optionally with @revision.

The local cache of huggingface_hub comes first; the network is asked only for what it lacks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.config import CheckpointError
from model.weights import find_weights

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SIDE_FILES = re.compile(r"[^/]+\.json|tokenizer\.model")
_SAFETENSORS = re.compile(r"model[^/]*\.safetensors")
_BIN = re.compile(r"pytorch_model[^/]*\.bin")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is, after each file."""

    model_id: str
    file: str
    """The one that has just arrived."""
    done_bytes: int
    total_bytes: int


def locate(checkpoint: str | Path, *, needs_weights: bool = True) -> Path | None:
    """Return the directory of a checkpoint that this machine has, else None.

    Args:
        checkpoint: directory or hub id.
        needs_weights: False when its config.json is enough.

    Raises:
        CheckpointError: it is neither a directory nor shaped like a hub id.
    """
    if Path(checkpoint).is_dir():
        return Path(checkpoint)
    repo, revision = _split_id(checkpoint)
    from huggingface_hub import snapshot_download  # noqa: PLC0415 (not needed for directories)
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        snapshot = Path(
            snapshot_download(repo, revision=revision, local_files_only=True, allow_patterns=["config.json"])
        )
        if needs_weights:
            find_weights(snapshot)
    except (LocalEntryNotFoundError, CheckpointError):
        return None
    return snapshot if (snapshot / "config.json").exists() else None


def fetch(
    checkpoint: str | Path,
    *,
    needs_weights: bool = True,
    may_download: bool = True,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Return the directory of a checkpoint, after downloading what this machine lacks of it.

    Only files that are read are fetched: configurations, tokenizer and one format of weights.

    Args:
        checkpoint: directory or hub id.
        needs_weights: False when its config.json is enough.
        may_download: False to stay with what is here.
        report: told after each file.

    Raises:
        CheckpointError: there is no such directory or repository, or the hub cannot be reached.
    """
    found = locate(checkpoint, needs_weights=needs_weights)
    if found is None and may_download:
        _download(checkpoint, needs_weights=needs_weights, report=report)
        found = locate(checkpoint, needs_weights=needs_weights)
    if found is None:
        lacks = "and the hub's repository is no checkpoint" if may_download else "pull it first"
        raise CheckpointError(str(checkpoint), (f"is not on this machine: {lacks}",))
    return found


def fetch_tower(
    directory: Path,
    tower_id: str,
    *,
    needs_weights: bool,
    may_download: bool = True,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Return the directory of a tower that a checkpoint names: a folder in its own, or else as `fetch`."""
    beside = directory / tower_id
    if beside.is_dir():
        return beside
    return fetch(tower_id, needs_weights=needs_weights, may_download=may_download, report=report)


def _download(
    checkpoint: str | Path, *, needs_weights: bool, report: Callable[[Progress], None] | None
) -> None:
    repo, revision = _split_id(checkpoint)
    from httpx2 import HTTPError  # noqa: PLC0415 (huggingface_hub's client)
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415

    try:
        described = HfApi().model_info(repo, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in described.siblings or []}
        wanted = _choose_files(list(sizes)) if needs_weights else ["config.json"]
        done_bytes, total_bytes = 0, sum(sizes.get(name, 0) for name in wanted)
        for name in wanted:
            # The revision as it was asked for, so that the cache also learns what it stands for.
            hf_hub_download(repo, name, revision=revision)
            done_bytes += sizes.get(name, 0)
            if report is not None:
                report(Progress(str(checkpoint), name, done_bytes, total_bytes))
    except (HTTPError, OSError) as error:
        problem = f"is no directory here, and the hub did not give it: {error}"
        raise CheckpointError(str(checkpoint), (problem,)) from error


def _split_id(checkpoint: str | Path) -> tuple[str, str | None]:
    match = _HUB_ID.fullmatch(str(checkpoint))
    if match is None:
        raise CheckpointError(str(checkpoint), ("is no directory, and no hub id like owner/name[@revision]",))
    return match["repo"], match["revision"]


def _choose_files(names: list[str]) -> list[str]:
    """Choose the configurations, the tokenizer, and the weights in one format."""
    weights = [name for name in names if _SAFETENSORS.fullmatch(name)]
    weights = weights or [name for name in names if _BIN.fullmatch(name)]
    return sorted(name for name in names if _SIDE_FILES.fullmatch(name)) + sorted(weights)
