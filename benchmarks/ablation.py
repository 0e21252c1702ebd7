"""What the landmark branch is worth: the demonstration without it, and with each of its three variants.

All begin with the towers and the decoder of one demonstration that has been made (`facesift train --stage
demonstration --out DEMONSTRATION`), learn from the same conversations for the same steps, and are asked about
the same rendered archive, end to end. Without the branch, the steps of stage 1 go to stage 2.

    python -m benchmarks.ablation --demonstration DEMONSTRATION --out DIR [--videos 60] [--seed 901]
                                  [--share 1.0]
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

from benchmarks.demonstration import Goal, compare, render, scan
from flows.train import TrainRequest, train
from flows.training.demonstration import DemonstrationRequest, talk_settings
from model.checkpoints.checkpoint import load_checkpoint
from model.demonstration import DEMONSTRATION_CONFIG, draw_learner, save_demonstration
from model.network.config import CrossAttentionKind


def learn(base: Path, out: Path, kind: CrossAttentionKind, share: float) -> Path:
    """Train stages 1 and 2 with one variant, and return its checkpoint."""
    plan = json.loads((base / "plan.json").read_text(encoding="utf-8"))
    request = DemonstrationRequest(out, seed=plan["request"]["seed"], cross_attention=kind)
    decoder = load_checkpoint(base / "decoder" / "checkpoint", dtype="float32", device="cpu").model
    model = draw_learner(replace(DEMONSTRATION_CONFIG, cross_attention=kind), request.seed)
    learned = {name: tensor for name, tensor in decoder.state_dict().items() if "landmarks" not in name}
    model.load_state_dict(learned, strict=False)
    start = save_demonstration(model, out / "start")
    steps = {name: max(1, round(share * count)) for name, count in plan["steps"].items()}
    if kind == "none":
        steps = {"stage-2": steps["stage-1"] + steps["stage-2"]}
    data = {"stage-1": "talk-clips.json", "stage-2": "talk-alone.json" if kind == "none" else "talk.json"}
    for name in ("stage-1", "stage-2"):
        if name in steps:
            config = replace(talk_settings(request, name), steps=steps[name])
            stage = "1" if name == "stage-1" else "2"
            what = TrainRequest(stage, base / data[name], base / "clips", str(start), out / name, config)
            start = train(what).checkpoint
    return start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--demonstration", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=901)
    parser.add_argument("--share", type=float, default=1.0, help="of the demonstration's steps")
    options = parser.parse_args()
    archive = render(options.out, options.videos, options.seed)
    columns: dict[str, list[Goal]] = {}
    for kind in get_args(CrossAttentionKind):
        checkpoint = learn(options.demonstration, options.out / kind, kind, options.share)
        scan(archive, options.out / kind / "lake", checkpoint)
        columns[kind] = compare(options.out / kind / "lake", archive)[0]
    print(f"{'':48}" + "".join(f"{kind:>11}" for kind in columns))
    for row in zip(*columns.values(), strict=True):
        print(f"{row[0].name:48}" + "".join(f"{goal.value:11.3f}" for goal in row))


if __name__ == "__main__":
    main()
