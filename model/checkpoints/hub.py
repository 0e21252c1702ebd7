"""Checkpoints by name: a directory, or a Hugging Face hub id, optionally with @revision.

The local cache of huggingface_hub comes first; the network is asked only for what it lacks.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from model.checkpoints.weights import find_weights
from model.network.config import CheckpointError

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SIDE_FILES = re.compile(r"[^/]+\.json|tokenizer\.model")
_SAFETENSORS = re.compile(r"model[^/]*\.safetensors")
_BIN = re.compile(r"pytorch_model[^/]*\.bin")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is, as it arrives."""

    model_id: str
    file: str
    """The one that is arriving."""
    done_bytes: int
    """Of all files."""
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
        report: told as bytes arrive.

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
        meter = _Meter(str(checkpoint), {name: sizes.get(name, 0) for name in wanted}, report)
        for name in wanted:
            # The revision as it was asked for, so that the cache also learns what it stands for.
            hf_hub_download(repo, name, revision=revision, tqdm_class=cast("Any", meter.bar_of(name)))
            meter.finish(name)
    except (HTTPError, OSError) as error:
        problem = f"is no directory here, and the hub did not give it: {error}"
        raise CheckpointError(str(checkpoint), (problem,)) from error


class _Meter:
    """Adds up what has arrived of several files, one after the other."""

    def __init__(
        self, model_id: str, sizes: Mapping[str, int], report: Callable[[Progress], None] | None
    ) -> None:
        self._model_id = model_id
        self._sizes = sizes
        self._report = report
        self._finished = self._told = 0

    def bar_of(self, file: str) -> type:
        """Return a class that huggingface_hub takes for a progress bar; it only tells the meter."""
        meter = self

        class Bar:
            def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
                self._arrived = 0
                self.update(initial)

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def update(self, count: float | None = 1) -> None:
                self._arrived += int(count or 0)  # less than none when a file begins anew
                meter.tell(file, self._arrived)

            def update_transfer(self, count: float) -> None:
                """Pass over bytes of the network, which are fewer than those of the file."""

            def set_postfix_str(self, *_: object, **__: object) -> None:
                pass

            set_transfer_postfix_str = close = refresh = set_postfix_str

        return Bar

    def tell(self, file: str, arrived: int) -> None:
        """Report so many bytes of a file; never more than it has."""
        done = self._finished + min(arrived, self._sizes[file])
        if self._report is not None and done != self._told:
            self._told = done
            self._report(Progress(self._model_id, file, done, sum(self._sizes.values())))

    def finish(self, file: str) -> None:
        """Report a file that is here, whether it has just arrived or was in the cache."""
        self.tell(file, self._sizes[file])
        self._finished += self._sizes[file]


def _split_id(checkpoint: str | Path) -> tuple[str, str | None]:
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415 (not needed for directories)
    from huggingface_hub.utils import validate_repo_id  # noqa: PLC0415

    problem = "is no directory, and no hub id like owner/name[@revision]"
    match = _HUB_ID.fullmatch(str(checkpoint))
    if match is None:
        raise CheckpointError(str(checkpoint), (problem,))
    try:
        validate_repo_id(match["repo"])
    except HFValidationError as error:
        raise CheckpointError(str(checkpoint), (problem,)) from error
    return match["repo"], match["revision"]


def _choose_files(names: list[str]) -> list[str]:
    """Choose the configurations, the tokenizer, and the weights in one format."""
    weights = [name for name in names if _SAFETENSORS.fullmatch(name)]
    weights = weights or [name for name in names if _BIN.fullmatch(name)]
    return sorted(name for name in names if _SIDE_FILES.fullmatch(name)) + sorted(weights)
