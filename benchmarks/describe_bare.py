"""What a device makes of Face-LLaVA: clips and tokens per second, and how close that is to its limits.

For a machine that has nothing but torch, transformers, numpy, safetensors and Pillow: weights are random, and
words become tokens without a tokenizer's file. Copy `model/` and this file there. The default shape is the
released one, 7B decoder and ViT-L towers, 8 x 257 visual tokens; the five questions are asked of every clip.

    python -m benchmarks.describe_bare [--shape 7b|tiny] [--device cuda] [--dtype bfloat16]
                                       [--batches 1 4 16] [--tokens 96] [--peak-tflops 989 --peak-gbs 4800]

Two limits are compared with. Encoding, prefixes and scoring (phase 1) are held against the arithmetic that
the device sustains in one large matrix product; writing the texts word by word (phase 2) against the memory
bandwidth that it sustains in one large copy, counting per step the decoder's weights once and every clip's
keys and values once. `--peak-tflops` and `--peak-gbs` put a data sheet's figures in their place.

It has only been run at the tiny shape on a CPU, to see that it works; there was no GPU to measure.
"""

import argparse
import re
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from model.checkpoints.checkpoint import resolve_device, resolve_dtype
from model.checkpoints.weight_plan import build_empty
from model.clip import FaceClip
from model.engines.engine import EngineConfig, EngineError
from model.engines.torch_engine import TorchEngine
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.prompting import asking
from model.prompting.plan import Plan
from model.prompting.questions import DEFAULT_QUESTIONS
from model.prompting.tokenizer import LlamaTokenizer

_TINY_TOWER = TowerConfig(hidden_size=32, intermediate_size=64, layers=2, heads=2, image_size=56)
SHAPES = {
    "7b": FaceLlavaConfig(),
    "tiny": FaceLlavaConfig(
        llm=LlmConfig(hidden_size=64, intermediate_size=128, layers=2, heads=4, kv_heads=4),
        image_tower=_TINY_TOWER,
        video_tower=replace(_TINY_TOWER, frames=8, has_temporal_attention=True),
    ),
}


class Words:
    """A tokenizer without a file: a number per word or sign, the same on every machine."""

    bos_id, eos_id, vocabulary = 1, 2, 32000

    def encode(self, text: str) -> tuple[int, ...]:
        """Return a token per word, with the space before it, and per other sign."""
        words = re.findall(r" ?\w+|[^\w]", text)
        return tuple(3 + zlib.crc32(word.encode()) % (self.vocabulary - 3) for word in words)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the numbers."""
        return " ".join(str(index) for index in ids)


def load_words(path: Path) -> LlamaTokenizer:
    """Stand in for `model.prompting.tokenizer.load_tokenizer`."""
    del path
    return cast("LlamaTokenizer", Words())


@dataclass(frozen=True, slots=True)
class Work:
    """What describing one clip takes at least."""

    first_flops: float
    """Encoding, prefixes, scoring, and the first word of every text."""
    step_bytes: float
    """Read from memory for one more word of every text, besides the weights."""
    weights_bytes: float
    """Of the decoder, read once per step whatever the batch."""


def build_model(config: FaceLlavaConfig, device: torch.device, dtype: torch.dtype) -> FaceLlava:
    """Return a model with random weights, made on the device."""
    torch.manual_seed(0)
    model = build_empty(config).to(dtype).to_empty(device=device)
    with device, torch.no_grad():
        model.llm.model.rotary_emb = type(model.llm.model.rotary_emb)(model.llm.config)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
            else:
                parameter.fill_(1.0)
        model.llm.lm_head.weight[Words.eos_id] = 0.0  # texts never end early
    return model.eval()


def open_engine(model: FaceLlava, config: EngineConfig) -> TorchEngine:
    """Return the engine over a model, with words for tokens."""
    asking.load_tokenizer = load_words
    return TorchEngine(model, Path("no tokenizer"), config)


def count_work(model: FaceLlava, plan: Plan) -> Work:
    """Count a clip's arithmetic and memory traffic, from the sizes of its sequences."""
    config, llm = model.config, model.config.llm
    blocks = sum(parameter.numel() for parameter in model.llm.model.layers.parameters())
    size = model.llm.lm_head.weight.element_size()
    lengths: list[int] = []
    flops = 0.0
    for root in plan.roots:
        tower, kind = (
            (config.video_tower, model.video_tower)
            if root.view == "clip"
            else (config.image_tower, model.image_tower)
        )
        assert tower is not None
        assert kind is not None
        pixels = root.images * (tower.patches + 1)
        weights = sum(parameter.numel() for parameter in kind.encoder.parameters())
        layers = len(kind.encoder.layers)  # those that act
        flops += 2 * weights * pixels + 4 * layers * tower.hidden_size * pixels * (tower.patches + 1)
        length = len(root.prefix) + root.images * (
            tower.patches if root.view == "clip" else tower.patches - 1
        )
        flops += (
            2 * blocks * length + 2 * llm.layers * llm.hidden_size * length**2
        )  # causal: half of the pairs
        lengths.append(length)
    head = llm.vocab_size * llm.hidden_size
    for tree in plan.scoring:
        seen = sum(lengths[root] for root in tree.tree.roots.tolist())  # a node sees its own root
        flops += 2 * blocks * len(tree.tree) + 4 * llm.layers * llm.hidden_size * seen
        flops += 2 * head * len(tree.nodes)
    flops += 2 * blocks * len(plan.writing) + 2 * head * len(plan.writers)
    cache = 2 * llm.layers * llm.kv_heads * llm.head_size * size
    return Work(flops, float(cache * sum(lengths)), float((blocks + head) * size))


