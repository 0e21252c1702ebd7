"""A text that declines gives no answer, unless it gives one all the same."""

import pytest

from model.parsing.reading import read_answer
from model.prompting.questions import Question, default_question

ACTION_UNITS = default_question("action_units")
AGE = default_question("age")
DEEPFAKE = default_question("deepfake")
EXPRESSION = default_question("expression")


@pytest.mark.parametrize(
    ("question", "text", "status", "labels"),
    [
        (EXPRESSION, "I'm just an AI and can't determine emotions.", "refused", ""),
        (EXPRESSION, "It's hard to tell whether the person looks happy or sad.", "refused", ""),
        (EXPRESSION, "The emotion can't be determined from the video.", "refused", ""),
        (DEEPFAKE, "I cannot verify whether this video is real.", "refused", ""),
        (DEEPFAKE, "It isn't possible to tell whether it is real.", "refused", ""),
        (DEEPFAKE, "I cannot tell based on one clip. Deepfakes often look real.", "refused", ""),
        (DEEPFAKE, "It is difficult to say, but it seems real.", "ok", "real"),
        (ACTION_UNITS, "It's difficult to determine which action units are active.", "refused", ""),
        (ACTION_UNITS, "AU12 is active, but it's hard to tell for AU6.", "ok", "AU6 AU12"),
        (AGE, "It is hard to tell the exact age. The person appears to be about 30.", "ok", "30"),
        (AGE, "I can't determine the age. If I had to guess, 40 to 45.", "ambiguous", "40 45"),
    ],
)
def test_refusals(question: Question, text: str, status: str, labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, " ".join(reading.labels)) == (status, labels)
