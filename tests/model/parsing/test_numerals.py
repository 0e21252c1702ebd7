"""Texts that tempt a reader of ages."""

import pytest

from model.parsing.reading import Reading, read_answer
from model.prompting.questions import Question, default_question

AGE = default_question("age")


@pytest.mark.parametrize(
    ("question", "text", "status", "labels"),
    [
        (AGE, "25years", "ok", "25"),
        (AGE, "25~30 years", "ambiguous", "25 30"),
        (AGE, "30 +/- 5 years", "ok", "30"),
        (AGE, "8 months old", "unparsable", ""),
        (AGE, "About two years and six months old", "ok", "2"),
        (AGE, "thirty-five to forty", "ambiguous", "35 40"),
        (AGE, "30 – 35 years", "ambiguous", "30 35"),
        (AGE, "45, not 54.", "ok", "45"),
        (AGE, "Cuarenta años", "unparsable", ""),
        (AGE, "twenty something", "ambiguous", "20 29"),
        (AGE, "Age: FORTY-TWO", "ok", "42"),
        (AGE, "older than 18 and younger than 25", "ambiguous", "18 25"),
        (AGE, "AU12 is active, and the man is 40 years old.", "ok", "40"),
        (AGE, "an 18-month-old toddler", "unparsable", ""),
        (AGE, "Born 40 years ago.", "ok", "40"),
        (AGE, "early- to mid-thirties", "ambiguous", "30 36"),
        (AGE, "Between the ages of 20 and 25.", "ambiguous", "20 25"),
        (AGE, "approx. 27 y/o", "ok", "27"),
        (AGE, "TWENTY-ONE YEARS", "ok", "21"),
        (AGE, "In her sixties, maybe 65.", "ambiguous", "60 69"),
        (AGE, "a 6-week-old infant", "unparsable", ""),
        (AGE, "I don't know.", "refused", ""),
        (AGE, "Aged about 50±5", "ok", "50"),
        (AGE, "Age 30 (range 25-35)", "ok", "30"),
        (AGE, "He is 0.5 years old.", "ok", "0.5"),
        (AGE, "25.5 years", "ok", "25.5"),
        (AGE, "Age: 25.5", "ok", "25.5"),
        (AGE, "He is 1.75 m tall.", "unparsable", ""),
        (AGE, "25 years old to 30 years old", "ambiguous", "25 30"),
        (AGE, "He is 30 or possibly 35.", "ambiguous", "30 35"),
        (AGE, "25, 26 or 27", "ambiguous", "25 27"),
        (AGE, "(25, 32)", "ambiguous", "25 32"),
        (AGE, "mid-to-late thirties", "ambiguous", "34 39"),
        (AGE, "in the middle thirties", "ambiguous", "34 36"),
        (AGE, "She isn't in her 30s; she is 45.", "ok", "45"),
        (AGE, "Age range: 20-29. Best guess: 25.", "ok", "25"),
        (AGE, "She can't be older than 30.", "ambiguous", "0 30"),
        (AGE, "no younger than 30", "ambiguous", "30 100"),
        (AGE, "up to 30 years", "ambiguous", "0 30"),
        (AGE, "He is not yet 30.", "ambiguous", "0 30"),
        (AGE, "at least 30, at most 40", "ambiguous", "30 40"),
        (AGE, "60-plus", "ambiguous", "60 100"),
        (AGE, "There are 2 people.", "unparsable", ""),
        (AGE, "late 30s/early 40s", "ambiguous", "37 43"),
        (AGE, "He is 6 feet tall and 30 years old.", "ok", "30"),
        (AGE, "1. 30 years old", "ok", "30"),
        (AGE, "6-8 months old", "unparsable", ""),
        (AGE, "A man with a 5 o'clock shadow.", "unparsable", ""),
        (AGE, "He looks 10 years younger than his 60.", "ok", "60"),
        (AGE, "90% sure that he is 22", "ok", "22"),
        (AGE, "One can see deep wrinkles; the person is about 60 years old.", "ok", "60"),
        (AGE, "Two vertical lines between the brows suggest an age of 45.", "ok", "45"),
        (AGE, "One would say that he is 45", "ok", "45"),
        (AGE, "25 is my estimate; his brother is 40", "ok", "25"),
        (AGE, "Thirty, I guess; his brother is 40", "ok", "30"),
        (AGE, "Thirty I guess; his brother is 40", "ok", "30"),
        (AGE, "Thirty\nHis brother is 40", "ok", "30"),
        (AGE, "Thirty or so", "ok", "30"),
        (AGE, "One can see deep wrinkles.", "unparsable", ""),
        (AGE, "One year old; his brother is 40", "ok", "1"),
    ],
)
def test_hostile_ages(question: Question, text: str, status: str, labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, " ".join(reading.labels)) == (status, labels)


@pytest.mark.parametrize("unit", ["degrees", "percent", "months", "minutes", "frames", "cm", "kg"])
def test_a_unit_that_is_no_age_may_be_the_questions_own(unit: str) -> None:
    question = Question("much", "number", "How much?", unit=unit, number_answers=(f"{{n}} {unit}",))
    assert read_answer(f"30 {unit}: so it seems.", question) == Reading("ok", ("30",), "so it seems.")
    assert read_answer(f"After 20 years it is 30 {unit}.", question).labels == ("30",)


@pytest.mark.parametrize("text", ["Rating: 4/5 stars", "I give 4 out of 5 stars.", "4 of 5"])
def test_the_end_of_a_scale_is_no_answer(text: str) -> None:
    question = Question("look", "number", "How good?", maximum=5, unit="stars", number_answers=("{n} stars",))
    assert read_answer(text, question).labels == ("4",)
