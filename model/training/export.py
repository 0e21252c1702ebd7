"""The result of a stage as a checkpoint of the official layout."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch

from model.checkpoints.checkpoint import save_checkpoint
from model.network.face_llava import FaceLlava

TOKENIZER_FILES = (
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
)


def export(
    model: FaceLlava,
    start: Path,
    directory: Path,
    card: Mapping[str, object],
    dtype: torch.dtype,
) -> Path:
    """Write a trained model with its towers, tokenizer and training card; appear whole or not at all.

    Args:
        model: merged, see `model.training.learner.Learner.merge`.
        start: directory of the checkpoint that the stage started from: its tokenizer goes along.
        directory: of the result; what is there is replaced.
        card: how it was trained.
        dtype: of the weights.
    """
    part = directory.with_name(f"{directory.name}.part")
    if part.exists():
        shutil.rmtree(part)
    save_checkpoint(model.to(dtype), part, card=card)
    for name in TOKENIZER_FILES:
        if (start / name).exists():
            shutil.copyfile(start / name, part / name)
    if directory.exists():
        shutil.rmtree(directory)
    part.rename(directory)
    return directory
