"""The vLLM engine for real, on the CPU, against the torch engine on the same checkpoint."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from model.answers import Answer
from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.parity import check_parity
from model.clip import FaceClip
from model.demonstration import write_untrained_checkpoint
from model.engines.engine import ClipAnswers, EngineConfig, EngineError, VllmConfig, open_engine
from model.engines.vllm_engine import VllmEngine
from model.prompting.labels import Label
from model.prompting.questions import DEFAULT_QUESTIONS, Question

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]  # on a busy machine a start takes minutes

PARITY = Path(__file__).parents[1] / "data" / "parity"
SCORE_TOLERANCE = 1e-2
OWN = Question(
    "gaze",
    "single_label",
    "Where does the person look?",
    labels=(
        Label("camera", variants=("at the camera", "into the camera")),
        Label("away", variants=("away", "to the side")),
    ),
    lead_in="The person looks",
    view="frame",
)
QUESTIONS = (*DEFAULT_QUESTIONS, OWN)
CONFIG = EngineConfig(
    kind="vllm",
    device="cpu",
    dtype="float32",
    batch_clips=2,
    max_new_tokens=16,
    vllm=VllmConfig(max_num_seqs=64, cpu_cache_gib=0.25),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def engine(directory: Path) -> Iterator[VllmEngine]:
    engine = open_engine(load_checkpoint(directory, "float32", "cpu", has_decoder=False), CONFIG)
    assert isinstance(engine, VllmEngine)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def by_torch(directory: Path) -> list[list[Answer]]:
    config = EngineConfig(device="cpu", dtype="float32", max_new_tokens=CONFIG.max_new_tokens)
    engine = open_engine(load_checkpoint(directory, "float32", "cpu"), config)
    return [answered(result) for result in engine.describe(clips(7), QUESTIONS)]


def clips(count: int) -> list[FaceClip]:
    random = np.random.default_rng(11)
    return [
        FaceClip(
            random.integers(0, 256, (8, 112, 112, 3), dtype=np.uint8),
            random.uniform(0, 112, (8, 68, 2)).astype(np.float32),
            best_frame=int(random.integers(8)),
        )
        for _ in range(count)
    ]


def answered(result: ClipAnswers) -> list[Answer]:
    assert not isinstance(result, EngineError)
    return result


def assert_agree(one: Sequence[Answer], other: Sequence[Answer]) -> None:
    for answer, same in zip(one, other, strict=True):
        assert (answer.question, answer.text, answer.prompt) == (same.question, same.text, same.prompt)
        assert answer.parsed_labels == same.parsed_labels
        for score, wanted in zip(answer.scores, same.scores, strict=True):
            assert score.label == wanted.label
            assert score.score == pytest.approx(wanted.score, abs=SCORE_TOLERANCE)
            for name in ("spread", "log_prob", "prior_log_prob"):
                assert getattr(score, name) == pytest.approx(getattr(wanted, name), abs=SCORE_TOLERANCE)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_it_says_what_the_torch_engine_says(
    engine: VllmEngine, by_torch: list[list[Answer]], count: int
) -> None:
    found = engine.describe(clips(count), QUESTIONS)
    assert len(found) == count
    for one, other in zip(found, by_torch, strict=False):
        assert_agree(answered(one), other)


def test_a_clip_that_overflows_fails_alone_and_poisons_nothing(
    engine: VllmEngine, by_torch: list[list[Answer]]
) -> None:
    some = clips(3)
    some[1] = FaceClip(some[1].crops, np.full((8, 68, 2), 3e38, np.float32), 0)
    found = engine.describe(some, QUESTIONS)
    assert isinstance(found[1], EngineError)
    assert (found[1].clip_index, found[1].stage) == (1, "encode")
    assert_agree(answered(found[0]), by_torch[0])
    assert_agree(answered(found[2]), by_torch[2])
    assert_agree(answered(engine.describe(clips(2), QUESTIONS)[1]), by_torch[1])


def test_the_questions_about_a_clip_share_its_prefix(engine: VllmEngine) -> None:
    use = engine.cache_use
    before = use.prompt_tokens, use.cached_tokens
    random = np.random.default_rng(12)
    new = FaceClip(
        random.integers(0, 256, (8, 112, 112, 3), dtype=np.uint8), clips(1)[0].landmarks_px, best_frame=0
    )
    engine.describe([new], DEFAULT_QUESTIONS)
    asked, cached = use.prompt_tokens - before[0], use.cached_tokens - before[1]
    assert asked > 10_000
    assert cached / asked > 0.8


def test_nothing_to_ask_is_no_answer(engine: VllmEngine) -> None:
    assert engine.describe([], QUESTIONS) == []
    assert engine.describe(clips(2), []) == [[], []]


def test_a_question_that_cannot_be_asked_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(ValueError, match="share a name"):
        engine.describe(clips(1), (OWN, OWN))


def test_it_continues_the_official_prompts_as_the_official_code_did() -> None:
    rows = {row.tensor: row for row in check_parity(PARITY / "simple", "vllm").rows}
    assert all(row.is_within for row in rows.values()), rows
    for case in ("video", "video_landmarks", "image", "image_landmarks"):
        assert rows[f"{case}.generated_ids"].max_abs_error == 0
    assert rows["image_landmarks.next_log_probs"].is_within


def test_the_towers_are_loaded_without_the_decoder(directory: Path) -> None:
    whole = load_checkpoint(directory, "float32", "cpu")
    seeing = load_checkpoint(directory, "float32", "cpu", has_decoder=False)
    assert seeing.weights_sha256 == whole.weights_sha256
    names = {name for name, _ in seeing.model.named_parameters()}
    assert names == {name for name, _ in whole.model.named_parameters() if not name.startswith("llm.")}
    pixels = torch.rand(1, 3, 112, 112)
    assert torch.equal(seeing.model.encode_image(pixels), whole.model.encode_image(pixels))
