"""Five questions about one clip: every prompt off one shared prefix, against one prompt at a time.

Both sides run the same engine with the same weights and give the same scores and texts. The plain side asks
each prompt in a call of its own, as the official script does: encode the clip, compute the visual prefix,
score the prompt's answers or write its text. The shared side asks everything in one call.

The model is random, 227M parameters: a decoder of 12 layers, 1,024 wide, with Vicuna's 32,000 tokens, and
towers of 2 layers, 128 wide, at the real 224 px, so that a clip is 8 x 257 visual tokens. Real towers would
favour the shared side. Texts never end early, so that both sides write `--tokens` tokens per text.

    python benchmarks/describe.py [--device cuda --dtype bfloat16] [--tokens 48] [--batches 1 4]

One thread of a shared, busy 2-core machine, float32, 48 tokens per text, CPU seconds, 23 November 2026:

    plain, 58 prompts     149.0 s per clip
    shared, batch of 1     30.0 s per clip   5.0 times as fast   peak 1,899 MiB, weights included

and earlier the same day, the plain side at 133.1 s, a batch of 4: 23.9 s per clip, 5.6 times, peak 2,744 MiB.
Batches of 8 and 16 (`--batches 8 16`) take minutes each and were not measured.
"""

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from model.clip import FaceClip
from model.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.demonstration import TOKENIZER_PATH
from model.engine import ClipAnswers, EngineConfig, EngineError
from model.face_llava import FaceLlava
from model.interview import Interview, Outcomes
from model.plan import Plan
from model.questions import DEFAULT_QUESTIONS, Question
from model.torch_engine import TorchEngine

TOKENS = 1024
"""Of the tokenizer; the model has more, and never says them."""


def build_model(device: str, dtype: torch.dtype) -> FaceLlava:
    """Return the random model, the same for the same device and dtype."""
    tower = TowerConfig(hidden_size=128, intermediate_size=512, layers=2, heads=4, image_size=224)
    torch.manual_seed(0)
    model = FaceLlava(
        FaceLlavaConfig(
            llm=LlmConfig(hidden_size=1024, intermediate_size=2816, layers=12, heads=16, kv_heads=16),
            image_tower=tower,
            video_tower=replace(tower, frames=8, has_temporal_attention=True),
        )
    )
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "embed" not in name:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if "lm_head" in name:
            torch.nn.init.zeros_(parameter[TOKENS:])
    return model.to(device, dtype).eval()


def single_prompts(questions: Sequence[Question]) -> list[Question]:
    """Return questions of one closed prompt each; the first of each question also writes the text.

    That the text shares its clip's prefix with a closed prompt favours the plain side by five prefixes.
    """
    prompts: list[Question] = []
    for question in questions:
        if question.kind == "multi_label":
            prompts += [
                replace(question, labels=(label,), rationale=position == 0)
                for position, label in enumerate(question.labels)
            ]
        else:
            prompts.append(question)
    return prompts


def random_clip(seed: int) -> FaceClip:
    """Return noise of the size that the reader cuts."""
    random = np.random.default_rng(seed)
    crops = random.integers(0, 256, (8, 256, 256, 3), dtype=np.uint8)
    return FaceClip(crops, random.uniform(0, 256, (8, 68, 2)).astype(np.float32), best_frame=3)


class _NoPriors(Interview):
    def priors(self, plan: Plan, ask_blank: Callable[[], Outcomes]) -> Outcomes:
        del ask_blank
        return plan.outcomes([np.zeros(len(tree.terms)) for tree in plan.scoring])


class WithoutPriors(TorchEngine):
    """The engine without the blank clip, which costs the same on both sides, once per checkpoint."""

    def __init__(self, model: FaceLlava, tokenizer_path: Path, config: EngineConfig) -> None:
        super().__init__(model, tokenizer_path, config)
        self._interview = _NoPriors(model.config, tokenizer_path, config)


def differences(shared: ClipAnswers, plain: Sequence[ClipAnswers]) -> tuple[float, int]:
    """Return the largest difference of log-probabilities between the sides, and how many texts are equal."""
    assert not isinstance(shared, EngineError)
    singles = [result[0] for result in plain if not isinstance(result, EngineError)]
    ours, theirs = (
        [(s.label, s.log_prob or s.score) for answer in answers for s in answer.scores]
        for answers in (shared, singles)
    )
    assert [label for label, _ in ours] == [label for label, _ in theirs]
    texts = {answer.question: answer.text for answer in reversed(singles)}  # the first of a question writes
    return (
        max(abs(one - other) for (_, one), (_, other) in zip(ours, theirs, strict=True)),
        sum(texts[answer.question] == answer.text for answer in shared),
    )


def timed(run: Callable[[], list[ClipAnswers]], device: str) -> tuple[float, list[ClipAnswers]]:
    """Return the seconds of a run and its result: on a CPU of CPU time, which counts no waiting for others.

    A GPU is timed by the wall clock.
    """
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    started = clock()
    result = run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - started, result


def peak_mib(device: str) -> float:
    """Return the most memory held so far, of the process or of the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Print the two times, their ratio, and the shared side's throughput and memory per batch size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    model = build_model(options.device, getattr(torch, options.dtype))
    config = EngineConfig(max_new_tokens=options.tokens)
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{size:.0f}M parameters, {options.dtype} on {options.device}, {torch.get_num_threads()} threads")
    print(f"memory with the weights: {peak_mib(options.device):.0f} MiB", flush=True)
    engine = WithoutPriors(model, TOKENIZER_PATH, replace(config, max_new_tokens=2))
    engine.describe([random_clip(0)], DEFAULT_QUESTIONS)  # first use of kernels and threads

    results: dict[int, tuple[float, list[ClipAnswers]]] = {}
    for batch in options.batches:
        engine = WithoutPriors(model, TOKENIZER_PATH, replace(config, batch_clips=batch))
        clips = [random_clip(seed) for seed in range(batch)]
        results[batch] = timed(
            lambda engine=engine, clips=clips: engine.describe(clips, DEFAULT_QUESTIONS), options.device
        )
        clip_s = results[batch][0] / batch
        print(
            f"shared, batch of {batch}: {clip_s:.2f} s per clip, peak {peak_mib(options.device):.0f} MiB",
            flush=True,
        )

    engine = WithoutPriors(model, TOKENIZER_PATH, config)
    prompts = single_prompts(DEFAULT_QUESTIONS)
    plain_s, plain = timed(
        lambda: [engine.describe([random_clip(0)], [p])[0] for p in prompts], options.device
    )
    print(f"plain, {len(prompts)} prompts one at a time: {plain_s:.2f} s per clip")
    for batch, (spent_s, result) in results.items():
        difference, equal = differences(result[0], plain)
        print(
            f"shared, batch of {batch}: {plain_s / (spent_s / batch):.1f} times as fast; log-probabilities "
            f"differ by at most {difference:.1e}, {equal} of {len(DEFAULT_QUESTIONS)} texts are equal"
        )


if __name__ == "__main__":
    main()
