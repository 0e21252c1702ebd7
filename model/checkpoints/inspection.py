"""What a checkpoint holds, told from its files, without loading it; and how it gets onto this machine."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from model.checkpoints.blueprint import TOKENIZER_FILE, Blueprint, draw_blueprint
from model.checkpoints.hub import Progress, fetch
from model.checkpoints.identity import is_demonstration
from model.checkpoints.quantization import Quantization
from model.checkpoints.weight_plan import WeightPlan, find_not_finite
from model.engines.engine import EngineConfig
from model.network.config import FaceLlavaConfig, IncompleteError
from model.prompting.asking import open_prompter

_PARTS = {
    "decoder": "llm.",
    "image tower": "image_tower.",
    "video tower": "video_tower.",
    "projector": "mm_projector.",
    "landmark branch": ("landmarks_projector.", "global_landmarks_projector.", "landmarks_cross_attn."),
}
"""Parts of the model and how their parameters' names begin."""

_WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
_QUANTIZED_BYTES: dict[Quantization, float] = {"8bit": 1.0, "4bit": 0.516}
"""Per weight; NF4 with double quantisation adds 0.127 bits of scales to its 4."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the model as the checkpoint stores it."""

    name: str
    tensors: int
    parameters: int
    size_bytes: int
    dtypes: tuple[str, ...]
    """Torch's names, sorted."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A checkpoint, described without its weights.

    Attributes:
        checkpoint: as it was asked for.
        directory: where it is.
        config: of the model.
        files: weight files with their sizes in bytes, those of towers from elsewhere included.
        parts: the tensors that act, by part of the model.
        dormant: how many tensors never act.
        missing: official names that the model needs and no file holds.
        unexpected: names that the configuration has no place for.
        misshaped: sentences on tensors of another shape than the configuration's.
        not_finite: official names of tensors with a NaN, an infinity or an overflow in `dtype`; empty when
            the values were not read.
        dtype: in which the values were looked at; None when only headers were read.
        tower_origins: towers whose weights come from another repository, with its id.
        tokenizer_problem: why no question can be asked of it, None when it has a tokenizer that fits.
        is_demonstration: True when the labels mean nothing on real people, see model.checkpoints.identity.
    """

    checkpoint: str
    directory: Path
    config: FaceLlavaConfig
    files: tuple[tuple[Path, int], ...]
    parts: tuple[Part, ...]
    dormant: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    not_finite: tuple[str, ...]
    dtype: str | None
    tower_origins: tuple[tuple[str, str], ...]
    tokenizer_problem: str | None
    is_demonstration: bool

    @property
    def parameters(self) -> int:
        """Numbers in the tensors that act."""
        return sum(part.parameters for part in self.parts)

    @property
    def is_loadable(self) -> bool:
        """Whether nothing that was looked at prevents `load_checkpoint`."""
        return not (self.missing or self.unexpected or self.misshaped or self.not_finite)

    @property
    def is_complete(self) -> bool:
        """Whether it can be loaded and asked questions."""
        return self.is_loadable and self.tokenizer_problem is None

    def weights_bytes(self, dtype: str = "bfloat16", quantize: Quantization | None = None) -> int:
        """Return the estimated memory of the loaded weights."""
        quantized = self._quantized_parameters() if quantize else 0
        size = (self.parameters - quantized) * _WEIGHT_BYTES[dtype]
        return round(size + (quantized * _QUANTIZED_BYTES[quantize] if quantize else 0))

    def cache_bytes(self, tokens: int, dtype: str = "bfloat16") -> int:
        """Return the memory of the decoder's key-value cache for so many tokens of one sequence."""
        llm = self.config.llm
        return round(2 * llm.layers * llm.kv_heads * llm.head_size * tokens * _WEIGHT_BYTES[dtype])

    def _quantized_parameters(self) -> int:
        llm = self.config.llm
        attention = 2 * llm.hidden_size * (llm.heads + llm.kv_heads) * llm.head_size
        return llm.layers * (attention + 3 * llm.hidden_size * llm.intermediate_size)


def inspect_checkpoint(checkpoint: str | Path, dtype: torch.dtype | None = None) -> Inspection:
    """Describe a checkpoint from its configuration and its weight files; downloads nothing.

    Args:
        checkpoint: directory or hub id.
        dtype: in which the weights shall be used: all values are read, to find those that are not finite in
            it. None reads only the files' headers.

    Raises:
        IncompleteError: whole files of it, or of a tower that it needs, are not on this machine.
        CheckpointError: it is not on this machine, or a file cannot be read.
    """
    try:
        blueprint = draw_blueprint(checkpoint, may_download=False)
    except IncompleteError as error:
        # Without its sizes nothing more can be told but whether there is a tokenizer.
        is_mute = not (fetch(checkpoint, may_download=False) / TOKENIZER_FILE).is_file()
        problems = (*error.problems, f"{TOKENIZER_FILE} is missing") if is_mute else error.problems
        raise IncompleteError(str(checkpoint), problems) from error
    config, plan = blueprint.config, blueprint.plan
    return Inspection(
        checkpoint=str(checkpoint),
        directory=blueprint.directory,
        config=config,
        files=tuple((path, path.stat().st_size) for path in plan.files),
        parts=tuple(part for part in (_describe_part(name, plan) for name in _PARTS) if part.tensors),
        dormant=len(plan.dormant),
        missing=plan.missing,
        unexpected=plan.unexpected,
        misshaped=plan.misshaped,
        not_finite=() if dtype is None else find_not_finite(plan, dtype),
        dtype=None if dtype is None else str(dtype).removeprefix("torch."),
        tower_origins=tuple(plan.tower_ids.items()),
        tokenizer_problem=_find_tokenizer_problem(blueprint),
        is_demonstration=is_demonstration(blueprint.directory, config),
    )


def pull_checkpoint(checkpoint: str, report: Callable[[Progress], None] | None = None) -> Path:
    """Download a checkpoint into the local cache, with what it needs of its towers' repositories.

    Args:
        checkpoint: hub id, `owner/name` or `owner/name@revision`.
        report: told as bytes arrive.

    Returns:
        Its directory.

    Raises:
        CheckpointError: the hub does not give it, or what it gives cannot be read.
    """
    # Only the headers tell whether the towers' weights are in the checkpoint or are to be fetched, too.
    return draw_blueprint(checkpoint, report=report).directory


def _find_tokenizer_problem(blueprint: Blueprint) -> str | None:
    if not blueprint.tokenizer_path.is_file():
        return f"{TOKENIZER_FILE} is missing"
    try:
        open_prompter(blueprint.tokenizer_path, blueprint.config, EngineConfig())
    except ValueError as error:
        return str(error)
    return None


def _describe_part(name: str, plan: WeightPlan) -> Part:
    headers = [header for parameter, header in plan.sources.items() if parameter.startswith(_PARTS[name])]
    parameters = [math.prod(header.shape) for header in headers]
    return Part(
        name=name,
        tensors=len(headers),
        parameters=sum(parameters),
        size_bytes=sum(
            count * header.dtype.itemsize for count, header in zip(parameters, headers, strict=True)
        ),
        dtypes=tuple(sorted({str(header.dtype).removeprefix("torch.") for header in headers})),
    )
