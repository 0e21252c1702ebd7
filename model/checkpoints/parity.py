"""Comparison with tensors that the official code computed for a checkpoint.

A parity directory is a checkpoint of the official layout with three more files: `inputs.safetensors` (ready
pixels, landmarks and token ids), `expected.safetensors` (what the official code made of them) and
`meta.json`. A case is `video`, `image`, `video_landmarks`, `image_landmarks` or `mixed`, one ragged batch
with labels. What the inputs allow to compute must be expected, and what is expected must be computable:
nothing is skipped in silence. Only a tensor that meta.json lists under `left_out` may be absent, and where it
lists names and shapes under `expected`, they must be so.

Everything runs in float32, with the torch engine on the CPU, with vLLM where vLLM runs.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.parity_cases import DECODED, Cases, ContinuePrompts
from model.checkpoints.parity_files import read_parity_files
from model.engines.engine import EngineConfig, EngineKind, check_decoder, check_engine
from model.network.config import CheckpointError, CrossAttentionKind
from model.network.face_llava import FaceLlava

_TOLERANCES = {"rpp_mask": (1e-6, 0.0), "loss": (1e-4, 0.0)}
"""Absolute and relative, by the last part of a tensor's name: far above float32 noise (measured: up to 5e-5)
and far below what a mistake does to the logits (1e-2 and more)."""

_DEFAULT_TOLERANCE = (3e-4, 1e-4)


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One tensor's comparison."""

    tensor: str
    max_abs_error: float
    """NaN when there is nothing to compare, or a NaN in it."""
    atol: float
    rtol: float
    worst_excess: float
    """Largest of |actual - expected| - (atol + rtol |expected|): at most 0 when all is well."""
    is_within: bool
    note: str = ""
    """Why there was nothing to compare."""


@dataclass(frozen=True, slots=True)
class Parity:
    """The comparison of a whole directory.

    Attributes:
        kind: of the checkpoint's landmark branch, which fixes what a full directory holds.
        rows: one per tensor, in the order of their names.
    """

    kind: CrossAttentionKind
    rows: tuple[ParityRow, ...]

    @property
    def is_within(self) -> bool:
        """Whether there is something to compare, and all of it is within tolerance."""
        return bool(self.rows) and all(row.is_within for row in self.rows)


def official_tensors(kind: CrossAttentionKind) -> tuple[str, ...]:
    """Return the names of all tensors that a full parity directory expects, for a variant of the branch."""
    names = [f"mixed.{part}" for part in ("expanded_attention_mask", "expanded_labels", "logits", "loss")]
    for view in ("video", "image"):
        names += [f"{view}.{part}" for part in ("tower_features", "projected", *DECODED)]
        if kind != "none":
            names += [f"{view}.landmark_{part}" for part in ("local", "global", "tokens")]
            names += [f"{view}_landmarks.{part}" for part in ("cross_attn_block", *DECODED)]
    if kind in {"masked", "geometric"}:
        names.append("video_landmarks.rpp_mask")
    return tuple(sorted(set(names) - _impossible(kind)))


def check_parity(directory: str | Path, engine: EngineKind = "torch") -> Parity:
    """Compute every case of a parity directory and compare it with what the official code got.

    Args:
        directory: of any sizes.
        engine: what runs the decoder. vLLM gives no logits of a prompt and takes no labels: in place of
            `logits`, `next_log_probs` are compared, those behind the prompt, and `mixed` is left out.

    Raises:
        CheckpointError: the checkpoint or one of the three files cannot be used.
        ValueError: the engine is unknown, not installed, or cannot run this decoder.
        EngineDiedError: vLLM does not start, or dies.
        NoReplyError: vLLM does not answer.
    """
    if engine not in get_args(EngineKind):
        raise ValueError(f"there is no engine {engine!r} for parity, only {', '.join(get_args(EngineKind))}")
    config = EngineConfig(kind=engine)
    check_engine(config)
    if not Path(directory).is_dir():  # else the hub would be asked for a checkpoint of this name
        raise CheckpointError(str(directory), ("is no directory on this machine",))
    if engine == "torch":
        return _check(Path(directory), load_checkpoint(directory, torch.float32, "cpu").model, None)
    model = load_checkpoint(directory, torch.float32, "cpu", has_decoder=False).model
    check_decoder(model.config.llm, config)
    from model.engines.vllm_parity import open_continuer  # noqa: PLC0415 - an extra

    with open_continuer(Path(directory), model.config) as continue_prompts:
        return _check(Path(directory), model, continue_prompts)


def _check(directory: Path, model: FaceLlava, continue_prompts: ContinuePrompts | None) -> Parity:
    files = read_parity_files(directory)
    unkept = dict(files.unkept())
    expected = files.expected
    if continue_prompts is not None:
        expected = dict(_reduce(expected))
    cases = Cases(model, files.inputs, expected, files.mixed_visuals, continue_prompts)
    try:
        with torch.inference_mode():
            actual = dict(cases.compute())
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        # RuntimeError is torch's for shapes and types that do not go together.
        problem = f"inputs.safetensors and meta.json do not fit the model ({type(error).__name__}: {error})"
        raise CheckpointError(str(directory), (problem,)) from error
    if not actual:
        raise CheckpointError(str(directory), ("inputs.safetensors has no case, for it has no pixels",))
    kind = model.config.cross_attention
    excused = files.left_out | _impossible(kind)
    excused |= {name.replace(".logits", ".next_log_probs") for name in excused}
    absent = actual.keys() - expected.keys() - excused
    rows = [_fail(name, note) for name, note in unkept.items()]
    rows += [_fail(name, "is not in expected.safetensors") for name in absent - unkept.keys()]
    known = expected.keys() - unkept.keys()
    rows += [_fail(name, "nothing in the inputs gives it") for name in known - actual.keys()]
    rows += [_compare(name, actual[name], expected[name]) for name in known & actual.keys()]
    return Parity(kind, tuple(sorted(rows, key=lambda row: row.tensor)))


def _reduce(expected: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield what is expected of an engine that gives no logits of a prompt."""
    for name, tensor in expected.items():
        case, _, part = name.rpartition(".")
        if part == "logits" and case != "mixed":
            yield f"{case}.next_log_probs", tensor[:, -1].log_softmax(-1)
        elif case != "mixed":
            yield name, tensor


def _impossible(kind: CrossAttentionKind) -> set[str]:
    """Return the names that the official code cannot compute: `masked` on an image raises there."""
    if kind != "masked":
        return set()
    return {f"image_landmarks.{part}" for part in ("rpp_mask", "cross_attn_block", *DECODED)}


def _fail(name: str, note: str) -> ParityRow:
    atol, rtol = _TOLERANCES.get(name.rpartition(".")[2], _DEFAULT_TOLERANCE)
    return ParityRow(name, math.nan, atol, rtol, math.inf, is_within=False, note=note)


def _compare(name: str, actual: Tensor, expected: Tensor) -> ParityRow:
    if actual.shape != expected.shape:
        return _fail(name, f"is {list(actual.shape)}, expected {list(expected.shape)}")
    if expected.numel() == 0:
        return _fail(name, "is empty")
    atol, rtol = _TOLERANCES.get(name.rpartition(".")[2], _DEFAULT_TOLERANCE)
    if not expected.is_floating_point():
        atol = rtol = 0.0
    error = (actual.double() - expected.double()).abs()
    worst_excess = float((error - atol - rtol * expected.double().abs()).max())  # NaN if any is
    return ParityRow(name, float(error.max()), atol, rtol, worst_excess, is_within=worst_excess <= 0)
