"""Questions and answers of instruction data: what is asked of a face, and how an answer begins.

The questions are ours, in the spirit of the official lists, which are not part of this project. Answers have
the shapes of the published samples: an age stands first, so does `Fake` or `Real`; action units have numbers.
"""

import hashlib
from collections.abc import Mapping

from model.datasets.dataset import Task
from model.datasets.sample import Truth
from model.parsing.reading import read_answer
from model.prompting.labels import ACTION_UNITS, ATTRIBUTES
from model.prompting.questions import default_question

_QUESTIONS: Mapping[Task, tuple[str, ...]] = {
    "expression": (
        "What is the emotion of the person in this {kind}? Explain what in the face suggests it.",
        "Which emotion does this person's face show? Describe the movements that tell.",
        "Describe the facial expression in this {kind} and name the emotion behind it.",
    ),
    "action_units": (
        "Which facial action units are active in this {kind}? Describe each of them.",
        "List the action units that this face shows, and where they can be seen.",
        "What facial muscle movements are visible here? Give the action units.",
    ),
    "attributes": (
        "Which facial attributes does the person in this {kind} have? Describe them.",
        "Describe the looks of this face: hair, features, and what is worn.",
        "What can be said of this person's facial attributes?",
    ),
    "age": (
        "How old is the person in this {kind}? Explain what suggests this age.",
        "Estimate the age of this person in years, and give your reasons.",
        "What age does this face look like, and why?",
    ),
    "deepfake": (
        "Is the face in this {kind} real or fake? Explain why.",
        "Has this face been manipulated? Give the signs for or against it.",
        "Decide whether this {kind} shows a genuine face or a deepfake, and justify it.",
    ),
}
_WRITER = """You write training answers for a model that explains faces.
You see pictures of one face, in order of time, and the label that people gave it.
Write two to five sentences that describe what in the face supports the label: only what the pictures show.
Name the label. Do not mention that it was given, nor the pictures' number or quality, nor who this may be."""
_PHRASES = {label.name: label.asked_as() for label in (*ACTION_UNITS, *ATTRIBUTES)}


def question_for(task: Task, kind: str, sample_id: str) -> str:
    """Return the question of a sample: one of its task's, chosen by the SHA-256 of the sample's id.

    Args:
        task: what is asked about.
        kind: `image` or `video`.
        sample_id: of the sample.
    """
    questions = _QUESTIONS[task]
    digest = hashlib.sha256(sample_id.encode()).digest()
    return questions[digest[0] % len(questions)].format(kind=kind)


def label_question_for(task: Task, kind: str) -> str:
    """Return the question whose answer is the label and nothing else.

    Args:
        task: what is asked about.
        kind: `image` or `video`.
    """
    if task in {"action_units", "attributes"}:
        return f"List the {task.replace('_', ' ')} of the face in this {kind}, and nothing else."
    return default_question(task).score_prompt


def label_answer(task: Task, truth: Truth) -> str:
    """Return the answer that says the label and nothing else; what was not coded is not mentioned."""
    match task:
        case "expression":
            return f"{str(truth).capitalize()}."
        case "age":
            assert isinstance(truth, float)
            return f"{truth:.0f} {'year' if round(truth) == 1 else 'years'} old."
        case "deepfake":
            return f"{str(truth).capitalize()}."
        case "action_units" | "attributes":
            assert isinstance(truth, Mapping)
            present = [_PHRASES.get(label, label) for label, holds in truth.items() if holds]
            none = "No action units are active." if task == "action_units" else "None of the attributes."
            return "\n".join(f"- {phrase}" for phrase in present) if present else none


def described_answer(task: Task, truth: Truth, description: str) -> str:
    """Return a description as an answer, which always says the label: an age or a verdict stands first.

    A description that does not name the emotion, or names another one, too, gets it as its last sentence; one
    that names other action units or attributes than were coded as present gets a list of these in front. One
    that says something else all the same contradicts the label, which then is the answer.
    """
    text = " ".join(description.split())
    label = label_answer(task, truth)
    match task:
        case "expression":
            answers = (text, f"{text} The emotion is {truth}.")
        case "age" | "deepfake":
            return f"{label.removesuffix('.')}: {text}"
        case "action_units" | "attributes":
            answers = (text, f"{label}\n{text}")
    return next((answer for answer in answers if _says(answer, task, truth)), label)


def _says(answer: str, task: Task, truth: Truth) -> bool:
    """Return whether an answer says what is true; what was not coded may be said or not."""
    question = default_question(task)
    said = set(read_answer(answer, question).labels)
    if not isinstance(truth, Mapping):
        return said == {truth}
    coded = {one.name for one in question.labels if truth.get(one.name) is not None}
    return said & coded == {label for label in coded if truth[label]}


def writing_prompt(task: Task, truth: Truth, kind: str) -> tuple[str, str]:
    """Return system and user text that ask a model for a description."""
    label = label_answer(task, truth).replace("\n", " ")
    asked = {"expression": "emotion", "age": "age", "deepfake": "verdict"}.get(task, task.replace("_", " "))
    return _WRITER, f"These are frames of a {kind} of a face. Its {asked}: {label}\nWrite the description."
