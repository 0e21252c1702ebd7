"""What a text considers and takes back, and what only looks like it."""

import pytest

from model.parsing.reading import read_answer
from model.prompting.questions import Question, default_question

ACTION_UNITS = default_question("action_units")
AGE = default_question("age")
ATTRIBUTES = default_question("attributes")
DEEPFAKE = default_question("deepfake")
EXPRESSION = default_question("expression")


@pytest.mark.parametrize(
    ("question", "text", "status", "labels"),
    [
        (EXPRESSION, "It could be anger but is not. The eyes show sadness.", "ok", "sadness"),
        (
            EXPRESSION,
            "The person might seem angry; however, they are not. They are neutral.",
            "ok",
            "neutral",
        ),
        (EXPRESSION, "It may look like fear, but it's actually surprise.", "ok", "surprise"),
        (
            EXPRESSION,
            "At first glance one would say disgust, but the brows do not support this; it is anger.",
            "ok",
            "anger",
        ),
        (EXPRESSION, "Anything but happy; he is furious.", "ok", "anger"),
        (ACTION_UNITS, "AU4 could be active but is not.", "ok", ""),
        (
            ACTION_UNITS,
            "AU4 might seem active; however, it is not. AU6 and AU12 are active.",
            "ok",
            "AU6 AU12",
        ),
        (ACTION_UNITS, "The brow lowerer is not engaged, but the cheek raiser is.", "ok", "AU6"),
        (ACTION_UNITS, "It may look like AU12 but it is AU14.", "ok", "AU14"),
        (ACTION_UNITS, "AU4 was considered but ruled out.", "ok", ""),
        (ATTRIBUTES, "He has a beard but no mustache, and wears a necktie.", "ok", "wearing_necktie"),
        (AGE, "Could be 30 but is not; more like 40 years old.", "ok", "40"),
        (DEEPFAKE, "It could be fake but is not.", "ok", "real"),
        (DEEPFAKE, "It might appear real; however, it is not.", "ok", "fake"),
        (DEEPFAKE, "The happiness looks real, yet the face is fake.", "ok", "fake"),
        (DEEPFAKE, "Unreal lighting, but a real video.", "ok", "real"),
        (EXPRESSION, "One could take it for anger, yet it isn't; the face is sad.", "ok", "sadness"),
        (EXPRESSION, "The smile may look happy, but it isn't. It is fear.", "ok", "fear"),
        (EXPRESSION, "Happy but not surprised.", "ok", "happiness"),
        (EXPRESSION, "Looks happy but is tired.", "ok", "happiness"),
        (EXPRESSION, "The man looks angry, but the woman is not visible.", "ok", "anger"),
        (EXPRESSION, "He seems sad, although the lighting does not help.", "ok", "sadness"),
        (
            EXPRESSION,
            "The person appears neutral, but on closer look is afraid.",
            "ok",
            "fear",
        ),
        (EXPRESSION, "The face expresses no happiness whatsoever but sorrow.", "ok", "sadness"),
        (EXPRESSION, "Anger was suspected and then excluded. Disgust remains.", "ok", "disgust"),
        (ACTION_UNITS, "AU17 looks active but isn't.", "ok", ""),
        (ACTION_UNITS, "AU26 would be expected, but is not present; AU25 is.", "ok", "AU25"),
        (ACTION_UNITS, "AU6, but not AU12, is active.", "ok", "AU6"),
        (ACTION_UNITS, "AU6 but no AU12.", "ok", "AU6"),
        (ACTION_UNITS, "AU6 and AU12 — typical of happiness — but without AU25.", "ok", "AU6 AU12"),
        (
            ATTRIBUTES,
            "The man is bald, without glasses or a hat, but with a goatee.",
            "ok",
            "bald goatee male",
        ),
        (ATTRIBUTES, "She might wear lipstick, but this can't be confirmed.", "ok", ""),
        (AGE, "He looks 30 but is not; he is 45 years old.", "ok", "45"),
        (AGE, "Over 18 but under 30.", "ambiguous", "18 30"),
        (DEEPFAKE, "One might suspect a deepfake, but the evidence does not support it.", "ok", "real"),
        (DEEPFAKE, "Looks real but isn't.", "ok", "fake"),
        (DEEPFAKE, "The video looks real but is manipulated.", "ok", "fake"),
        (DEEPFAKE, "The face looks real, but the light indicates that the video is fake.", "ok", "fake"),
        (DEEPFAKE, "It seems real, however the jaw flickers, so it is a deepfake.", "ok", "fake"),
        (DEEPFAKE, "The video is fake, although the lighting on the skin is real.", "ok", "fake"),
        (DEEPFAKE, "A deepfake with a real-looking mouth.", "ok", "fake"),
        (EXPRESSION, "He looks happy but is also surprised.", "ambiguous", "happiness surprise"),
        (EXPRESSION, "He appears sad, but there is a hint of anger.", "ambiguous", "sadness anger"),
        (DEEPFAKE, "It seems genuine, but it is a deepfake.", "ok", "fake"),
    ],
)
def test_what_is_taken_back_does_not_hold(question: Question, text: str, status: str, labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, " ".join(reading.labels)) == (status, labels)
