"""Everything about asking some questions of one view that does not depend on the clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.prompts import Prompter
from model.questions import Question, View
from model.scoring import ClosedPrompt, LogProbs, closed_prompts, distinct_answers, log_sum
from model.token_tree import Scored, ScoringTree, TokenTree, build_scoring_tree, build_tree


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Closed prompts that are scored in one forward pass."""

    tree: ScoringTree
    answers: tuple[tuple[int, ...], ...]
    """Per prompt and outcome, the number of answers; the tree's sequences are in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The tokens of all questions about one view.

    Attributes:
        view: clip or frame.
        questions: those of the view, in the order asked.
        prefix: token ids before the first question, `PLACEHOLDER_ID` for each picture.
        images: pictures in the prefix.
        writers: positions in `questions` of those that want a text.
        writing: tree of their prompts.
        paths: per writer its nodes in that tree.
    """

    view: View
    questions: tuple[Question, ...]
    prefix: tuple[int, ...]
    images: int
    groups: tuple[_Group, ...]
    writers: tuple[int, ...]
    writing: TokenTree
    paths: tuple[tuple[int, ...], ...]

    @property
    def scoring(self) -> tuple[ScoringTree, ...]:
        """The trees to score, in the order that `outcomes` expects."""
        return tuple(group.tree for group in self.groups)

    def room(self, most_tokens: int) -> int:
        """Return the most tokens that any branch phase holds behind the prefix."""
        writing = len(self.writing) + len(self.writers) * most_tokens
        return max(writing, *(len(group.tree.tree) for group in self.groups))

    def depth(self, most_tokens: int) -> int:
        """Return the longest branch behind the prefix, tokens."""
        trees = [group.tree.tree for group in self.groups]
        deepest = max(int(tree.depths.max()) + 1 for tree in trees)
        writing = max((len(path) + most_tokens for path in self.paths), default=0)
        return max(deepest, writing)

    def outcomes(self, sequences: Sequence[NDArray[np.float64]]) -> list[list[LogProbs]]:
        """Return the log-likelihoods of the outcomes, [question][closed prompt][outcome].

        Args:
            sequences: per tree of `scoring` the log-likelihoods of its sequences for one clip.
        """
        flat: list[LogProbs] = []
        for group, of_group in zip(self.groups, sequences, strict=True):
            start = 0
            for counts in group.answers:
                ends = start + np.cumsum(counts)
                flat.append(
                    np.array(
                        [log_sum(part) for part in np.split(of_group[start : ends[-1]], ends[:-1] - start)]
                    )
                )
                start = int(ends[-1])
        prompts = iter(flat)
        return [[next(prompts) for _ in closed_prompts(question)] for question in self.questions]


def plan_view(
    view: View, questions: Sequence[Question], prompter: Prompter, images: int, tree_tokens: int
) -> Plan:
    """Return the plan of the questions about one view.

    Args:
        view: clip or frame.
        questions: at least one, all of that view.
        prompter: template and tokenizer.
        images: pictures in the prompt.
        tree_tokens: most tokens of a scoring tree, unless one prompt alone has more.

    Raises:
        ValueError: when answers of one question cannot be told apart by their tokens.
    """
    groups: list[_Group] = []
    pending: list[tuple[Scored, ...]] = []
    counts: list[tuple[int, ...]] = []
    trie: dict[tuple[int, int], int] = {}
    for prompt in (prompt for question in questions for prompt in closed_prompts(question)):
        sequences, of_prompt = _sequences(prompt, prompter)
        if _grow(trie, sequences) > tree_tokens and pending:
            groups.append(_group(pending, counts))
            pending, counts, trie = [], [], {}
            _grow(trie, sequences)
        pending.append(sequences)
        counts.append(of_prompt)
    groups.append(_group(pending, counts))
    writers = tuple(position for position, question in enumerate(questions) if question.rationale)
    writing, paths = build_tree(prompter.suffix(questions[position].prompt) for position in writers)
    return Plan(
        view, tuple(questions), prompter.prefix(images), images, tuple(groups), writers, writing, paths
    )


def _sequences(prompt: ClosedPrompt, prompter: Prompter) -> tuple[tuple[Scored, ...], tuple[int, ...]]:
    """Return the answers of a prompt outcome by outcome, and how many each outcome has."""
    head = prompter.suffix(prompt.prompt)
    given = prompter.continuation(prompt.prompt, prompt.lead_in) if prompt.lead_in else ()
    tails: list[list[tuple[int, ...]]] = []
    for answers in prompt.answers:
        whole = [
            prompter.continuation(prompt.prompt, f"{prompt.lead_in} {answer}".strip()) for answer in answers
        ]
        if any(ids[: len(given)] != given or len(ids) == len(given) for ids in whole):
            raise ValueError(f"the tokenizer joins the lead-in {prompt.lead_in!r} with {answers}; reword it")
        tails.append([ids[len(given) :] for ids in whole])
    distinct = distinct_answers(tails, prompt)
    sequences = tuple(Scored(head + given, tail) for of_outcome in distinct for tail in of_outcome)
    return sequences, tuple(len(of_outcome) for of_outcome in distinct)


def _grow(trie: dict[tuple[int, int], int], sequences: Sequence[Scored]) -> int:
    """Add the sequences' nodes, as `build_scoring_tree` would make them, and return how many there are."""
    for scored in sequences:
        node = 0
        for token in (*scored.head, *scored.tail[:-1]):
            node = trie.setdefault((node, token), len(trie) + 1)
    return len(trie)


def _group(pending: Sequence[tuple[Scored, ...]], counts: Sequence[tuple[int, ...]]) -> _Group:
    return _Group(
        build_scoring_tree([scored for of_prompt in pending for scored in of_prompt]), tuple(counts)
    )
