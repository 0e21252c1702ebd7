from collections import Counter

from numpy.random import default_rng

from model.parsing.reading import read_answer
from model.prompting.questions import DEFAULT_QUESTIONS, default_question
from model.synthetic.conversation import TalkConfig, talk_about, talk_about_nothing
from model.synthetic.film import Label

LABEL = Label(
    file="0.mp4", face=0, start_s=0, end_s=2, x_px=0, y_px=0, w_px=90, h_px=90, expression="happiness",
    action_units=("AU6", "AU12"), attributes=("smiling", "young"), age_years=1, is_manipulated=True,
    manipulation="flicker",
)  # fmt: skip


def test_what_is_said_is_true_and_can_be_read() -> None:
    answers = dict(turn for said in talk_about(LABEL, default_rng(0)) for turn in said.turns)
    read = {question.name: read_answer(answers[question.prompt], question) for question in DEFAULT_QUESTIONS}
    assert {reading.status for reading in read.values()} == {"ok"}
    assert read["expression"].labels == ("happiness",)
    assert set(read["action_units"].labels) == {"AU6", "AU12"}
    assert set(read["attributes"].labels) == {"smiling", "young"}
    assert read["deepfake"].labels == ("fake",)
    assert answers[default_question("age").score_prompt] == "1 year"
    assert answers[default_question("deepfake").score_prompt] == "fake"


def test_yes_and_no_are_those_of_the_label() -> None:
    rng = default_rng(0)
    said = [turn for _ in range(20) for part in talk_about(LABEL, rng) for turn in part.turns]
    yes = {question for question, answer in said if answer == "yes"}
    assert len(yes) == 4
    assert all(any(word in question for word in ("AU6", "AU12", "smile", "young")) for question in yes)


def test_as_a_scan_asks_labels_are_as_rare_as_they_are() -> None:
    rng = default_rng(0)
    shares: dict[bool, float] = {}
    for is_even in (True, False):
        config = TalkConfig(turns=4, has_even_odds=is_even)
        said = [turn for _ in range(300) for part in talk_about(LABEL, rng, config) for turn in part.turns]
        answers = Counter(answer for question, answer in said if "action unit active" in question)
        shares[is_even] = answers["yes"] / (answers["yes"] + answers["no"])
    present = len(LABEL.action_units) / len(default_question("action_units").labels)
    assert abs(shares[False] - present) < 0.03
    assert shares[True] > 2 * present


def test_about_nothing_everything_is_as_probable() -> None:
    rng = default_rng(0)
    said = [turn for _ in range(200) for part in talk_about_nothing(rng) for turn in part.turns]
    counts = Counter(answer for _, answer in said)
    assert abs(counts["yes"] - counts["no"]) < 0.1 * counts["yes"]
    assert min(counts[label.name] for label in default_question("expression").labels) > 10
