"""A small instruction set on disk, and a small network to learn it."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.checkpoints.checkpoint import save_checkpoint
from model.demonstration import TOKENIZER_PATH
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.training.batch import Batch, Visuals

PARITY = Path(__file__).parent.parent / "data" / "parity" / "simple"

TINY = FaceLlavaConfig(
    llm=LlmConfig(
        vocab_size=1024,
        hidden_size=32,
        intermediate_size=48,
        layers=1,
        heads=2,
        kv_heads=2,
        max_positions=1024,
    ),
    image_tower=TowerConfig(hidden_size=16, intermediate_size=16, layers=2, heads=2, image_size=28),
    video_tower=TowerConfig(
        hidden_size=16,
        intermediate_size=16,
        layers=2,
        heads=2,
        image_size=28,
        frames=2,
        has_temporal_attention=True,
    ),
)


def write_tiny_checkpoint(directory: Path) -> Path:
    torch.manual_seed(0)
    save_checkpoint(FaceLlava(TINY), directory)
    (directory / "tokenizer.model").write_bytes(TOKENIZER_PATH.read_bytes())
    return directory


def write_data(root: Path, images: int = 6, videos: int = 4) -> Path:
    """Write pictures, landmarks and conversations.json, and return the latter."""
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    entries: list[dict[str, object]] = []
    for number in range(images + videos):
        kind = "image" if number < images else "video"
        shape = (28, 28, 3) if kind == "image" else (3, 28, 28, 3)
        points = random.uniform(0, 256, (68, 2) if kind == "image" else (3, 68, 2)).astype(np.float32)
        np.save(root / f"{number}.npy", random.integers(0, 256, shape, dtype=np.uint8))
        np.save(root / f"{number}-landmarks.npy", points)
        answer = " ".join(["Yes."] * (1 + number % 3))
        turns = [("human", f"<{kind}>\nIs it a face?"), ("gpt", answer)]
        entries.append(
            {
                "id": str(number),
                kind: f"{number}.npy",
                "landmarks_2d": f"{number}-landmarks.npy",
                "conversations": [{"from": speaker, "value": text} for speaker, text in turns],
            }
        )
    path = root / "conversations.json"
    path.write_text(json.dumps(entries))
    return path


def mixed_batch(directory: Path) -> tuple[Batch, dict[str, Tensor]]:
    """Return the ragged batch of a parity directory, and what the official code makes of it."""
    inputs = load_file(directory / "inputs.safetensors")
    order = json.loads((directory / "meta.json").read_text())["notes"]["mixed_visuals_in_order"]
    visuals: list[Visuals] = []
    for row, name in enumerate(order):
        kind, place = name.removesuffix("]").split("[")
        at = slice(int(place), int(place) + 1)
        pixels, landmarks = inputs[f"{kind}_pixels"][at], inputs[f"{kind}_landmarks"][at]
        visuals.append(Visuals(kind, (row,), pixels, landmarks))
    masks = inputs["mixed_attention_mask"].bool()
    ids, labels = (
        tuple(row[mask] for row, mask in zip(inputs[name], masks, strict=True))
        for name in ("mixed_input_ids", "mixed_labels")
    )
    return Batch(ids, labels, tuple(visuals)), load_file(directory / "expected.safetensors")
