"""Cards in SQL: the same ratios as the card's own, verdicts track first."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flows.calibrate import calibration_row
from model.evaluation.forensic import log10_odds
from storage.records import AnswerRecord, Box, Calibration, Clip, Finding, Record
from tests.model.evaluation.test_calibration import card
from tests.storage.rows import RECIPE, at, recipe, video

Select = Callable[..., list[tuple[Any, ...]]]
CARD = card(knots=((-2.0, -1.5), (0.5, 0.0), (1.0, 1.2)))


def rows(*videos: Sequence[Record], cards: Sequence[Calibration] = ()) -> list[Record]:
    return [recipe(), *cards, *(row for of_video in videos for row in of_video)]


def applied(minutes: float = 1, of: Any = CARD) -> Calibration:
    return replace(calibration_row(of, RECIPE), applied_at=at(minutes))


SCORES = (0.0, 1e-20, 0.001, 0.3, 0.5, 0.76, 0.9, 0.99, 1.0)


def test_findings_get_the_ratios_of_the_card(select: Select) -> None:
    made = rows(
        *(video(f"v{n}", f"/{n}.mp4", deepfake=(score,)) for n, score in enumerate(SCORES)), cards=[applied()]
    )
    found = select(
        "select score, log10_lr, verdict, calibration_id from findings where label = 'fake' order by score",
        made,
    )
    expected = CARD.log10_lrs(log10_odds(np.array(SCORES)))
    assert [row[1] for row in found] == pytest.approx(expected.tolist())
    assert [row[2] for row in found] == [CARD.verdict(float(ratio)) for ratio in expected]
    assert {row[3] for row in found} == {CARD.calibration_id}
    others = select("select count(*), count(log10_lr), count(verdict) from findings where label <> 'fake'")
    assert others[0][0] > 0
    assert others[0][1:] == (0, 0)


def test_without_a_card_there_is_no_verdict(select: Select) -> None:
    made = rows(video("v1", "/1.mp4"), cards=[replace(applied(), recipe_id="another")])
    assert select("select count(log10_lr), count(verdict), count(calibration_id) from findings", made) == [
        (0, 0, 0)
    ]
    assert select("select deepfake_log10_lr, deepfake_verdict from video_summary") == [(None, None)]


def test_of_two_cards_the_newer_counts_and_both_stay(select: Select) -> None:
    newer = card(knots=((-2.0, -0.1), (1.0, 0.1)))
    made = rows(video("v1", "/1.mp4"), cards=[applied(5, newer), applied(1), applied(2)])
    assert select("select calibration_id, is_current from calibrations order by is_current", made) == [
        (CARD.calibration_id, False),
        (newer.calibration_id, True),
    ]
    assert select("select distinct calibration_id from findings where log10_lr is not null") == [
        (newer.calibration_id,)
    ]


def test_one_fake_face_among_ten_is_never_averaged_away(select: Select) -> None:
    made = rows(
        video("v1", "/1.mp4", tracks=10, deepfake=(0.001,) * 9 + (0.97,)),
        video("v2", "/2.mp4", tracks=3, deepfake=(0.001,)),
        video("v3", "/3.mp4", tracks=3, deepfake=(0.001, 0.6, 0.001)),
        video("v4", "/4.mp4", tracks=2, deepfake=(0.001,), partial_reason="cut off"),
        video("v5", "/5.mp4", tracks=0),
        cards=[applied()],
    )
    found = select(
        "select video_id, deepfake_log10_lr, deepfake_verdict from video_summary order by all", made
    )
    assert [(row[0], row[2]) for row in found] == [
        ("v1", "fake"),
        ("v2", "real"),
        ("v3", "inconclusive"),
        ("v4", "inconclusive"),  # what was not read may hold anything
        ("v5", None),  # no face is no verdict
    ]
    assert found[0][1] == pytest.approx(1.2)
    assert [
        row[0] for row in select("select deepfake_verdict from track_summary where video_id = 'v1'")
    ].count("real") == 9


def test_an_open_clip_keeps_a_video_from_being_cleared(select: Select) -> None:
    made = video("v1", "/1.mp4", clips=2, deepfake=(0.001,))
    opened = next(row for row in made if isinstance(row, Clip) and row.clip_index == 1)
    kept = [
        row for row in made if not isinstance(row, Finding | AnswerRecord) or row.clip_id != opened.clip_id
    ]
    kept[kept.index(opened)] = replace(opened, no_answer_reason="not finite")
    assert select("select deepfake_verdict from track_summary", rows(kept, cards=[applied()])) == [
        ("inconclusive",)
    ]
    assert select("select deepfake_verdict from video_summary") == [("inconclusive",)]


def test_a_score_is_of_the_main_face_and_the_highest_of_all(select: Select) -> None:
    made = rows(video("v1", "/1.mp4", tracks=2, deepfake=(0.2, 0.9)))
    large = [
        replace(row, w_px=640.0) if isinstance(row, Box) and row.track_id.endswith("t0000") else row
        for row in made
    ]
    found = select("select score, score_highest, clips from video_scores where label = 'fake'", large)
    assert found == [(0.2, 0.9, 2)]
    assert select("select track_id from main_tracks")[0][0].endswith("t0000")
