"""Markdown, tables, JSON and the characters of other fonts say what their words say."""

import pytest

from model.parsing.reading import read_answer
from model.parsing.typography import plain_text
from model.prompting.questions import Question, default_question

ACTION_UNITS = default_question("action_units")
AGE = default_question("age")
ATTRIBUTES = default_question("attributes")
DEEPFAKE = default_question("deepfake")
EXPRESSION = default_question("expression")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The **video** is _not_ `real`.", "The video is not real."),
        ("wearing_hat, __bold__, 5_o_clock", "wearing hat, bold, 5 o clock"),
        ("~~happy~~ sad", "sad"),
        ("<b>Anger</b> < 3 > 2", "Anger < 3 > 2"),
        ("## Answer\nfear", "Answer:\nfear"),
        ("**Inactive AUs:**\n* AU4", "Inactive AUs:\nAU4"),
        ("| AU4 | no |\n|---|---|", "AU4: no\n---|---"),
        ("- [x] AU6\n- [ ] AU12", "- AU6\n- not AU12"),
        ("AU6: ✅, AU12: ❌", "AU6: , AU12: no"),
        (
            "Ｈａｐｐｙ, 𝗵𝗮𝗽𝗽𝘆, ha\u200bppy, thirty\u2011five, 3\u00a0years",
            "Happy, happy, happy, thirty-five, 3 years",
        ),
        ("30² and 1½", "30² and 1½"),
        ("a  \t b\r\n\n\n  c......", "a b\nc..."),
    ],
)
def test_only_words_are_left(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("question", "text", "status", "labels"),
    [
        (EXPRESSION, "_sadness_", "ok", "sadness"),
        (EXPRESSION, "The person shows *sadness*.", "ok", "sadness"),
        (EXPRESSION, "The emotion is _not_ happiness but _sadness_.", "ok", "sadness"),
        (EXPRESSION, '```json\n{"label": "fear"}\n```', "ok", "fear"),
        (EXPRESSION, "### Answer\n**Sadness**\n\n### Why\n- Not anger: brows relaxed", "ok", "sadness"),
        (DEEPFAKE, "The video is _not_ fake.", "ok", "real"),
        (DEEPFAKE, '{"real": false, "fake": true}', "ok", "fake"),
        (ACTION_UNITS, "- **AU6**: present\n- **AU12**: absent", "ok", "AU6"),
        (ACTION_UNITS, "| AU | Active |\n|---|---|\n| AU4 | No |\n| AU6 | Yes |", "ok", "AU6"),
        (ACTION_UNITS, "AU | Name | Active\nAU4 | Brow lowerer | No\nAU6 | Cheek raiser | Yes", "ok", "AU6"),
        (ACTION_UNITS, '{"AU6": true, "AU12": false, "AU4": 0}', "ok", "AU6"),
        (ACTION_UNITS, '[{"au": "AU4", "active": false}, {"au": "AU6", "active": true}]', "ok", "AU6"),
        (ACTION_UNITS, "**Active AUs:**\n- AU12\n\n**Inactive AUs:**\n- AU4\n- AU9", "ok", "AU12"),
        (ACTION_UNITS, "AU4 ❌, AU12 ✅", "ok", "AU12"),
        (ATTRIBUTES, "Wearing_Hat, _Smiling_, **Young**", "ok", "smiling wearing_hat young"),
        (ATTRIBUTES, "Five o’clock shadow.", "ok", "5_o_clock_shadow"),
        (AGE, "The person is **25-30** years old.", "ambiguous", "25 30"),
        (AGE, "_30_ years", "ok", "30"),
        (AGE, '{"age": "30"}', "ok", "30"),
    ],
)  # fmt: skip
def test_typography_hides_no_answer(question: Question, text: str, status: str, labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, " ".join(reading.labels)) == (status, labels)
