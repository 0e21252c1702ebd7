"""The talk around the decoder that all engines share: what to ask, and what the replies mean."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from model.answers import Answer
from model.engines.engine import EngineConfig
from model.network.config import FaceLlavaConfig
from model.parsing.reading import read_answer
from model.prompting.asking import open_prompter, plan_asking
from model.prompting.plan import Plan
from model.prompting.questions import Question
from model.scoring import LogProbs, label_scores

Outcomes = list[list[LogProbs]]
"""Log-likelihoods, [question][closed prompt][outcome]."""


class Interview:
    """Plans questions for one network, reads its replies, and remembers what it says to a blank clip.

    Attributes:
        tokenizer: of the network.

    Args:
        network: its sizes.
        tokenizer_path: its tokenizer.model.
        config: template and lengths.

    Raises:
        ValueError: when the tokenizer and the network do not belong together.
    """

    def __init__(self, network: FaceLlavaConfig, tokenizer_path: Path, config: EngineConfig) -> None:
        self._prompter = open_prompter(tokenizer_path, network, config)
        self.tokenizer = self._prompter.tokenizer
        self._network = network
        self._config = config
        self._plans: dict[tuple[Question, ...], Plan] = {}
        self._priors: dict[Question, list[LogProbs]] = {}

    def plan(self, questions: tuple[Question, ...]) -> Plan:
        """Return the plan of some questions, made once.

        Raises:
            ValueError: when one cannot be asked of this network.
        """
        if questions not in self._plans:
            self._plans[questions] = plan_asking(questions, self._network, self._prompter, self._config)
        return self._plans[questions]

    def priors(self, plan: Plan, ask_blank: Callable[[], Outcomes]) -> Outcomes:
        """Return the outcomes' log-likelihoods given a blank clip, asked for once per question.

        Raises:
            ValueError: when they are not finite.
        """
        if any(question not in self._priors for question in plan.questions):
            outcomes = ask_blank()
            if not are_finite(outcomes):
                raise ValueError(
                    "no finite likelihoods for a blank clip: the model's weights are damaged or overflow in "
                    f"{self._config.dtype}; try float32"
                )
            for question, of_question in zip(plan.questions, outcomes, strict=True):
                self._priors.setdefault(question, of_question)
        return [self._priors[question] for question in plan.questions]

    def answers(self, plan: Plan, outcomes: Outcomes, priors: Outcomes, texts: Sequence[str]) -> list[Answer]:
        """Return one clip's answers.

        Args:
            plan: of the questions.
            outcomes: given the clip.
            priors: given a blank clip.
            texts: per writer of the plan.
        """
        answers: list[Answer] = []
        for position, question in enumerate(plan.questions):
            text = texts[plan.writers.index(position)] if position in plan.writers else ""
            reading = read_answer(text, question)
            is_number = question.kind == "number"
            prompt = question.prompt if question.rationale else question.score_prompt or question.prompt
            answers.append(
                Answer(
                    question=question.name,
                    text=text,
                    rationale=reading.rationale,
                    parse_status=reading.status,
                    parsed_labels=reading.labels,
                    scores=label_scores(question, outcomes[position], priors[position]),
                    prompt=self._prompter.text(plan.root_of(question).images, prompt),
                    view=question.view,
                    numbers=question.numbers(),
                    number_log_probs=tuple(outcomes[position][0].tolist()) if is_number else (),
                    number_prior_log_probs=tuple(priors[position][0].tolist()) if is_number else (),
                )
            )
        return answers


def are_finite(outcomes: Outcomes) -> bool:
    """Tell whether every log-likelihood is a number."""
    return all(bool(np.isfinite(log_probs).all()) for of_question in outcomes for log_probs in of_question)
