"""Five questions about one clip: every prompt off one shared prefix, against one prompt at a time.

Both sides run the same engine with the same weights and give the same scores and texts. The plain side asks
each prompt in a call of its own, as the official script does: encode the clip, compute the visual prefix,
score the prompt's answers or write its text. The shared side asks everything in one call, of one clip or of
several at once. Each measurement is a process of its own, so that its peak of memory is its own.

The model is random, 227M parameters: a decoder of 12 layers, 1,024 wide, with Vicuna's 32,000 tokens, and
towers of 2 layers, 128 wide, at the real 224 px, so that a clip is 8 x 257 visual tokens. Real towers would
favour the shared side. Texts never end early, so that both sides write `--tokens` tokens per text.

    python -m benchmarks.describe [--size mid] [--batches 1 2 4 8 16] [--tokens 48] [--threads 1]
                                  [--device cuda --dtype bfloat16]

`--size tiny` and few batches only show that it works, in half a minute; each batch of `mid` takes minutes.
Measured figures are in docs/engines.md.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from model.clip import FaceClip
from model.demonstration import TOKENIZER_PATH
from model.engines.engine import ClipAnswers, EngineConfig, EngineError
from model.engines.interview import Interview, Outcomes
from model.engines.torch_engine import TorchEngine
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.prompting.plan import Plan
from model.prompting.questions import DEFAULT_QUESTIONS, Question

TOKENS = 1024
"""Of the tokenizer; the model has more, and never says them."""

_TOWER = TowerConfig(hidden_size=128, intermediate_size=512, layers=2, heads=4, image_size=224)
SIZES = {
    "mid": FaceLlavaConfig(
        llm=LlmConfig(hidden_size=1024, intermediate_size=2816, layers=12, heads=16, kv_heads=16),
        image_tower=_TOWER,
        video_tower=replace(_TOWER, frames=8, has_temporal_attention=True),
    ),
    "tiny": FaceLlavaConfig(
        llm=LlmConfig(TOKENS, hidden_size=64, intermediate_size=128, layers=2, heads=4, kv_heads=4),
        image_tower=replace(_TOWER, image_size=28),
        video_tower=replace(_TOWER, image_size=28, frames=8, has_temporal_attention=True),
    ),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What one process measures.

    Attributes:
        batch: clips at once of the shared side; None is the plain side, one clip prompt by prompt.
        size: of `SIZES`.
        device: where to.
        dtype: of weights and activations.
        tokens: written per text.
        threads: of torch; None is its own choice.
    """

    batch: int | None
    size: str
    device: str
    dtype: str
    tokens: int
    threads: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it.

    Attributes:
        clip_s: seconds per clip: of CPU time, which counts no waiting for others, on a GPU of the clock.
        peak_mib: most memory held, of the process or of the GPU.
        weights_mib: memory held with the model loaded, before the first question.
        answers: about the first clip, one list of the shared side, one per prompt of the plain side.
    """

    clip_s: float
    peak_mib: float
    weights_mib: float
    answers: tuple[ClipAnswers, ...]


def build_model(size: str, device: str, dtype: torch.dtype) -> FaceLlava:
    """Return the random model, the same for the same size, device and dtype."""
    torch.manual_seed(0)
    model = FaceLlava(SIZES[size])
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


def measure(task: Task) -> Measured:
    """Measure one side in this process."""
    if task.threads:
        torch.set_num_threads(task.threads)
    model = build_model(task.size, task.device, getattr(torch, task.dtype))
    weights_mib = held_mib(task.device)
    config = EngineConfig(max_new_tokens=task.tokens, batch_clips=task.batch or 1)
    warm = WithoutPriors(model, TOKENIZER_PATH, replace(config, max_new_tokens=2))
    warm.describe([random_clip(0)], DEFAULT_QUESTIONS[-1:])  # first use of kernels and threads
    engine = WithoutPriors(model, TOKENIZER_PATH, config)
    clips = [random_clip(seed) for seed in range(task.batch or 1)]
    if task.batch is None:
        prompts = single_prompts(DEFAULT_QUESTIONS)
        spent_s, answers = timed(
            lambda: [engine.describe(clips, [prompt])[0] for prompt in counted(prompts)], task.device
        )
    else:
        spent_s, answers = timed(lambda: engine.describe(clips, DEFAULT_QUESTIONS)[:1], task.device)
    return Measured(spent_s / len(clips), peak_mib(task.device), weights_mib, tuple(answers))


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


def counted(prompts: Sequence[Question]) -> Iterable[Question]:
    """Yield prompts, and say on a terminal how many there were."""
    for number, prompt in enumerate(prompts, 1):
        if sys.stderr.isatty():
            print(f"\rplain: prompt {number} of {len(prompts)}", end="", file=sys.stderr, flush=True)
        yield prompt
    if sys.stderr.isatty():
        print("\r" + " " * 40, end="\r", file=sys.stderr)


def timed(run: Callable[[], list[ClipAnswers]], device: str) -> tuple[float, list[ClipAnswers]]:
    """Return the seconds of a run, of CPU time on a CPU, and its result."""
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


def held_mib(device: str) -> float:
    """Return the memory held now, of the process or of the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.memory_allocated() / 2**20
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main(arguments: list[str] | None = None) -> None:
    """Print times, peaks and their ratios, a line per measurement as it ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="mid", choices=list(SIZES))
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 2, 4, 8, 16])
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    options = parser.parse_args(arguments)
    plain_task = Task(None, options.size, options.device, options.dtype, options.tokens, options.threads)
    with ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as processes:
        prompts = len(single_prompts(DEFAULT_QUESTIONS))
        print(
            f"{options.size}, {options.dtype} on {options.device}; plain, {prompts} prompts ...", flush=True
        )
        plain = processes.submit(measure, plain_task).result()
        print(f"plain: {told(plain)}", flush=True)
        for batch in options.batches:
            print(f"shared, batch of {batch} ...", flush=True)
            shared = processes.submit(measure, replace(plain_task, batch=batch)).result()
            difference, equal = differences(shared.answers[0], plain.answers)
            print(
                f"shared, batch of {batch}: {told(shared)}, "
                f"{plain.clip_s / shared.clip_s:.1f} times as fast; log-probabilities differ by at most "
                f"{difference:.1e}, {equal} of {len(DEFAULT_QUESTIONS)} texts are equal",
                flush=True,
            )


def told(measured: Measured) -> str:
    """Return time and memory in words."""
    return (
        f"{measured.clip_s:.2f} s per clip, peak {measured.peak_mib:,.0f} MiB, "
        f"{measured.weights_mib:,.0f} of them before the first question"
    )


if __name__ == "__main__":
    main()
