from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.demonstration import TOKENIZER_PATH
from model.network.splicing import PLACEHOLDER_ID
from model.prompting.labels import Label
from model.prompting.plan import Plan, plan_questions
from model.prompting.prompts import Prompter
from model.prompting.questions import DEFAULT_QUESTIONS, Question
from model.prompting.tokenizer import load_tokenizer

VICUNA_LIKE = Path(__file__).parents[1] / "data" / "parity" / "text" / "tokenizer.model"
PROMPTER = Prompter(load_tokenizer(TOKENIZER_PATH))
MOOD = Question(
    "mood", "single_label", "Mood?", labels=(Label("happy", variants=("happy", "glad")), Label("sad"))
)
HATS = Question(
    "hats",
    "multi_label",
    "Which?",
    "Is there {label}?",
    (Label("hat"), Label("cap"), Label("helm")),
    rationale=False,
)


def plan(*questions: Question, tree_tokens: int = 1000) -> Plan:
    return plan_questions(questions, PROMPTER, {"clip": 8, "frame": 1}, tree_tokens)


def test_every_default_question_can_be_planned_with_both_tokenizers() -> None:
    for path in (TOKENIZER_PATH, VICUNA_LIKE):
        made = plan_questions(
            DEFAULT_QUESTIONS, Prompter(load_tokenizer(path)), {"clip": 8, "frame": 1}, 1024
        )
        assert len(made.writers) == 5
        assert all(len(tree.tree) <= 1024 for tree in made.scoring)


def test_there_is_a_root_per_view_that_is_asked_about() -> None:
    (root,) = plan(MOOD).roots
    assert (root.view, root.images) == ("clip", 8)
    assert root.prefix[0] == PROMPTER.tokenizer.bos_id
    assert root.prefix[-1] == PLACEHOLDER_ID
    assert root.prefix.count(PLACEHOLDER_ID) == 8
    framed = replace(HATS, view="frame")
    made = plan(framed, MOOD)
    assert [root.view for root in made.roots] == ["clip", "frame"]
    assert [made.root_of(question).view for question in made.questions] == ["frame", "clip"]
    assert sorted(set(made.scoring[0].tree.roots.tolist())) == [0, 1]


def test_a_view_that_the_model_lacks_is_named() -> None:
    with pytest.raises(ValueError, match="no tower for view 'clip'; change it of mood"):
        plan_questions([MOOD], PROMPTER, {"frame": 1}, 1000)


def test_only_questions_that_want_a_text_write() -> None:
    made = plan(HATS, MOOD)
    assert made.writers == (1,)
    assert PROMPTER.tokenizer.decode(made.writing.tokens.tolist()) == "Mood? ASSISTANT:"


def test_outcomes_come_back_per_question_and_prompt_with_variants_summed() -> None:
    for tree_tokens in (1000, 1):
        made = plan(HATS, MOOD, tree_tokens=tree_tokens)
        assert len(made.scoring) == (1 if tree_tokens == 1000 else 4)
        # Give the answers numbered probabilities in the order of the trees' sequences.
        counts = [len(tree.terms) for tree in made.scoring]
        numbers = np.arange(1, sum(counts) + 1) / 100
        sequences = np.split(np.log(numbers), np.cumsum(counts)[:-1])
        hats, (mood,) = made.outcomes(sequences)
        assert [np.exp(of_label).tolist() for of_label in hats] == [
            pytest.approx([0.03, 0.07]),
            pytest.approx([0.11, 0.15]),
            pytest.approx([0.19, 0.23]),
        ]
        assert np.exp(mood).tolist() == pytest.approx([0.13 + 0.14 + 0.15 + 0.16, 0.17 + 0.18])


def test_room_and_length_bound_what_the_branches_need() -> None:
    made = plan(MOOD)
    assert made.room(10) == max(len(made.writing) + 10, len(made.scoring[0].tree))
    assert made.longest([500], 10) == 500 + len(made.paths[0]) + 10
    assert plan(HATS).room(10) == len(plan(HATS).scoring[0].tree)
    assert plan(replace(HATS, view="frame"), MOOD).longest([5, 900], 10) == plan(HATS).longest([900], 10)


def test_a_lead_in_is_given_and_not_scored() -> None:
    led = Question("mood", "single_label", "Mood?", labels=MOOD.labels, lead_in="The person is")
    (tree,) = plan(led).scoring
    (bare,) = plan(MOOD).scoring
    assert [len(terms) for terms in tree.terms] == [len(terms) for terms in bare.terms]
    assert len(tree.tree) > len(bare.tree)


def test_answers_that_begin_one_another_are_refused() -> None:
    question = Question("x", "single_label", "X?", labels=(Label("no"), Label("no beard")))
    with pytest.raises(ValueError, match="'no' begins one for 'no beard'"):
        plan(question)
