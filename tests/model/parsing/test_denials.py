"""What is said behind a word, and how probable it is called."""

import pytest

from model.parsing.reading import read_answer
from model.prompting.questions import Question, default_question

ACTION_UNITS = default_question("action_units")
ATTRIBUTES = default_question("attributes")
DEEPFAKE = default_question("deepfake")
EXPRESSION = default_question("expression")


@pytest.mark.parametrize(
    ("question", "text", "status", "labels"),
    [
        (ACTION_UNITS, "AU12 absent, AU6 present", "ok", "AU6"),
        (ACTION_UNITS, "AU12 (absent)", "ok", ""),
        (ACTION_UNITS, "AU4 not active, AU12 active", "ok", "AU12"),
        (ACTION_UNITS, "AU12 appears to be inactive.", "ok", ""),
        (ACTION_UNITS, "AU12 does not appear to be active.", "ok", ""),
        (ACTION_UNITS, "AU12 can't be seen; AU6 can.", "ok", "AU6"),
        (ACTION_UNITS, "AU12 and AU6 show no activation; AU4 does.", "ok", "AU4"),
        (ACTION_UNITS, "AU4, which lowers the brows, is not active.", "ok", ""),
        (ACTION_UNITS, "The brow lowerer (AU4) is relaxed and not active.", "ok", ""),
        (ACTION_UNITS, "AU4, AU9, and AU10 are all absent; only AU12 is present.", "ok", "AU12"),
        (ACTION_UNITS, "AU6 no, AU12 yes", "ok", "AU12"),
        (ACTION_UNITS, "1. AU6 – Cheek raiser – active\n2. AU12 – Lip corner puller – inactive", "ok", "AU6"),
        (ACTION_UNITS, "AU6 (Cheek Raiser) - Not active: the cheeks are flat", "ok", ""),
        (ACTION_UNITS, "Is AU6 active? No. Is AU12 active? Yes.", "ok", "AU12"),
        (ACTION_UNITS, "AU1: 0.9, AU2: 0.1", "ok", "AU1"),
        (ACTION_UNITS, "AU1: 90%, AU2: 0%", "ok", "AU1"),
        (ACTION_UNITS, "AU1 (intensity 3), AU2 (intensity 0)", "ok", "AU1"),
        (ACTION_UNITS, "Except for AU12, no action unit is active.", "ok", "AU12"),
        (ACTION_UNITS, "Inactive AUs: AU4, AU9. Active AUs: AU12.", "ok", "AU12"),
        (ACTION_UNITS, "AU01: 1 AU02: 0", "ok", "AU1"),
        (ACTION_UNITS, "AU12 is not the only active AU; AU6 is active too.", "ok", "AU6 AU12"),
        (ACTION_UNITS, "AU4, AU9 are not seen; AU6 is no longer active.", "ok", ""),
        (ACTION_UNITS, "None of AU1, AU2, AU4 is active; AU12 is.", "ok", "AU12"),
        (ACTION_UNITS, "No active AU besides AU12.", "ok", "AU12"),
        (ACTION_UNITS, "AU12: no wrinkles at the eyes, but pulled lip corners", "ok", "AU12"),
        (ACTION_UNITS, "AU6 (weak, not obvious)", "ok", "AU6"),
        (ACTION_UNITS, "All action units are inactive.", "ok", ""),
        (ACTION_UNITS, "I can't detect any AU.", "ok", ""),
        (ATTRIBUTES, "No glasses, no hat, young.", "ok", "young"),
        (ATTRIBUTES, "smiling (no), young (yes)", "ok", "young"),
        (ATTRIBUTES, "He does not have a beard.", "ok", "no_beard"),
        (ATTRIBUTES, "Her hair is long and blonde.", "ok", "blond_hair"),
        (EXPRESSION, "Happiness: no. Sadness: yes.", "ok", "sadness"),
        (EXPRESSION, "Happiness: 10%, anger: 90%", "ok", "anger"),
        (EXPRESSION, "Happiness: 40%, sadness: 35%, fear: 25%", "ambiguous", "happiness sadness fear"),
        (EXPRESSION, "Surprise is less likely than fear.", "ok", "fear"),
        (EXPRESSION, "Anger is likely, but fear cannot be ruled out.", "ok", "anger"),
        (EXPRESSION, "The person does not show any strong emotion.", "ok", "neutral"),
        (EXPRESSION, "The options were fear, anger and joy. Answer: anger", "ok", "anger"),
        (DEEPFAKE, "Fake: no.", "ok", "real"),
        (DEEPFAKE, "Fake: no blinking can be seen.", "ok", "fake"),
        (DEEPFAKE, "Fake: 5%, real: 95%", "ok", "real"),
        (DEEPFAKE, "There is only a 5% chance that this is a deepfake.", "ok", "real"),
        (DEEPFAKE, "The probability of it being fake is 90%.", "ok", "fake"),
        (DEEPFAKE, "Fake (40% confidence)", "ok", "fake"),
        (DEEPFAKE, "Fake: 0 blinks in 8 frames.", "ok", "fake"),
        (DEEPFAKE, "The video is real with 30% probability.", "ok", "fake"),
        (DEEPFAKE, "The verdict is fake: the reflections are not present.", "ok", "fake"),
        (DEEPFAKE, "Deepfake artifacts: none visible", "ok", "real"),
        (DEEPFAKE, "I find it hard to believe that this is real.", "ok", "fake"),
        (DEEPFAKE, "Manipulation detected: no", "ok", "real"),
        (DEEPFAKE, "I cannot rule out manipulation.", "unparsable", ""),
        (DEEPFAKE, "Manipulation cannot be ruled out.", "unparsable", ""),
        (DEEPFAKE, "Nothing suggests that the video is fake.", "ok", "real"),
        (DEEPFAKE, "There is no reason to doubt that the video is real.", "ok", "real"),
        (DEEPFAKE, "I doubt that it is real.", "ok", "fake"),
        (DEEPFAKE, "It looks too good to be real.", "ok", "fake"),
        (DEEPFAKE, "No signs of forgery, manipulation, or tampering are present.", "ok", "real"),
        (DEEPFAKE, "There is no evidence of manipulation.", "ok", "real"),
        (DEEPFAKE, "It is neither clearly real nor clearly fake.", "unparsable", ""),
        (DEEPFAKE, "Although it looks real, the video is fake.", "ok", "fake"),
        (DEEPFAKE, "It appears real, but closer inspection reveals that it is fake.", "ok", "fake"),
    ],
)  # fmt: skip
def test_denials_around_a_word(question: Question, text: str, status: str, labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, " ".join(reading.labels)) == (status, labels)