def measure_limits(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Return the FLOP/s of a large matrix product and the bytes/s of a large copy."""
    side = 8192 if device.type == "cuda" else 1024
    square = torch.randn(side, side, device=device).to(dtype)
    product_s = min(timed(lambda: square @ square, device)[0] for _ in range(5))
    block = torch.empty((1 << 30) if device.type == "cuda" else (1 << 26), dtype=torch.uint8, device=device)
    target = torch.empty_like(block)
    copy_s = min(timed(lambda: target.copy_(block), device)[0] for _ in range(5))
    return 2 * side**3 / product_s, 2 * block.numel() / copy_s


def timed(run: Callable[[], object], device: torch.device) -> tuple[float, object]:
    """Return the wall-clock seconds of a run that has ended on the device, and what it gave."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    result = run()
    wait()
    return time.perf_counter() - started, result


def random_clips(count: int) -> list[FaceClip]:
    """Return noise of the size that the reader cuts."""
    random = np.random.default_rng(0)
    return [
        FaceClip(
            random.integers(0, 256, (8, 256, 256, 3), dtype=np.uint8),
            random.uniform(0, 256, (8, 68, 2)).astype(np.float32),
            best_frame=3,
        )
        for _ in range(count)
    ]


def describe_s(model: FaceLlava, clips: list[FaceClip], tokens: int, device: torch.device) -> float:
    """Return the seconds that all questions about all clips take as one batch, texts of so many tokens."""
    config = EngineConfig(batch_clips=len(clips), max_new_tokens=tokens)
    engine = open_engine(model, config)
    engine.describe(clips[:1], DEFAULT_QUESTIONS)  # priors, and the first use of kernels
    runs = [timed(lambda: engine.describe(clips, DEFAULT_QUESTIONS), device) for _ in range(2)]
    errors = [
        answer for _, run in runs for answer in cast("list[object]", run) if isinstance(answer, EngineError)
    ]
    assert not errors, errors[0]
    return min(seconds for seconds, _ in runs)


def main(arguments: list[str] | None = None) -> None:
    """Print throughput and its share of the limits, per batch size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", default="7b", choices=list(SHAPES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--peak-tflops", type=float)
    parser.add_argument("--peak-gbs", type=float)
    options = parser.parse_args(arguments)
    device = resolve_device(options.device)
    dtype = resolve_dtype(options.dtype, device)
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    product, copy = measure_limits(device, dtype)
    flops = options.peak_tflops * 1e12 if options.peak_tflops else product
    bandwidth = options.peak_gbs * 1e9 if options.peak_gbs else copy
    print(
        f"{device} ({name}), {dtype}: {product / 1e12:.2f} TFLOP/s, {copy / 1e9:.1f} GB/s measured",
        flush=True,
    )
    model = build_model(SHAPES[options.shape], device, dtype)
    size = sum(parameter.numel() for parameter in model.parameters())
    asking.load_tokenizer = load_words
    config = EngineConfig()
    prompter = asking.open_prompter(Path("no tokenizer"), model.config, config)
    plan = asking.plan_asking(DEFAULT_QUESTIONS, model.config, prompter, config)
    work = count_work(model, plan)
    print(
        f"{size / 1e6:,.0f}M parameters, {work.first_flops / 1e12:.3f} TFLOP per clip before the texts",
        flush=True,
    )
    for batch in options.batches:
        clips = random_clips(batch)
        first_s = describe_s(model, clips, 1, device)
        whole_s = describe_s(model, clips, options.tokens, device)
        steps = options.tokens - 1
        written = batch * len(plan.writers) * options.tokens
        read = steps * (work.weights_bytes + batch * work.step_bytes)
        texts_s = max(whole_s - first_s, 1e-6)  # at tiny shapes the difference is noise
        memory = (
            f", peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device.type == "cuda" else ""
        )
        print(
            f"batch of {batch}: {batch / whole_s:.2f} clips/s, {written / whole_s:,.0f} tokens/s; "
            f"phase 1 {first_s:.2f} s, {work.first_flops * batch / first_s / flops:.1%} of the FLOP limit; "
            f"phase 2 {texts_s:.2f} s, {read / texts_s / bandwidth:.1%} "
            f"of the bandwidth limit{memory}",
            flush=True,
        )


if __name__ == "__main__":
    main()
