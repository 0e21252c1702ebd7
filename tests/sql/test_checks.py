"""Every check can fail: one damaged lake for each, and no other check minds that should not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.catalog import Catalog
from storage.records import AnswerRecord, Box, Clip, Finding, Record, Shot, Track, Video
from storage.statements import Statement, check_statements, view_statements
from tests.storage.rows import MadeTables, failure, recipe, source, video

Select = Callable[..., list[tuple[Any, ...]]]
Damage = Callable[[list[Record]], list[Record]]


def sound() -> list[Record]:
    return [recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4", tracks=2, clips=2)]


def changed(kind: type[Record], number: int = 0, **values: Any) -> Damage:
    """Return what changes one row of a class."""

    def damage(rows: list[Record]) -> list[Record]:
        index = [at for at, row in enumerate(rows) if isinstance(row, kind)][number]
        return [*rows[:index], replace(rows[index], **values), *rows[index + 1 :]]

    return damage


def without(kind: type[Record], number: int = 0) -> Damage:
    def damage(rows: list[Record]) -> list[Record]:
        index = [at for at, row in enumerate(rows) if isinstance(row, kind)][number]
        return [*rows[:index], *rows[index + 1 :]]

    return damage


def twice(kind: type[Record]) -> Damage:
    def damage(rows: list[Record]) -> list[Record]:
        return [*rows, *(row for row in rows if isinstance(row, kind))]

    return damage


def without_answers(rows: list[Record]) -> list[Record]:
    """Leave out all that was said about the first clip."""
    (clip, *_) = (row for row in rows if isinstance(row, Clip))
    left = [
        row for row in rows if not (isinstance(row, AnswerRecord | Finding) and row.clip_id == clip.clip_id)
    ]
    findings = sum(isinstance(row, Finding) for row in left)
    return changed(Video, findings=findings)(left)


def unlisted(rows: list[Record]) -> list[Record]:
    return [*rows, failure("/unlisted.mp4")]


NAN, INFINITY = float("nan"), float("inf")

DAMAGES: list[tuple[str, Damage, set[str]]] = [
    ("boxes_have_area", changed(Box, w_px=0.0), set()),
    ("boxes_have_area", changed(Box, x_px=640.0), set()),
    ("boxes_have_area", changed(Box, y_px=-90.0), set()),
    ("boxes_have_area", changed(Box, h_px=NAN), set()),
    ("clips_are_answered", without_answers, set()),
    ("clips_are_answered", changed(Clip, no_answer_reason="out of memory"), set()),
    ("children_have_parents", without(Shot), set()),
    ("children_have_parents", without(Track), {"counts_match"}),
    ("children_have_parents", without(Clip), {"counts_match"}),
    ("children_have_parents", without(AnswerRecord), set()),
    ("children_have_parents", changed(Box, track_id="t"), set()),
    ("counts_match", without(Box), set()),
    ("counts_match", changed(Video, clips=5), set()),
    ("counts_match", changed(Video, findings=0), set()),
    ("counts_match", changed(Video, tracks=1), set()),
    ("failures_are_listed", unlisted, set()),
    ("keys_are_unique", twice(Shot), set()),
    ("keys_are_unique", twice(Track), {"counts_match"}),
    ("keys_are_unique", twice(AnswerRecord), set()),
    ("keys_are_unique", changed(Box, 1, frame_index=0), set()),
    ("lists_fit", changed(Box, landmarks_px=(1.0,) * 134), set()),
    ("lists_fit", changed(Clip, pts=(0,)), set()),
    ("lists_fit", changed(Clip, crop_xys_px=(0.0,) * 5), set()),
    ("lists_fit", changed(Clip, landmarks_crop_px=()), set()),
    ("lists_fit", changed(Clip, best_frame=2), set()),
    ("lists_fit", changed(Clip, crop_angles_deg=(1.0,)), set()),
    ("lists_fit", changed(AnswerRecord, numbers=(1,)), set()),
    ("lists_fit", changed(AnswerRecord, number_prior_log_probs=(-1.0,)), set()),
    ("probabilities_add_up", changed(Finding, score=0.6), set()),
    ("results_have_recipes", lambda rows: rows[1:], set()),
    ("results_have_recipes", changed(AnswerRecord, model_id="model-2"), set()),
    ("results_have_recipes", changed(AnswerRecord, is_demonstration=False), set()),
    ("scores_in_range", changed(Box, score=1.2), set()),
    ("scores_in_range", changed(Box, quality=NAN), set()),
    ("scores_in_range", changed(Box, occlusion=1.1), set()),
    ("scores_in_range", changed(Track, quality=-0.1), set()),
    ("scores_in_range", changed(Clip, quality=2.0), set()),
    ("scores_in_range", changed(Finding, 5, score=-0.1), set()),
    ("scores_in_range", changed(Finding, 8, score=INFINITY), set()),
    ("scores_in_range", changed(Finding, 8, spread=-1.0), set()),
    ("times_in_order", changed(Track, start_s=2.5), set()),
    ("times_in_order", changed(Clip, end_s=2.1), set()),
    ("times_in_order", changed(Clip, start_s=-0.1), set()),
    ("times_in_order", changed(Box, pts_s=2.5), set()),
    ("times_in_order", changed(Box, pts_s=NAN), set()),
]


def offended(select: Select, rows: list[Record]) -> set[str]:
    """Return the checks that some row offends."""
    select("select 1", rows)
    names = [check.name for check in check_statements()]
    return {name for name in names if select(f"select count(*) from checks.{name}") != [(0,)]}


def test_a_sound_lake_offends_no_check(select: Select) -> None:
    assert offended(select, sound()) == set()


@pytest.mark.parametrize(("check", "damage", "others"), DAMAGES)
def test_a_check_finds_its_damage(select: Select, check: str, damage: Damage, others: set[str]) -> None:
    assert offended(select, damage(sound())) == {check, *others}


def test_a_clip_without_answers_and_with_its_reason_is_sound(select: Select) -> None:
    rows = changed(Clip, no_answer_reason="out of memory")(without_answers(sound()))
    assert offended(select, rows) == set()


@pytest.mark.parametrize(
    ("kind", "scores", "found"),
    [
        ("single_label", (0.5, 0.5), set()),
        ("single_label", (0.5, 0.4), {"probabilities_add_up"}),
        ("single_label", (0.9, 0.9), {"probabilities_add_up"}),
        ("multi_label", (0.9, 0.9), set()),
    ],
)
def test_a_question_of_a_recipe_is_checked_by_its_kind(
    select: Select, kind: str, scores: tuple[float, ...], found: set[str]
) -> None:
    """A recipe may ask what nobody has thought of here."""
    rows: list[Record] = [recipe(questions={"gaze": kind}), source("/a.mp4", video_id="v1")]
    for row in video("v1", "/a.mp4"):
        match row:
            case AnswerRecord(question="deepfake"):
                rows.append(replace(row, question="gaze"))
            case Finding(question="deepfake"):
                rows.append(replace(row, question="gaze", score=scores[row.label == "fake"]))
            case AnswerRecord() | Finding():
                pass
            case _:
                rows.append(row)
    assert offended(select, changed(Video, findings=2)(rows)) == found


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"questions": 3}', '{"questions": [3]}'])
def test_a_recipe_that_states_no_questions_asks_none(select: Select, text: str) -> None:
    assert select("from questions", [replace(recipe(), recipe_json=text)]) == []


def test_coverage_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    """The views cannot lose a source by any rows; so one that does is put in their place."""
    lossy = """
        create or replace view listings as
        select uri, recipe_id, 'done' as status, null::varchar as reason
        from raw.sources
        where uri = '/a.mp4'
    """
    with Catalog(MadeTables(tmp_path, [*sound(), source("/b.mp4")])).connect() as connection:
        assert connection.sql("from checks.coverage_adds_up").fetchall() == []
        connection.execute(lossy)
        assert len(connection.sql("from checks.coverage_adds_up").fetchall()) == 1


def test_every_check_is_shown_to_fail() -> None:
    shown = {check for check, _, _ in DAMAGES} | {"coverage_adds_up"}
    assert shown == {check.name for check in check_statements()}


def test_every_view_with_rows_of_its_own_has_its_key_checked() -> None:
    """`keys_are_unique` names views by hand; those left out are grouped by their key, so cannot repeat it."""
    (check,) = (check for check in check_statements() if check.name == "keys_are_unique")
    grouped = {
        "observations",
        "coverage",
        "failures_by_reason",
        "clip_summary",
        "main_tracks",
        "track_scores",
        "video_scores",
        "track_summary",
        "video_summary",
    }
    assert {view.name for view in view_statements() if f"'{view.name}'" not in check.select} == grouped


@pytest.mark.parametrize("statement", [*view_statements(), *check_statements()], ids=lambda one: one.name)
def test_sql_is_lower_case_and_names_its_columns(statement: Statement) -> None:
    assert statement.select == statement.select.lower()
    assert statement.grain.endswith(".")
    final = statement.select.rsplit("\nselect", 1)[-1]
    assert "*" not in final.split("\nfrom")[0].replace("count(*)", "")
