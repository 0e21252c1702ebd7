"""Checkpoints: from a directory or hub id to a model that is ready to run, and back to a directory.

Real or for demonstration? Labels of a model that was never trained on faces mean nothing, so a checkpoint is
for demonstration unless there is reason to believe in it:

1. with `facesift_demonstration.json` in its directory, or true under that key in config.json, it always is;
2. else, with a training card `facesift_training.json` beside the weights, it is real: someone trained it;
3. else it is real only if it has the released model's shape, a 7B decoder (width 4096, 32 layers) with a
   landmark branch. A small or random checkpoint, and a Video-LLaVA without the branch, are for demonstration.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.config import BranchKind, CheckpointError, FaceLlavaConfig
from model.face_llava import FaceLlava
from model.hub import fetch, fetch_tower
from model.layout import read_config, write_config
from model.quantization import Quantization, is_quantized_layer, quantize_layers, quantize_weight
from model.weight_plan import WeightPlan, build_empty, describe_not_finite, plan_weights
from model.weights import hash_weights, is_finite, official_name, read_tensors

DEMONSTRATION_FILE = "facesift_demonstration.json"
TRAINING_CARD_FILE = "facesift_training.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model with its provenance.

    Attributes:
        model: in evaluation mode, without gradients.
        config: of the model.
        tokenizer_path: where its tokenizer.model belongs; without one, only ready-made ids can be used.
        model_id: name and the first 12 digits of the weights' hash, `owner/name@0123456789ab`.
        weights_sha256: of the weight files' bytes, in order, see model.weights.hash_weights.
        is_demonstration: True when its labels mean nothing on real people, see above.
    """

    model: FaceLlava
    config: FaceLlavaConfig
    tokenizer_path: Path
    model_id: str
    weights_sha256: str
    is_demonstration: bool


def load_checkpoint(
    checkpoint: str | Path,
    dtype: torch.dtype | str = "auto",
    device: torch.device | str = "auto",
    quantize: Quantization | None = None,
    *,
    branch_scale: float | None = None,
    cross_attention: BranchKind | None = None,
    has_decoder: bool = True,
) -> Checkpoint:
    """Load a checkpoint of the official layout.

    Weights go from their files to the device one tensor at a time. A tower of which the checkpoint holds no
    tensor comes from its own repository, as the configuration names it.

    Args:
        checkpoint: directory, or hub id, which is downloaded unless it is in the local cache.
        dtype: of weights and activations, torch's or its name; `auto`: bfloat16 on CUDA, float32 elsewhere.
        device: where to; `auto`: CUDA when there is one.
        quantize: bits of the decoder's linear layers; needs bitsandbytes.
        branch_scale: instead of the configuration's.
        cross_attention: instead of the configuration's, or where it names none.
        has_decoder: whether the model keeps its LLM; without, its tensors are checked but not kept.

    Raises:
        CheckpointError: something is missing, unreadable, unexpected, misshaped or not finite; it names all.
        ValueError: an argument asks for something that does not exist here.

    Example:
        >>> checkpoint = load_checkpoint("chaubeyG/FaceLLaVA", dtype="bfloat16", device="cuda")
    """
    device = resolve_device(device)
    dtype = resolve_dtype(dtype, device)
    directory = fetch(checkpoint)
    changes = setting_changes(branch_scale, cross_attention)
    config = read_config(directory, partial(fetch_tower, directory, needs_weights=False), changes)
    model = build_empty(config)
    plan = plan_weights(model, directory, partial(fetch_tower, directory, needs_weights=True))
    if not has_decoder:
        model.drop_decoder()
    elif quantize is not None:
        quantize_layers(model.llm.model.layers, config.llm, quantize, dtype)
    problems = plan.problems + _fill(model, plan, dtype, device)
    if problems:
        raise CheckpointError(str(checkpoint), problems)
    digest = hash_weights(plan.files)
    return Checkpoint(
        model=model,
        config=config,
        tokenizer_path=directory / "tokenizer.model",
        model_id=name_checkpoint(checkpoint, digest),
        weights_sha256=digest,
        is_demonstration=is_demonstration(directory, config),
    )


