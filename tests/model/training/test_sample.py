import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from model.training.sample import DataError, read_samples
from tests.model.training.training_data import write_data


def test_samples_are_read_as_the_official_files_have_them(tmp_path: Path) -> None:
    samples = read_samples(write_data(tmp_path, images=1, videos=1), tmp_path)
    assert [sample.kind for sample in samples] == ["image", "video"]
    assert samples[0].media == tmp_path / "0.npy"
    assert samples[0].landmarks == tmp_path / "0-landmarks.npy"
    assert samples[1].turns == (("Is it a face?", "Yes. Yes."),)
    assert samples[1].words == 6


def changed(tmp_path: Path, **fields: Any) -> Path:
    path = write_data(tmp_path, images=2, videos=0)
    entries = json.loads(path.read_text())
    entries[1] |= fields
    path.write_text(json.dumps(entries))
    return path


def said(*texts: str) -> list[dict[str, str]]:
    return [{"from": "gpt" if n % 2 else "human", "value": text} for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": "absent.png"}, "sample 1 names image absent.png, which is not in"),
        ({"video": "0.npy"}, "both an image and a video"),
        ({"image": None}, "neither image nor video"),
        ({"conversations": said("<image>\nWho?")}, "no conversations that end with an answer"),
        ({"conversations": []}, "no conversations"),
        ({"conversations": said("<video>\nWho?", "He.")}, "begins with '<video>"),
        ({"conversations": said("Who?", "He.")}, "instead of '<image>'"),
        ({"conversations": said("<image>\nWho <image>?", "He.")}, "placeholder where none belongs"),
        ({"conversations": said("<image>\nWho?", " ")}, "turn 1 that is no text from 'gpt'"),
        ({"conversations": said("<image>\nWho?", "He.</s>")}, "</s>"),
    ],
)
def test_what_is_wrong_with_a_sample_is_said(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_samples(changed(tmp_path, **fields), tmp_path)
    assert message in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_is_no_list_of_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    for text, message in (("{", "JSON"), ("{}", "no list"), ("[]", "no list"), ("[3]", "no object")):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_samples(path, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_samples(tmp_path / "absent.json", tmp_path)


def test_only_the_first_problems_are_told(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([{}] * 9))
    with pytest.raises(DataError, match="and 4 more"):
        read_samples(path, tmp_path)
