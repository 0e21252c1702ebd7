"""Everything about asking some questions that does not depend on the clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.prompting.prompts import Prompter
from model.prompting.questions import Question, View
from model.prompting.token_tree import Scored, ScoringTree, TokenTree, build_scoring_tree, build_tree
from model.scoring import ClosedPrompt, LogProbs, closed_prompts, distinct_answers, log_sum


@dataclass(frozen=True, slots=True)
class Root:
    """What all questions about one view begin with.

    Attributes:
        view: clip or frame.
        images: pictures or frames.
        prefix: token ids, `PLACEHOLDER_ID` for each picture.
    """

    view: View
    images: int
    prefix: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Closed prompts that are scored in one forward pass."""

    tree: ScoringTree
    answers: tuple[tuple[int, ...], ...]
    """Per prompt and outcome, the number of answers; the tree's sequences are in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The tokens of some questions.

    Attributes:
        questions: in the order asked.
        roots: one per view that is asked about.
        writers: positions in `questions` of those that want a text.
        writing: tree of their prompts.
        paths: per writer its nodes in that tree.
    """

    questions: tuple[Question, ...]
    roots: tuple[Root, ...]
    groups: tuple[_Group, ...]
    writers: tuple[int, ...]
    writing: TokenTree
    paths: tuple[tuple[int, ...], ...]

    @property
    def scoring(self) -> tuple[ScoringTree, ...]:
        """The trees to score, in the order that `outcomes` expects."""
        return tuple(group.tree for group in self.groups)

    def root_of(self, question: Question) -> Root:
        """Return the root that a question grows on."""
        return next(root for root in self.roots if root.view == question.view)

    def room(self, most_tokens: int) -> int:
        """Return the most tokens that branches hold at one time, with texts of up to `most_tokens`."""
        writing = len(self.writing) + len(self.writers) * most_tokens
        return max(writing, *(len(group.tree.tree) for group in self.groups))

    def longest(self, lengths: Sequence[int], most_tokens: int) -> int:
        """Return the length of the longest sequence from its root's start, tokens.

        Args:
            lengths: per root its tokens with all visual ones.
            most_tokens: of a text.
        """
        scoring = (
            int((np.array(lengths)[tree.tree.roots] + tree.tree.depths).max()) + 1 for tree in self.scoring
        )
        writing = (lengths[int(self.writing.roots[path[0]])] + len(path) + most_tokens for path in self.paths)
        return max((*scoring, *writing))

    def outcomes(self, sequences: Sequence[NDArray[np.float64]]) -> list[list[LogProbs]]:
        """Return the log-likelihoods of the outcomes, [question][closed prompt][outcome].

        Args:
            sequences: per tree of `scoring` the log-likelihoods of its sequences for one clip.
        """
        prompts: list[LogProbs] = []
        for group, of_group in zip(self.groups, sequences, strict=True):
            ends = np.cumsum([count for counts in group.answers for count in counts])
            parts = iter(np.split(of_group, ends[:-1]))
            prompts += [np.array([log_sum(next(parts)) for _ in counts]) for counts in group.answers]
        remaining = iter(prompts)
        return [[next(remaining) for _ in closed_prompts(question)] for question in self.questions]


def plan_questions(
    questions: Sequence[Question], prompter: Prompter, images: Mapping[View, int], tree_tokens: int
) -> Plan:
    """Return the plan of some questions.

    Args:
        questions: at least one.
        prompter: template and tokenizer.
        images: pictures in the prompt, per view; a view that the model cannot see is missing.
        tree_tokens: most tokens of a scoring tree, unless one prompt alone has more.

    Raises:
        ValueError: when answers of one question cannot be told apart by their tokens, or a view is missing.
    """
    for question in questions:
        if question.view not in images:
            raise ValueError(
                f"the model has no tower for view {question.view!r}; change it of {question.name}"
            )
    views: list[View] = [view for view in images if any(question.view == view for question in questions)]
    groups: list[_Group] = []
    pending: list[tuple[Scored, ...]] = []
    counts: list[tuple[int, ...]] = []
    trie: dict[tuple[int, int], int] = {}
    asked = (
        (views.index(question.view), prompt) for question in questions for prompt in closed_prompts(question)
    )
    for root, prompt in asked:
        sequences, of_prompt = _sequences(prompt, prompter, root)
        if _grow(trie, sequences) > tree_tokens and pending:
            groups.append(_group(pending, counts))
            pending, counts, trie = [], [], {}
            _grow(trie, sequences)
        pending.append(sequences)
        counts.append(of_prompt)
    groups.append(_group(pending, counts))
    writers = tuple(position for position, question in enumerate(questions) if question.rationale)
    writing, paths = build_tree(
        (views.index(questions[position].view), prompter.suffix(questions[position].prompt))
        for position in writers
    )
    roots = tuple(Root(view, images[view], prompter.prefix(images[view])) for view in views)
    return Plan(tuple(questions), roots, tuple(groups), writers, writing, paths)


def _sequences(
    prompt: ClosedPrompt, prompter: Prompter, root: int
) -> tuple[tuple[Scored, ...], tuple[int, ...]]:
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
    sequences = tuple(Scored(root, head + given, tail) for of_outcome in distinct for tail in of_outcome)
    return sequences, tuple(len(of_outcome) for of_outcome in distinct)


def _grow(trie: dict[tuple[int, int], int], sequences: Sequence[Scored]) -> int:
    """Add the sequences' nodes, as `build_scoring_tree` would make them, and return how many there are."""
    for scored in sequences:
        node = -1 - scored.root
        for token in (*scored.head, *scored.tail[:-1]):
            node = trie.setdefault((node, token), len(trie))
    return len(trie)


def _group(pending: Sequence[tuple[Scored, ...]], counts: Sequence[tuple[int, ...]]) -> _Group:
    return _Group(
        build_scoring_tree([scored for of_prompt in pending for scored in of_prompt]), tuple(counts)
    )