def setting_changes(branch_scale: float | None, cross_attention: BranchKind | None) -> dict[str, Any]:
    """Return the fields of config.json that are asked for otherwise; None leaves a field as it is."""
    settings = {"branch_scale": branch_scale, "cross_attn_type": cross_attention}
    return {name: value for name, value in settings.items() if value is not None}


def name_checkpoint(checkpoint: str | Path, weights_sha256: str) -> str:
    """Return a checkpoint's model_id: its folder's name or hub id, and 12 digits of the weights' hash."""
    path = Path(checkpoint)
    name = path.resolve().name if path.is_dir() else str(checkpoint).partition("@")[0]
    return f"{name}@{weights_sha256[:12]}"


def save_checkpoint(model: FaceLlava, directory: Path, *, card: Mapping[str, object] | None = None) -> None:
    """Write a model in the official layout, safetensors in its own dtype; `load_checkpoint` reads it back.

    Args:
        model: its configuration says whether it is marked as a demonstration.
        directory: is made; tokenizer.model is for the caller to add.
        card: how it was trained on faces, written as the training card that makes the checkpoint a real one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_config(replace(model.config, weights_dtype=str(model.dtype).removeprefix("torch.")), directory)
    tensors = {official_name(name): tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    if card is not None:
        (directory / TRAINING_CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def is_demonstration(directory: Path, config: FaceLlavaConfig) -> bool:
    """Tell whether a checkpoint's labels mean nothing on real people; the rule stands on top of this file."""
    if config.is_marked_demonstration or (directory / DEMONSTRATION_FILE).exists():
        return True
    if (directory / TRAINING_CARD_FILE).exists():
        return False
    has_released_shape = (config.llm.hidden_size, config.llm.layers) == (4096, 32)
    return not (has_released_shape and config.cross_attention != "none")


def resolve_device(device: torch.device | str) -> torch.device:
    """Return the device that a name stands for; `auto` is CUDA when there is one, else the CPU.

    Raises:
        ValueError: the name is unknown.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"torch knows no device {device!r}; give auto, cpu, cuda or cuda:1") from error


def resolve_dtype(dtype: torch.dtype | str, device: torch.device) -> torch.dtype:
    """Return the dtype that a name stands for; `auto` is bfloat16 on CUDA and float32 elsewhere.

    Raises:
        ValueError: the name is unknown.
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    known["auto"] = torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in known:
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(known)}")
    return known[dtype]


def _fill(model: FaceLlava, plan: WeightPlan, dtype: torch.dtype, device: torch.device) -> tuple[str, ...]:
    """Move the planned tensors into the empty model; return a sentence on those that are not finite."""
    if model.has_decoder:
        with device:  # the rotary frequencies are computed, not loaded
            model.llm.model.rotary_emb = type(model.llm.model.rotary_emb)(model.llm.config)
    targets = {(header.path, header.name): name for name, header in plan.sources.items()}
    targets |= {(header.path, header.name): None for header in plan.dormant.values()}
    not_finite: list[str] = []
    for path in plan.files:
        for name_in_file, tensor in read_tensors(path, [name for of, name in targets if of == path]):
            name = targets[path, name_in_file]
            if not is_finite(tensor, dtype):
                not_finite.append(name_in_file if name is None else official_name(name))
            if name is not None and (model.has_decoder or not name.startswith("llm.")):
                # A copy: without one, an unconverted tensor would change with its file.
                _assign(model, name, tensor.to(device, dtype, copy=True))
    return describe_not_finite(not_finite, dtype)


def _assign(model: FaceLlava, name: str, value: Tensor) -> None:
    path, _, leaf = name.rpartition(".")
    owner = model.get_submodule(path)
    parameter = nn.Parameter(value, requires_grad=False)
    if leaf == "weight" and is_quantized_layer(owner):
        parameter = quantize_weight(model.llm, name.removeprefix("llm."), value)
    owner.register_parameter(leaf, parameter)
