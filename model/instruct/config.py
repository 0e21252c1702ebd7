"""How instruction data is built: who writes, who judges, what it costs, what is kept."""

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from model.instruct.chat import ChatConfig


@dataclass(frozen=True, slots=True)
class PriceConfig:
    """What a model costs, and how long its questions and answers are, for the estimate before the start."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    per_million_prompt_tokens: float = 0.0
    """In `InstructConfig.currency`."""
    per_million_answer_tokens: float = 0.0
    """In the same."""
    tokens_per_picture: int = 258
    """What the model counts for a picture of 256 px."""
    answer_tokens: int = 160
    """Of an answer, on average."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{one.name} is {value}; give 0 or more")


@dataclass(frozen=True, slots=True)
class InstructConfig:
    """Settings of `facesift instruct`, read from TOML; every key is optional."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    writer: ChatConfig | None = None
    """The model that writes descriptions; None writes labels only."""
    judge: ChatConfig | None = None
    """The model that rates them; None keeps all."""
    threshold: int = 6
    """Least of each of the four ratings, 1..10, with which a sample is kept. The paper's is not known."""
    pictures: int = 4
    """Frames of a video that writer and judge see."""
    asked_at_once: int = 8
    """Questions that writer and judge have before them at the same time."""
    give_up_after: int = 20
    """Samples in a row that writer or judge fail on before the run stops."""
    one_face_share: float = 0.7
    """Share of the sampled frames that must show exactly one face."""
    writer_price: PriceConfig = field(default_factory=PriceConfig)
    judge_price: PriceConfig = field(default_factory=PriceConfig)
    currency: str = "USD"
    sheet_samples: int = 60
    """Samples on the sheet."""

    def __post_init__(self) -> None:
        if self.judge is not None and self.writer is None:
            raise ValueError("a judge rates what a writer wrote; give writer too")
        if not 1 <= self.threshold <= 10:
            raise ValueError(f"threshold is {self.threshold}; ratings go from 1 to 10")
        if not 0 < self.one_face_share <= 1:
            raise ValueError(f"one_face_share is {self.one_face_share}; give a share above 0, at most 1")
        for name in ("pictures", "asked_at_once", "give_up_after"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.sheet_samples < 0:
            raise ValueError(f"sheet_samples is {self.sheet_samples}; give 0 or more")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What building costs, about: by average lengths, every question asked once, and no answer kept yet.

    Attributes:
        calls: questions to the writer and the judge.
        prompt_tokens: of all of them.
        answer_tokens: of all answers.
        price: in the configuration's currency.
    """

    calls: int
    prompt_tokens: int
    answer_tokens: int
    price: float


_PROMPT_TOKENS = 250
"""Of the texts of a question, on average."""


def estimate(config: InstructConfig, samples: int, videos: int) -> Estimate:
    """Return what so many samples cost that have passed the face filter, `videos` of them videos."""
    calls = prompt_tokens = answer_tokens = 0
    price = 0.0
    pictures = samples - videos + videos * config.pictures
    for chat, each in ((config.writer, config.writer_price), (config.judge, config.judge_price)):
        if chat is None:
            continue
        asked = samples * _PROMPT_TOKENS + pictures * each.tokens_per_picture
        answered = samples * each.answer_tokens
        calls += samples
        prompt_tokens += asked
        answer_tokens += answered
        price += (
            asked * each.per_million_prompt_tokens + answered * each.per_million_answer_tokens
        ) / 1_000_000
    return Estimate(calls, prompt_tokens, answer_tokens, price)
