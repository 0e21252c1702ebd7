from dataclasses import replace
from typing import Any

import pytest

from storage.records import AnswerRecord, Clip, Finding, Video
from tests.storage import rows
from workers.describer import Described
from workers.evidence import Picture
from workers.failure import SourceError
from workers.fleet.answered import Answered, is_mute, with_answers


def described(reasons: tuple[str | None, ...]) -> Described:
    """Return what a describer makes of one clip per reason, which says why it has no answers."""
    made = rows.video("v", "uri", tracks=len(reasons))

    def kind(record: type) -> tuple[Any, ...]:
        return tuple(row for row in made if isinstance(row, record))

    clips = tuple(replace(clip, no_answer_reason=why) for clip, why in zip(kind(Clip), reasons, strict=True))
    return Described(clips, kind(AnswerRecord), kind(Finding), (Picture("evidence/a.jpg", b"picture"),), 0.5)


def video(**changed: Any) -> Video:
    *_, row = rows.video("v", "uri")
    assert isinstance(row, Video)
    return replace(row, findings=0, describe_s=0.0, **changed)


def test_answers_become_rows_in_columns_and_an_account() -> None:
    made = described((None, None))
    answered = Answered.of(made)
    assert [of_table.table for of_table in answered.rows] == ["clips", "answers", "findings"]
    assert tuple(answered.rows[0].records()) == made.clips
    assert answered.pictures == made.pictures
    account = answered.account
    assert (account.clips, account.unanswered, account.reason) == (2, 0, None)
    row = with_answers(video(), [account, account])
    assert (row.findings, row.describe_s, row.is_partial) == (2 * len(made.findings), 1.0, False)


def test_clips_without_answers_make_a_video_partial() -> None:
    accounts = [Answered.of(described(reasons)).account for reasons in ((None,), ("not finite", "too long"))]
    assert not is_mute(accounts)
    row = with_answers(video(is_partial=True, partial_reason="ends after 3.0 s"), accounts)
    assert row.is_partial
    assert row.partial_reason == "ends after 3.0 s; 2 of 3 clips have no answers (not finite)"
    assert with_answers(video(), accounts).partial_reason == "2 of 3 clips have no answers (not finite)"


def test_a_video_of_whose_clips_none_is_answered_is_known() -> None:
    assert is_mute([Answered.of(described(("not finite",))).account])
    assert not is_mute([])


def test_a_row_that_fits_no_table_is_refused_where_it_is_made() -> None:
    made = described((None,))
    text = replace(made.answers[0], text="half a character \ud800")
    with pytest.raises(SourceError, match=r"do not fit the table answers") as caught:
        Answered.of(replace(made, answers=(text,)))
    assert (caught.value.stage, caught.value.error) == ("commit", "UnicodeEncodeError")
