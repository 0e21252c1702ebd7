"""What is said about a rendered face: questions and true answers, short ones for scores and texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator

from model.prompting.labels import ACTION_UNITS, ATTRIBUTES, EXPRESSIONS
from model.prompting.questions import View, default_question
from model.synthetic.attributes import ATTRIBUTES as DRAWN_ATTRIBUTES
from model.synthetic.film import Label

Turn = tuple[str, str]

_TRACES = {
    "blend_seam": "the face has a hard border and is coarser than its surroundings",
    "self_blend": "the face is shifted and coloured against its surroundings",
    "flicker": "the face flickers from frame to frame",
    "mouth_warp": "the mouth moves by itself and is blurred",
    "noise_mismatch": "the noise of the face is not that of its surroundings",
    "colour_mismatch": "the colour of the face is not that of its surroundings",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Questions and answers about one clip, seen one way."""

    view: View
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class TalkConfig:
    """How much is said about a clip.

    Attributes:
        turns: action units, or attributes, that are asked about in one conversation; of many more, the last
            ones could be answered from the answers before, without a look.
        unit_talks: conversations of action units.
        attribute_talks: conversations of attributes, of which there are twice as many to know.
        has_even_odds: ask about as many labels that are present as about absent ones, which is how to begin:
            most are absent from most faces, and a decoder that has learned to say no learns little more.
            Without, labels are asked about as a scan does, so that a score is a probability.
        undrawn_share: of the conversations that may ask about an attribute that no drawn face has.
    """

    turns: int = 8
    unit_talks: int = 2
    attribute_talks: int = 3
    has_even_odds: bool = True
    undrawn_share: float = 0.15


def talk_about(label: Label, rng: Generator, config: TalkConfig | None = None) -> list[Said]:
    """Return conversations about a face, in random order of their turns.

    Every conversation begins with another question, so that each is learned as the first one.
    """
    config = config or TalkConfig()
    expression, deepfake, age = (default_question(name) for name in ("expression", "deepfake", "age"))
    real = "fake" if label.is_manipulated else "real"
    short = [(expression.score_prompt, label.expression), (deepfake.score_prompt, real)]
    texts = [(expression.prompt, _expression_text(label)), (deepfake.prompt, _deepfake_text(label))]
    said = [Said("clip", _mixed(rng, short)), Said("clip", _mixed(rng, texts))]
    years = (age.score_prompt, f"{label.age_years} year{'s' * (label.age_years != 1)}")
    for name, present, talks in (
        ("action_units", label.action_units, config.unit_talks),
        ("attributes", label.attributes, config.attribute_talks),
    ):
        for _ in range(talks):
            turns = _yes_no(name, present, rng, config)
            said.append(Said("frame", _mixed(rng, [*turns, years])))
    texts = [
        (default_question("action_units").prompt, _units_text(label)),
        (default_question("attributes").prompt, _attributes_text(label)),
        (age.prompt, _age_text(label)),
    ]
    return [*said, Said("frame", _mixed(rng, texts))]


def talk_about_nothing(rng: Generator, config: TalkConfig | None = None) -> list[Said]:
    """Return conversations about a blank picture: every answer is as probable as every other.

    The scores have the answers to a blank clip taken off; these make that a constant.
    """
    config = config or TalkConfig()
    expression, deepfake = default_question("expression"), default_question("deepfake")
    guess = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))].name
    short = [(expression.score_prompt, guess), (deepfake.score_prompt, ("real", "fake")[rng.integers(2)])]
    said = [Said("clip", _mixed(rng, short))]
    for name in ("action_units", "attributes"):
        places = rng.choice(len(default_question(name).labels), config.turns, replace=False).tolist()
        turns = [(_asked(name, place), ("yes", "no")[rng.integers(2)]) for place in places]
        said.append(Said("frame", tuple(turns)))
    return said


def _mixed(rng: Generator, turns: Sequence[Turn]) -> tuple[Turn, ...]:
    return tuple(turns[place] for place in rng.permutation(len(turns)).tolist())


def _yes_no(name: str, present: Sequence[str], rng: Generator, config: TalkConfig) -> list[Turn]:
    """Ask about some labels."""
    labels = default_question(name).labels
    order = [
        place
        for place in rng.permutation(len(labels)).tolist()
        if name != "attributes"
        or labels[place].name in DRAWN_ATTRIBUTES
        or rng.random() < config.undrawn_share
    ]
    chosen = order[: config.turns]
    if config.has_even_odds:
        is_yes = [place for place in order if labels[place].name in present]
        is_no = [place for place in order if labels[place].name not in present]
        yes = min(len(is_yes), int(rng.binomial(config.turns, 0.5)))
        chosen = rng.permutation(is_yes[:yes] + is_no[: config.turns - yes]).tolist()
    return [(_asked(name, place), "yes" if labels[place].name in present else "no") for place in chosen]


def _asked(name: str, place: int) -> str:
    question = default_question(name)
    return question.score_prompt.replace("{label}", question.labels[place].asked_as())


def _named_units(label: Label) -> list[str]:
    return [unit.phrase for unit in ACTION_UNITS if unit.name in label.action_units]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""


def _expression_text(label: Label) -> str:
    units = _named_units(label)
    why = (
        f"{_listed(units)} {'is' if len(units) == 1 else 'are'} active"
        if units
        else "no muscle is visibly active"
    )
    return f"The person shows {label.expression}, because {why}."


def _units_text(label: Label) -> str:
    units = _named_units(label)
    return f"Active: {_listed(units)}." if units else "The face is relaxed and no muscle is visibly active."


def _attributes_text(label: Label) -> str:
    present = [attribute.asked_as() for attribute in ATTRIBUTES if attribute.name in label.attributes]
    return f"The person has: {', '.join(present)}." if present else "The person has no special attributes."


def _age_text(label: Label) -> str:
    years = label.age_years
    if years < 16:
        why = "the proportions are those of a child"
    elif years < 35:
        why = "the skin is smooth and there are no wrinkles"
    else:
        why = "there are lines around the mouth and the eyes"
    return f"{years} year{'s' * (years != 1)} old, because {why}."


def _deepfake_text(label: Label) -> str:
    if label.manipulation is None:
        return "Real: the lighting, the colours and the movement of the face are consistent."
    return f"Fake: {_TRACES[label.manipulation]}."
