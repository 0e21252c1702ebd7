import pytest

from model.parsing.action_units import spell_action_units
from model.parsing.reading import read_answer
from model.prompting.questions import default_question


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("AU 12, AU-6, AU#4, AU_1 and AU06", "AU12, AU6, AU4, AU1 and AU6"),
        ("AU12C, AU06_r", "AU12, AU6"),
        ("AUs 1+2 and 4", "AUs AU1/AU2 and AU4"),
        ("The active AUs are 6 and 12.", "The active AUs are AU6 and AU12."),
        ("The active AUs are AU4 and AU7.", "The active AUs are AU4 and AU7."),
        ("The following action units are active: 1, 2.", "The following action units are active: AU1, AU2."),
        ("AU 6, 12, and 25", "AU6, AU12, and AU25"),
        ("AU12, 3 faces", "AU12, 3 faces"),
        ("- AU4\n- AU12", "- AU4\n- AU12"),
    ],
)
def test_each_gets_its_name(text: str, spelt: str) -> None:
    assert spell_action_units(text) == spelt


def test_a_list_of_numbers_is_denied_as_a_whole() -> None:
    reading = read_answer("AUs 4 and 9 are absent; AU: 6, 12.", default_question("action_units"))
    assert reading.labels == ("AU6", "AU12")
