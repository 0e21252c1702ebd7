"""How far the engines agree, and what the prefix cache of vLLM finds.

    .venv-vllm/bin/python benchmarks/engines.py --dtype float32 --clips 7

Runs where vLLM is installed. Without a checkpoint it takes the demonstration's random weights: then the times
say little, but the differences are those of the same arithmetic done by two programs.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from model.answers import Answer
from model.checkpoints.checkpoint import load_checkpoint
from model.clip import FaceClip
from model.demonstration import write_untrained_checkpoint
from model.engines.engine import ClipAnswers, EngineConfig, EngineError, EngineKind, VllmConfig, open_engine
from model.engines.vllm_engine import VllmEngine
from model.prompting.questions import DEFAULT_QUESTIONS


def main() -> None:
    """Ask both engines the same and print how far they agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = options.checkpoint or str(write_untrained_checkpoint(Path(directory) / "demonstration"))
        by_torch = run("torch", checkpoint, options)
        by_vllm = run("vllm", checkpoint, options)
    compare(by_torch, by_vllm)


def run(kind: EngineKind, checkpoint: str, options: argparse.Namespace) -> list[list[Answer]]:
    """Return one engine's answers per clip; print how long it took, the second time with a warm cache."""
    config = EngineConfig(
        kind=kind,
        device=options.device,
        dtype=options.dtype,
        max_new_tokens=options.tokens,
        vllm=VllmConfig(max_num_seqs=64, cpu_cache_gib=0.5),
    )
    started = time.perf_counter()
    loaded = load_checkpoint(checkpoint, options.dtype, options.device, has_decoder=kind == "torch")
    engine = open_engine(loaded, config)
    print(f"{kind}: ready after {time.perf_counter() - started:.1f} s")
    clips = [random_clip(seed) for seed in range(options.clips)]
    for attempt in ("first", "second"):
        started = time.perf_counter()
        found = engine.describe(clips, DEFAULT_QUESTIONS)
        print(f"{kind}: {attempt} time {len(clips)} clips in {time.perf_counter() - started:.2f} s")
        if isinstance(engine, VllmEngine):
            use = engine.cache_use
            print(f"  {use.cached_tokens} of {use.prompt_tokens} prompt tokens found computed so far")
    if isinstance(engine, VllmEngine):
        engine.close()
    return [answered(result) for result in found]


def random_clip(seed: int) -> FaceClip:
    """Return noise of the size that the reader cuts."""
    random = np.random.default_rng(seed)
    return FaceClip(
        random.integers(0, 256, (8, 256, 256, 3), dtype=np.uint8),
        random.uniform(0, 256, (8, 68, 2)).astype(np.float32),
        best_frame=int(random.integers(8)),
    )


def answered(result: ClipAnswers) -> list[Answer]:
    """Return the answers about a clip, none of which may have failed."""
    assert not isinstance(result, EngineError)
    return result


def compare(by_torch: list[list[Answer]], by_vllm: list[list[Answer]]) -> None:
    """Print how many texts are equal, and the largest differences of scores and log-likelihoods."""
    pairs = [
        pair for one, other in zip(by_torch, by_vllm, strict=True) for pair in zip(one, other, strict=True)
    ]
    scores = [
        (left, right)
        for one, other in pairs
        for left, right in zip(one.scores, other.scores, strict=True)
        if left.log_prob is not None and right.log_prob is not None
    ]
    written = [(one, other) for one, other in pairs if one.text or other.text]
    print(f"equal texts: {sum(one.text == other.text for one, other in written)} of {len(written)}")
    print(f"largest difference of a score: {max(abs(a.score - b.score) for a, b in scores):.2e}")
    print(
        "largest difference of a log-likelihood: "
        f"{max(abs((a.log_prob or 0) - (b.log_prob or 0)) for a, b in scores):.2e}, of {len(scores)}"
    )


if __name__ == "__main__":
    main()
