"""What a judge is told of the truth."""

import pytest

from model.datasets.sample import Truth
from model.evaluation.judge import in_words


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ("anger", "anger"),
        (31.0, "31 years"),
        ({"bald": True, "wearing_hat": True, "young": False}, "bald, wearing hat"),
        ({"AU1": False, "AU2": False}, "none of them"),
        ({"AU1": False, "AU2": None}, "none of them; not coded: AU2"),
        ({"AU1": True, "AU2": None, "AU4": False}, "AU1; not coded: AU2"),
        ({"AU1": None, "AU2": None}, "not coded: AU1, AU2"),
    ],
)
def test_what_is_not_coded_is_not_called_absent(truth: Truth, words: str) -> None:
    assert in_words(truth) == words
