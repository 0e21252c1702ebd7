"""Checkpoints: from a directory or hub id to a model that is ready to run, and back to a directory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.checkpoints.blueprint import draw_blueprint
from model.checkpoints.identity import TRAINING_CARD_FILE, Fingerprint, name_checkpoint, take_fingerprint
from model.checkpoints.layout import setting_changes
from model.checkpoints.layout_text import write_config
from model.checkpoints.quantization import Quantization, is_quantized_layer, quantize_layers, quantize_weight
from model.checkpoints.weight_plan import WeightPlan, describe_not_finite
from model.checkpoints.weights import is_finite, official_name, read_tensors
from model.network.config import BranchKind, CheckpointError, FaceLlavaConfig
from model.network.face_llava import FaceLlava


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model with its provenance.

    Attributes:
        model: in evaluation mode, without gradients.
        config: of the model.
        tokenizer_path: where its tokenizer.model belongs; without one, only ready-made ids can be used.
        model_id: name and the first 12 digits of the weights' hash, `owner/name@0123456789ab`.
        fingerprint: of its content.
    """

    model: FaceLlava
    config: FaceLlavaConfig
    tokenizer_path: Path
    model_id: str
    fingerprint: Fingerprint

    @property
    def weights_sha256(self) -> str:
        """Of the weight files' bytes, in order, see model.checkpoints.weights.hash_weights."""
        return self.fingerprint.weights_sha256

    @property
    def is_demonstration(self) -> bool:
        """True when its labels mean nothing on real people, see model.checkpoints.identity."""
        return self.fingerprint.is_demonstration


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
    blueprint = draw_blueprint(checkpoint, setting_changes(branch_scale, cross_attention))
    model, plan = blueprint.model, blueprint.plan
    if not has_decoder:
        model.drop_decoder()
    elif quantize is not None:
        quantize_layers(model.llm.model.layers, model.config.llm, quantize, dtype)
    problems = plan.problems + _fill(model, plan, dtype, device)
    if problems:
        raise CheckpointError(str(checkpoint), problems)
    fingerprint = take_fingerprint(blueprint)
    return Checkpoint(
        model=model,
        config=blueprint.config,
        tokenizer_path=blueprint.tokenizer_path,
        model_id=name_checkpoint(checkpoint, fingerprint.weights_sha256),
        fingerprint=fingerprint,
    )


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
