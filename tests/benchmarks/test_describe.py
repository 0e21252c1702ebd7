"""The benchmark's two sides say the same: only then is their ratio one of speed."""

import sys
from dataclasses import replace

import pytest

from benchmarks.describe import Task, counted, differences, measure, single_prompts
from model.prompting.questions import DEFAULT_QUESTIONS

PLAIN = Task(batch=None, size="tiny", device="cpu", dtype="float32", tokens=3, threads=1)


def test_one_prompt_at_a_time_and_all_at_once_give_the_same_answers() -> None:
    plain, shared = measure(PLAIN), measure(replace(PLAIN, batch=2))
    assert len(plain.answers) == 58
    difference, equal_texts = differences(shared.answers[0], plain.answers)
    assert difference < 1e-4
    assert equal_texts == len(DEFAULT_QUESTIONS)
    for measured in (plain, shared):
        assert 0 < measured.weights_mib <= measured.peak_mib
        assert measured.clip_s > 0


def test_progress_is_told_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = single_prompts(DEFAULT_QUESTIONS[:1])
    list(counted(prompts))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(counted(prompts))
    assert "prompt 1 of 1" in capsys.readouterr().err
