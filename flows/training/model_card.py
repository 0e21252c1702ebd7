"""The README of a demonstration checkpoint: what it is, what it is not, and how it was made."""

import json
from pathlib import Path
from typing import Any

from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.identity import TRAINING_CARD_FILE

NAME = "README.md"
_STEPS = {
    "clips": "films rendered",
    "stills": "steps of the image tower",
    "moves": "steps of the video tower",
    "decoder": "steps of projector and decoder",
    "stage-1": "steps of the landmark branch (stage 1)",
    "stage-2": "steps of all but the towers (stage 2)",
}
_TEXT = """\
# A Face-LLaVA for demonstration

**It knows rendered faces only. Its labels on real people mean nothing**, and facesift says so wherever it
shows them. It is there so that all of facesift can be tried without a GPU and without a download.
{shuffled}
{millions:.1f} million parameters, landmark branch `{branch}`, weights in {dtype}.

## How it was made

    {command}

from weights drawn at random and films that facesift renders; it has seen no picture of a person.

| | |
|---|---|
{steps}
| conversations in stage 2 | {samples:,} |
| finished | {finished_at} |
| software | {software} |

`{card}` has the settings of stage 2. What it reaches on films of another seed is in `docs/training.md` of
facesift, and `python -m benchmarks.demonstration` measures it.
"""
_SHUFFLED = "\nIt learned from labels in random order, so that it must know nothing.\n"


def write_model_card(out: Path, directory: Path) -> None:
    """Write the README of a demonstration into its checkpoint.

    Args:
        out: folder that it was made in, for its plan.
        directory: of the checkpoint.
    """
    plan: dict[str, Any] = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    card: dict[str, Any] = json.loads((directory / TRAINING_CARD_FILE).read_text(encoding="utf-8"))
    request, steps = plan["request"], plan["steps"]
    model = load_checkpoint(directory, dtype="float32", device="cpu").model
    command = (
        f"facesift train --stage demonstration --minutes {request['minutes']:g} --seed {request['seed']}"
        + (" --shuffle-labels" if request["is_shuffled"] else "")
    )
    text = _TEXT.format(
        shuffled=_SHUFFLED if request["is_shuffled"] else "",
        millions=sum(parameter.numel() for parameter in model.parameters()) / 1e6,
        branch=request["cross_attention"],
        dtype=card["weights_dtype"],
        command=command,
        steps="\n".join(f"| {title} | {steps[name]:,} |" for name, title in _STEPS.items() if name in steps),
        samples=card["samples"],
        finished_at=card["finished_at"],
        software=", ".join(f"{name} {number}" for name, number in card["software"].items()),
        card=TRAINING_CARD_FILE,
    )
    (directory / NAME).write_text(text, encoding="utf-8")
