"""The engine against the plain way: one prompt at a time, whole sequences, no cache, no tree."""

import copy
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.answers import Answer
from model.clip import FaceClip
from model.demonstration import TOKENIZER_PATH as DEMONSTRATION_TOKENIZER
from model.engines.engine import (
    ClipAnswers,
    EngineConfig,
    EngineDiedError,
    EngineError,
    VllmConfig,
    check_engine,
)
from model.engines.torch_engine import TorchEngine
from model.engines.trunk import Trunk
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.preprocess import Preprocess
from model.prompting.asking import open_prompter, plan_asking
from model.prompting.labels import Label
from model.prompting.prompts import Prompter
from model.prompting.questions import Question, View
from model.prompting.token_tree import ScoringTree
from model.prompting.tokenizer import load_tokenizer
from model.scoring import closed_prompts, label_scores, log_sum

TOKENIZER = Path(__file__).parents[1] / "data" / "parity" / "text" / "tokenizer.model"
CONFIG = EngineConfig(device="cpu", dtype="float32", batch_clips=4, max_new_tokens=12)
QUESTIONS = (
    Question(
        "mood",
        "single_label",
        "What is the mood?",
        labels=(Label("happy", variants=("happy", "glad")), Label("sad")),
    ),
    Question(
        "marks",
        "multi_label",
        "Which marks are there?",
        "Is there {label}?",
        (Label("a hat"), Label("glasses")),
        view="frame",
    ),
    Question("age", "number", "How old is the person?", view="frame", maximum=12),
    Question(
        "lead",
        "single_label",
        "And?",
        labels=(Label("real"), Label("fake")),
        lead_in="The face is",
        rationale=False,
    ),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> FaceLlava:
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "layers": 2,
        "heads": 4,
        "image_size": 28,
    }
    torch.manual_seed(3)
    model = FaceLlava(
        FaceLlavaConfig(
            llm=LlmConfig(
                vocab_size=512, hidden_size=64, intermediate_size=96, layers=2, heads=4, kv_heads=4
            ),
            image_tower=TowerConfig(**sizes),
            video_tower=TowerConfig(**sizes, frames=8, has_temporal_attention=True),
        )
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def clips(count: int) -> list[FaceClip]:
    random = np.random.default_rng(5)
    return [
        FaceClip(
            random.integers(0, 256, (8, 40, 40, 3), dtype=np.uint8),
            random.uniform(0, 40, (8, 68, 2)).astype(np.float32),
            best_frame=int(random.integers(8)),
        )
        for _ in range(count)
    ]


def mixed_clips(count: int) -> list[FaceClip]:
    """Return clips of 1 to 12 frames, of crops of several sizes."""
    random = np.random.default_rng(6)
    some: list[FaceClip] = []
    for number in range(count):
        frames, size = 1 + number * 5 % 12, (24, 40, 56)[number % 3]
        crops = random.integers(0, 256, (frames, size, size, 3), dtype=np.uint8)
        landmarks = random.uniform(0, size, (frames, 68, 2)).astype(np.float32)
        some.append(FaceClip(crops, landmarks, best_frame=int(random.integers(frames))))
    return some


def answered(result: ClipAnswers) -> list[Answer]:
    assert not isinstance(result, EngineError)
    return result


class Naive:
    """Asks one prompt at a time and computes every prompt from its first token."""

    def __init__(self, model: FaceLlava) -> None:
        self.model = model
        self.prompter = Prompter(load_tokenizer(TOKENIZER))

    def logits(self, question: Question, clip: FaceClip | None, ids: Sequence[int]) -> torch.Tensor:
        """Of every position behind the prefix, [len(ids), V]; without a clip, of a blank one."""
        preprocess = Preprocess(28, 28, 8)
        if question.view == "clip":
            pixels, landmarks = preprocess.video(clip) if clip else (torch.zeros(3, 8, 28, 28), None)
            visual = self.model.encode_video(pixels[None], None if landmarks is None else landmarks[None])[0]
        else:
            pixels, landmarks = preprocess.image(clip) if clip else (torch.zeros(3, 28, 28), None)
            visual = self.model.encode_image(pixels[None], None if landmarks is None else landmarks[None])
        whole = torch.tensor([*self.prompter.prefix(len(visual)), *ids])[None]
        return self.model(whole, list(visual)).logits[0, -len(ids) :]

    def outcomes(self, question: Question, clip: FaceClip | None) -> list[np.ndarray]:
        result: list[np.ndarray] = []
        for prompt in closed_prompts(question):
            suffix = self.prompter.suffix(prompt.prompt)
            given = len(self.prompter.continuation(prompt.prompt, prompt.lead_in)) if prompt.lead_in else 0
            of_prompt: list[float] = []
            for answers in prompt.answers:
                tails = [
                    self.prompter.continuation(prompt.prompt, f"{prompt.lead_in} {a}".strip())
                    for a in answers
                ]
                # "year" begins "years" in this vocabulary: the shorter one holds the longer one.
                tails = [t for t in tails if not any(t != o and t[: len(o)] == o for o in tails)]
                of_prompt.append(
                    log_sum(np.array([self.tail(question, clip, suffix, t, given) for t in tails]))
                )
            result.append(np.array(of_prompt))
        return result

    def tail(
        self,
        question: Question,
        clip: FaceClip | None,
        suffix: tuple[int, ...],
        ids: tuple[int, ...],
        given: int,
    ) -> float:
        log_probs = self.logits(question, clip, (*suffix, *ids)).log_softmax(-1)[len(suffix) - 1 : -1]
        return float(log_probs[torch.arange(len(ids)), torch.tensor(ids)][given:].double().sum())

    def text(self, question: Question, clip: FaceClip) -> str:
        suffix = self.prompter.suffix(question.prompt)
        written: list[int] = []
        while len(written) < CONFIG.max_new_tokens:
            token = int(self.logits(question, clip, (*suffix, *written))[-1].argmax())
            if token == self.prompter.tokenizer.eos_id:
                break
            written.append(token)
        return self.prompter.tokenizer.decode(written)


@torch.inference_mode()
def test_the_tree_says_what_one_prompt_at_a_time_says(model: FaceLlava) -> None:
    naive = Naive(model)
    (clip,) = clips(1)
    (result,) = TorchEngine(model, TOKENIZER, CONFIG).describe([clip], QUESTIONS)
    for question, answer in zip(QUESTIONS, answered(result), strict=True):
        assert answer.question == question.name
        assert answer.view == question.view
        assert answer.text == (naive.text(question, clip) if question.rationale else "")
        expected = label_scores(question, naive.outcomes(question, clip), naive.outcomes(question, None))
        for score, wanted in zip(answer.scores, expected, strict=True):
            assert score.label == wanted.label
            assert score.score == pytest.approx(wanted.score, abs=1e-4)
            assert score.spread == pytest.approx(wanted.spread, abs=1e-3)
            assert score.log_prob == pytest.approx(wanted.log_prob, abs=1e-4)
            assert score.prior_log_prob == pytest.approx(wanted.prior_log_prob, abs=1e-4)
        is_number = question.kind == "number"
        assert answer.numbers == (tuple(range(13)) if is_number else ())
        for kept, of in ((answer.number_log_probs, clip), (answer.number_prior_log_probs, None)):
            alone = naive.outcomes(question, of)[0] if is_number else np.empty(0)
            np.testing.assert_allclose(np.array(kept), alone, atol=1e-4)


@pytest.fixture(scope="module")
def at_once(model: FaceLlava) -> list[ClipAnswers]:
    config = replace(CONFIG, batch_clips=64)
    return TorchEngine(model, TOKENIZER, config).describe(mixed_clips(64), QUESTIONS)


@pytest.mark.parametrize("batch_clips", [1, 2, 7])
def test_64_clips_at_once_are_answered_as_few_at_a_time(
    model: FaceLlava, at_once: list[ClipAnswers], batch_clips: int
) -> None:
    config = replace(CONFIG, batch_clips=batch_clips)
    few = TorchEngine(model, TOKENIZER, config).describe(mixed_clips(64), QUESTIONS)
    assert len(few) == len(at_once) == 64
    for one, other in zip(at_once, few, strict=True):
        for answer, same in zip(answered(one), answered(other), strict=True):
            assert (answer.question, answer.view, answer.text) == (same.question, same.view, same.text)
            assert [s.score for s in answer.scores] == pytest.approx([s.score for s in same.scores], abs=1e-4)
    assert len({answered(one)[0].scores[0].score for one in at_once}) == 64  # no clip has another's answer


@pytest.mark.parametrize("view", ["clip", "frame"])
def test_a_clip_alone_is_answered_as_among_64(
    model: FaceLlava, at_once: list[ClipAnswers], view: View
) -> None:
    """Asked only about one view, in a call of its own."""
    asked = [question for question in QUESTIONS if question.view == view]
    engine = TorchEngine(model, TOKENIZER, CONFIG)
    for number in (0, 13, 63):
        (alone,) = engine.describe([mixed_clips(64)[number]], asked)
        among = [answer for answer in answered(at_once[number]) if answer.view == view]
        for answer, same in zip(answered(alone), among, strict=True):
            assert (answer.question, answer.text) == (same.question, same.text)
            assert [s.score for s in answer.scores] == pytest.approx([s.score for s in same.scores], abs=1e-4)


def test_small_trees_score_as_one_big_tree(model: FaceLlava) -> None:
    some = clips(2)
    small = EngineConfig(device="cpu", dtype="float32", max_new_tokens=1, tree_tokens=20)
    big = EngineConfig(device="cpu", dtype="float32", max_new_tokens=1)
    one, other = (TorchEngine(model, TOKENIZER, config).describe(some, QUESTIONS) for config in (small, big))
    for first, second in zip(one, other, strict=True):
        for answer, same in zip(answered(first), answered(second), strict=True):
            assert [s.score for s in answer.scores] == pytest.approx([s.score for s in same.scores], abs=1e-5)


def test_the_same_list_gives_the_same_bits_again(model: FaceLlava) -> None:
    engine = TorchEngine(model, TOKENIZER, CONFIG)
    some = clips(5)
    assert engine.describe(some, QUESTIONS) == engine.describe(some, QUESTIONS)
    assert engine.describe([], QUESTIONS) == []


def test_a_bad_clip_fails_alone(model: FaceLlava) -> None:
    some = clips(3)
    far = np.full((8, 68, 2), 3e38, np.float32)
    some[1] = FaceClip(some[1].crops, far, 0)
    engine = TorchEngine(model, TOKENIZER, CONFIG)
    results = engine.describe(some, QUESTIONS)
    assert isinstance(results[1], EngineError)
    assert (results[1].clip_index, results[1].stage) == (1, "encode")
    assert "not finite" in str(results[1])
    assert answered(results[0])[0].text == answered(engine.describe(some[:1], QUESTIONS)[0])[0].text
    assert len(answered(results[2])) == len(QUESTIONS)


def test_a_clip_without_finite_likelihoods_fails_alone(
    model: FaceLlava, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Trunk.score

    def spoilt(trunk: Trunk, scoring: ScoringTree) -> NDArray[np.float64]:
        log_probs = score(trunk, scoring)
        log_probs[1:2, 0] = np.nan  # of the second clip; a blank clip comes alone
        return log_probs

    monkeypatch.setattr(Trunk, "score", spoilt)
    results = TorchEngine(model, TOKENIZER, CONFIG).describe(clips(3), QUESTIONS)
    assert [isinstance(result, EngineError) for result in results] == [False, True, False]
    assert "clip 1, score: likelihoods not finite" in str(results[1])


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(EngineError(3, "score", "no")))
    assert (error.clip_index, error.stage, str(error)) == (3, "score", "clip 3, score: no")


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ((QUESTIONS[0], replace(QUESTIONS[1], name="mood")), "share a name"),
        ((replace(QUESTIONS[0], score_prompt="why? " * 1500),), "shorten the prompts"),
        (
            (replace(QUESTIONS[0], labels=(Label("no"), Label("none", variants=("no one",)))),),
            "begins one for",
        ),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_runs(
    model: FaceLlava, questions: tuple[Question, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TorchEngine(model, TOKENIZER, CONFIG).describe(clips(1), questions)


def test_a_view_without_a_tower_is_an_error() -> None:
    small = LlmConfig(vocab_size=512, hidden_size=32, intermediate_size=32, layers=1, heads=2, kv_heads=2)
    tower = TowerConfig(hidden_size=32, intermediate_size=32, layers=2, heads=2, image_size=28)
    blind = FaceLlava(FaceLlavaConfig(llm=small, image_tower=tower, video_tower=None, cross_attention="none"))
    engine = TorchEngine(blind, TOKENIZER, CONFIG)
    with pytest.raises(ValueError, match="no tower for view 'clip'; change it of mood"):
        engine.describe(clips(1), QUESTIONS)
    assert len(answered(engine.describe(clips(1), [replace(QUESTIONS[0], view="frame")])[0])) == 1


def test_a_foreign_tokenizer_is_refused(model: FaceLlava) -> None:
    with pytest.raises(ValueError, match="1024 tokens, the model 512"):
        TorchEngine(model, DEMONSTRATION_TOKENIZER, CONFIG)


@pytest.mark.parametrize("name", ["bos", "eos"])
@pytest.mark.parametrize("token", [-1, 3])
def test_a_tokenizer_with_other_special_tokens_is_refused(name: str, token: int, model: FaceLlava) -> None:
    other = replace(model.config, llm=replace(model.config.llm, **{f"{name}_token_id": token}))
    with pytest.raises(ValueError, match=rf"tokenizer\.model has {name} [12], .* {name}_token_id {token};"):
        open_prompter(TOKENIZER, other, CONFIG)


@torch.inference_mode()
def test_a_text_ends_at_eos(model: FaceLlava) -> None:
    naive, (clip,), question = Naive(model), clips(1), QUESTIONS[0]
    written: list[int] = []
    for _ in range(CONFIG.max_new_tokens):
        asked = (*naive.prompter.suffix(question.prompt), *written)
        written.append(int(naive.logits(question, clip, asked)[-1].argmax()))
    end = next(place for place in range(2, len(written)) if written[place] not in written[:place])
    ending = copy.deepcopy(model)
    head = ending.llm.lm_head.weight
    head[naive.prompter.tokenizer.eos_id] = 1.01 * head[written[end]]  # a little more likely
    (result,) = TorchEngine(ending, TOKENIZER, CONFIG).describe([clip], [question])
    assert answered(result)[0].text == naive.prompter.tokenizer.decode(written[:end])


@pytest.mark.parametrize(
    "change", [{"batch_clips": 0}, {"max_new_tokens": 0}, {"tree_tokens": 0}, {"threads": 0}]
)
def test_an_engine_needs_something_to_work_with(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        EngineConfig(**change)  # pyright: ignore[reportArgumentType] - the fields of this table are integers


def test_vllm_is_refused_at_once_where_it_is_not_installed() -> None:
    config = EngineConfig(kind="vllm")
    with pytest.raises(ValueError, match="vLLM is not installed here: `make gpu-vllm`"):
        check_engine(config)
    check_engine(EngineConfig())


def test_vllm_is_refused_for_a_decoder_that_it_cannot_run(model: FaceLlava) -> None:
    other = replace(model.config, llm=replace(model.config.llm, activation="gelu"))
    config = replace(CONFIG, kind="vllm")
    prompter = open_prompter(TOKENIZER, other, config)
    with pytest.raises(ValueError, match="with silu only, and this one has gelu"):
        plan_asking(QUESTIONS, other, prompter, config)
    plan_asking(QUESTIONS, other, prompter, CONFIG)


def test_vllm_does_not_quantise() -> None:
    with pytest.raises(ValueError, match="vLLM engine does not quantise"):
        EngineConfig(kind="vllm", quantization="4bit")


@pytest.mark.parametrize(
    "change",
    [{"max_num_seqs": 0}, {"max_model_len": 0}, {"gpu_memory_utilization": 1.5}, {"cpu_cache_gib": 0.0}],
)
def test_vllm_needs_something_to_work_with(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="engine vllm"):
        VllmConfig(**change)


def test_only_vllm_takes_several_gpus() -> None:
    shared = VllmConfig(tensor_parallel_size=2)
    assert EngineConfig(kind="vllm", vllm=shared).gpus == 2
    assert EngineConfig(vllm=shared).gpus == 1


def test_an_engine_s_death_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(EngineDiedError("why"))).message == "why"
