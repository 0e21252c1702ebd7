"""Prompts, token for token as the official inference and training build them.

A prompt is `prefix + suffix`: the system line and the pictures, then the question. All questions about one
clip share the prefix, so that its keys and values are computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.network.splicing import IGNORED_LABEL, PLACEHOLDER_ID
from model.prompting.tokenizer import LlamaTokenizer

TemplateName = Literal["inference", "training"]
_IMAGE = "<image>"


@dataclass(frozen=True, slots=True)
class Template:
    """A wording of the conversation; the released code has two."""

    system: str
    frame_separator: str

    def question(self, images: int, question: str) -> str:
        """Return the text of a first question about `images` pictures or frames, up to `ASSISTANT:`."""
        visuals = self.frame_separator.join([_IMAGE] * images)
        return f"{self.system} USER: {visuals}\n{question} ASSISTANT:"


_SYSTEM = (
    "A chat between a curious {name} and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the {name}'s questions."
)
TEMPLATES: dict[TemplateName, Template] = {
    "inference": Template(_SYSTEM.format(name="human"), frame_separator=" "),
    "training": Template(_SYSTEM.format(name="user"), frame_separator=""),
}
"""`inference` is what the released script sends, `training` what the released weights were trained on."""


class Prompter:
    """Turns questions and answers into ids under one template."""

    def __init__(self, tokenizer: LlamaTokenizer, template: TemplateName = "inference") -> None:
        self.tokenizer = tokenizer
        self.template = TEMPLATES[template]

    def prefix(self, images: int) -> tuple[int, ...]:
        """Return bos, the system line and the pictures, each as `PLACEHOLDER_ID`."""
        ids = self._ids(self.template.question(images, ""))
        return ids[: len(ids) - ids[::-1].index(PLACEHOLDER_ID)]

    def suffix(self, question: str) -> tuple[int, ...]:
        """Return what follows the last picture: newline, question, `ASSISTANT:`."""
        return self.tokenizer.encode(f"\n{question} ASSISTANT:")

    def continuation(self, question: str, answer: str) -> tuple[int, ...]:
        """Return the ids of an answer after `suffix(question)`, as training sees them, without eos.

        Raises:
            ValueError: when the answer is empty, or the tokenizer joins the question's end with its start.
        """
        if not answer.strip():
            raise ValueError(f"an empty answer to {question!r} has no tokens; give it a word")
        start = self.suffix(question)
        whole = self.tokenizer.encode(f"\n{question} ASSISTANT: {answer}")
        if whole[: len(start)] != start:
            raise ValueError(f"the tokenizer cannot put {answer!r} behind a prompt as tokens of its own")
        return whole[len(start) :]

    def text(self, images: int, question: str) -> str:
        """Return the prompt as text, for the record."""
        return self.template.question(images, question)

    def conversation(
        self, images: int, turns: Sequence[tuple[str, str]]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return ids and labels of (question, answer) turns, for training.

        Labels are the ids of the answers and their `</s>`, and `IGNORED_LABEL` elsewhere. The official code
        finds the same places by counting, and drops a sample when its count is off; this one does not.
        """
        ids: tuple[int, ...] = ()
        labels: tuple[int, ...] = ()
        for position, (question, answer) in enumerate(turns):
            # What follows `</s>` is tokenised apart from what is before it, so each turn is, once.
            text = (
                f"</s>USER: {question} ASSISTANT:" if position else self.template.question(images, question)
            )
            before = 2 if position else 0
            asked = self._ids(text)[before:]
            turn = self._ids(f"{text} {answer}</s>")[before:]
            ids += turn
            labels += (IGNORED_LABEL,) * len(asked) + turn[len(asked) :]
        return ids, labels

    def _ids(self, text: str) -> tuple[int, ...]:
        """Tokenise chunk by chunk around the pictures; each chunk gets its own dummy space."""
        ids = [self.tokenizer.bos_id]
        for position, chunk in enumerate(text.split(_IMAGE)):
            if position:
                ids.append(PLACEHOLDER_ID)
            ids.extend(self.tokenizer.encode(chunk))
        return tuple(ids)
