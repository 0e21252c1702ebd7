"""How fast a stage learns, how much memory it takes, and how much of a step is not the model.

A model of random weights learns from random crops with landmarks, `.npy` files as the demonstration's,
half of the samples videos, half images. Each stage is a process of its own, so that its peak of memory is
its own. The first step, which warms up, is left out. Reading and scaling pictures, collating, logging and
telling are not the model; forward, backward and the optimiser are.

    python -m benchmarks.training [--size demonstration|mid] [--steps 12] [--batch 8] [--threads 1]
                                  [--processes-ahead 0]

`mid` is a decoder of 8 layers, 512 wide, over towers at 224 px in 14 px patches, so that a video is 2,056
tokens as the real one's.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from flows.train import TrainRequest, train
from model.demonstration import DEMONSTRATION_CONFIG, draw_learner, save_demonstration
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.training.config import Stage, TrainingConfig
from model.training.run import Step

_TOWER = TowerConfig(hidden_size=256, intermediate_size=1024, layers=3, heads=4)
_LLM = LlmConfig(
    vocab_size=1024,
    hidden_size=512,
    intermediate_size=1376,
    layers=8,
    heads=8,
    kv_heads=8,
    max_positions=4096,
)
SIZES: dict[str, FaceLlavaConfig] = {
    "demonstration": DEMONSTRATION_CONFIG,
    "mid": FaceLlavaConfig(
        llm=_LLM, image_tower=_TOWER, video_tower=replace(_TOWER, frames=8, has_temporal_attention=True)
    ),
}


@dataclass(frozen=True, slots=True)
class Measured:
    samples_per_s: float
    tokens_per_s: float
    other_share: float
    peak_gib: float


def write_data(root: Path, samples: int) -> Path:
    random = np.random.default_rng(0)
    entries: list[dict[str, Any]] = []
    for number in range(samples):
        kind, frames = ("video", (8,)) if number % 2 else ("image", ())
        np.save(root / f"{number}.npy", random.integers(0, 256, (*frames, 256, 256, 3), dtype=np.uint8))
        np.save(root / f"{number}-landmarks.npy", random.uniform(0, 256, (*frames, 68, 2)).astype(np.float32))
        entries.append(
            {
                kind: f"{number}.npy",
                "landmarks_2d": f"{number}-landmarks.npy",
                "conversations": [
                    {"from": "human", "value": f"<{kind}>\nWhat is the emotion of the person?"},
                    {
                        "from": "gpt",
                        "value": "The person shows happiness, because the lip corners are pulled up.",
                    },
                ],
            }
        )
    path = root / "conversations.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def measure(stage: Stage, options: argparse.Namespace) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = write_data(root, 2 * options.batch)
        start = save_demonstration(draw_learner(SIZES[options.size], 0), root / "start")
        config = TrainingConfig(
            epochs=options.steps,
            batch_size=options.batch,
            steps=options.steps,
            save_steps=10**9,
            threads=options.threads,
            loader_processes=options.processes_ahead,
        )
        steps: list[Step] = []
        train(TrainRequest(stage, data, root, str(start), root / "out", config), steps.append)
    kept = steps[1:]
    seconds = sum(step.seconds for step in kept)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    return Measured(
        samples_per_s=options.batch * len(kept) / seconds,
        tokens_per_s=sum(step.tokens for step in kept) / seconds,
        other_share=1 - sum(step.model_s for step in kept) / seconds,
        peak_gib=peak / 2**30,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="demonstration")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes-ahead", type=int, default=0)
    options = parser.parse_args()
    print("stage   samples/s   answer tokens/s   not the model   peak memory")
    stages: tuple[Stage, ...] = ("1", "2")
    for stage in stages:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(measure, stage, options).result()
        print(
            f"{stage:5} {found.samples_per_s:11.2f} {found.tokens_per_s:17.1f} {found.other_share:14.1%}"
            f" {found.peak_gib:10.2f} GiB"
        )


if __name__ == "__main__":
    main()
